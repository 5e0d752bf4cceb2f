import { spawnSync } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SECOND } from './second-user.js';

/** An agent's home as the packages make it, on a host that has the agent's account. */
export interface InstalledHome {
  /** The directory that it lies in; everybody may look into it. */
  readonly base: string;
  readonly home: string;
  readonly etc: string;
  readonly conf: string;
  readonly keys: string;
  readonly counter: string;
  /** What starts the program where the second user is the account `wazuh`: in a mount namespace of its own. */
  readonly account: readonly string[];
  remove(): Promise<void>;
}

const UNDER_THIS_PASSWD = 'mount --bind "$0" /etc/passwd && mount --bind "$1" /etc/group && shift && exec "$@"';

/** Makes one; in a directory that the second user may not change. */
export async function installedHome(): Promise<InstalledHome> {
  const base = await mkdtemp(join(tmpdir(), 'agent-enroll-beside-'));
  await chmod(base, 0o755);
  const home = join(base, 'home');
  await makeHome(home);
  const passwd = await withAccount('/etc/passwd', join(base, 'passwd'), `${SECOND.uid}:${SECOND.gid}::/:/bin/false`);
  const group = await withAccount('/etc/group', join(base, 'group'), `${SECOND.gid}:`);
  const etc = join(home, 'etc');
  return {
    base,
    home,
    etc,
    conf: join(etc, 'ossec.conf'),
    keys: join(etc, 'client.keys'),
    counter: join(home, 'queue', 'rids', 'sender_counter'),
    account: ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', UNDER_THIS_PASSWD, passwd, group],
    remove: async () => {
      spawnSync('chattr', ['-R', '-f', '-i', base]);
      await rm(base, { recursive: true, force: true });
    },
  };
}

/** Makes the directories of a home and an ossec.conf that names nobody, with the owners and modes of the packages. */
export async function makeHome(home: string): Promise<void> {
  const { uid, gid } = SECOND;
  await mkdir(home);
  for (const [directory, mode, owner] of [
    ['', 0o750, 0],
    ['etc', 0o770, 0],
    ['queue', 0o750, 0],
    ['queue/rids', 0o770, uid],
  ] as const) {
    const path = join(home, directory);
    if (directory !== '') await mkdir(path);
    await chown(path, owner, gid);
    await chmod(path, mode);
  }
  await place(join(home, 'etc', 'ossec.conf'), confNaming(), 0o660);
}

/** Writes a file of root's and the agent's group, with this mode. */
export async function place(path: string, text: string, mode: number, uid = 0, gid: number = SECOND.gid) {
  await writeFile(path, text);
  await chown(path, uid, gid);
  await chmod(path, mode);
}

/** An ossec.conf of an agent with this server and enrollment block, as XML. */
export function confNaming(server = '', enrollment = ''): string {
  const block = enrollment === '' ? '' : `    <enrollment>\n      ${enrollment}\n    </enrollment>\n`;
  const named = server === '' ? '<address>MANAGER_IP</address>' : server;
  return `<ossec_config>\n  <client>\n    <server>\n      ${named}\n    </server>\n${block}  </client>\n</ossec_config>\n`;
}

/** A key of a host, as a line of client.keys. */
export function keyLine(id = '001', name = 'web-01'): string {
  return `${id} ${name} any ${'ab'.repeat(32)}\n`;
}

async function withAccount(from: string, to: string, rest: string): Promise<string> {
  const others = (await readFile(from, 'utf8')).split('\n').filter((line) => !/^(wazuh|ossec):/.test(line));
  await writeFile(to, [...others.filter((line) => line !== ''), `wazuh:x:${rest}`, ''].join('\n'));
  return to;
}
