import { EnrollError } from '../errors.js';
import type { FileFacts } from '../files/files.js';
import { canOthersWrite } from '../files/place.js';
import { type Endpoint, formatEndpoint } from '../model/endpoint.js';
import type { ServiceAccount } from '../model/host.js';
import { describeOrigin, type Origin, type Sourced } from './origin.js';
import type { Hearsay } from './settings.js';
import type { FileStanding, SettingsEdge } from './settings-edge.js';

/** An enrollment service, and who named it. */
export interface NamedService {
  readonly endpoint: Endpoint;
  readonly origin: Origin;
}

/** Something that is sent to an enrollment service, or that it makes this host prove to have. */
export interface SentSecret {
  /** What it is, as the beginning of a sentence: "the password". */
  readonly what: string;
  readonly origin: Origin;
  /** The files that one must read to have it; none: it lies in no file. */
  readonly files: readonly FileStanding[];
}

/** By what an enrollment service is trusted. */
export interface Vouchers {
  readonly pin: boolean;
  /** The CA, and the file that it was read from. */
  readonly ca?: { readonly origin: Origin; readonly file: FileStanding };
}

/** What decides about whose word sends secrets where. */
export interface Vouching {
  /** Who is asked for a key. */
  readonly services: readonly NamedService[];
  readonly secrets: readonly SentSecret[];
  readonly vouchers: Vouchers;
  /** Whether an origin is a file that others than root can change. */
  readonly isOfOthers: (origin: Origin) => boolean;
  /** The account of the agent's daemon; absent: there is none. */
  readonly account: ServiceAccount | undefined;
}

/** Whether others than root and whoever runs this can change a file, or put another in its place. */
export function canOthersChange({ facts, directories }: FileStanding, edge: Pick<SettingsEdge, 'uid'>): boolean {
  return [facts, ...directories.slice(0, 1)].some((each) => canOthersWrite(each, edge));
}

/**
 * The enrollment services that nothing but a file that others can change speaks for, each with the secrets that are not
 * theirs already. There are none unless root runs this.
 *
 * On a stock installation ossec.conf is writable for the agent's group (0660 root:wazuh), so that who stands in it as
 * the manager is that group's word. What this group can read may go there, as it could send it itself. What only root
 * has goes there once somebody else's word vouches for the manager: a CA, a pin, or a note of an earlier run.
 */
export function findHearsay(vouching: Vouching, edge: Pick<SettingsEdge, 'uid'>): readonly Hearsay[] {
  const { services, secrets, vouchers, isOfOthers, account } = vouching;
  const { pin, ca } = vouchers;
  if (edge.uid !== 0 || pin) return [];
  if (ca !== undefined && !isOfOthers(ca.origin) && !canOthersChange(ca.file, edge)) return [];
  const guarded = secrets.filter((secret) => isGuarded(secret, account));
  return services
    .filter(({ origin }) => isOfOthers(origin))
    .map(({ endpoint, origin }) => ({
      endpoint,
      origin,
      secrets: guarded.map(({ what, origin: from }) => ({ value: what, origin: from })),
      ...(ca === undefined ? {} : { ca: ca.origin }),
    }));
}

/** Whether the agent's account cannot read a secret by itself; without an account: whether nobody but root can. */
function isGuarded({ files }: SentSecret, account: ServiceAccount | undefined): boolean {
  return files.length === 0 || !files.every((file) => canRead(file, account));
}

function canRead({ facts, directories }: FileStanding, account: ServiceAccount | undefined): boolean {
  return allows(facts, READ, account) && directories.every((directory) => allows(directory, SEARCH, account));
}

const READ = 0o4;
const SEARCH = 0o1;

// Other groups that the account is in are not known here: what they may read counts as root's alone.
function allows({ uid, gid, mode }: FileFacts, right: number, account: ServiceAccount | undefined): boolean {
  const may = (shift: number) => ((mode >> shift) & right) !== 0;
  if (account === undefined) return may(0) || (gid !== 0 && may(3)) || (uid !== 0 && may(6));
  return may(uid === account.uid ? 6 : gid === account.gid ? 3 : 0);
}

/**
 * Makes sure, before anybody is contacted, that no secret goes where only a file says that others can change.
 *
 * @param isKnown whether an earlier run has noted this very endpoint's key, when somebody else's word led there
 * @throws EnrollError `SETTING_INVALID`
 */
export function requireVouched(hearsay: readonly Hearsay[], isKnown: (endpoint: Endpoint) => boolean): void {
  for (const said of hearsay) if (said.secrets.length > 0 && !isKnown(said.endpoint)) throw unvouched(said);
}

function unvouched({ endpoint, origin, secrets, ca }: Hearsay): EnrollError {
  const what = secrets.map(inWords).join(' and ');
  const where = formatEndpoint(endpoint);
  const file = describeOrigin(origin);
  const doubted = ca === undefined ? '' : ` The CA (${describeOrigin(ca)}) can be changed by them too.`;
  return new EnrollError(
    'SETTING_INVALID',
    `${what.charAt(0).toUpperCase()}${what.slice(1)} would go to ${where}, which only ${file} names, and others than root can change that file.${doubted}`,
    {
      hint: 'If that is the right one, name it yourself (--manager, and --enrollment-server where it is another host), or name its key with --pin.',
    },
  );
}

function inWords({ value, origin }: Sourced<string>): string {
  return `${value} (${describeOrigin(origin)})`;
}
