import { spawn, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { enrollCommand } from '../../src/cli/commands/enroll.js';
import type { ErrorCode } from '../../src/errors.js';
import { Secret } from '../../src/model/secret.js';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/manager.js';
import {
  fingerprintOf,
  type IssuedCertificate,
  issueCertificate,
  issueStockCertificate,
} from '../../src/sandbox/own-certificate.js';
import type { SandboxEvent } from '../../src/sandbox/sandbox-events.js';
import type { OptionName } from '../../src/settings/options.js';
import { against, notesOf, run, scratchHome } from './program.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const DAY_MS = 86_400_000;
const HERE = ['localhost', '127.0.0.1'];
const PASSWORD = 'xyzzy-plugh-4711';
const OTHER_KEY = `sha256:${'5a'.repeat(32)}`;

const SHOWN = ['right', 'wrong CA', 'wrong name', 'no name', 'address as CN', 'expired', 'stock'] as const;
type Shown = (typeof SHOWN)[number];
const WAYS = [
  ...['CA', 'pin', 'pin of another key', 'CA and pin', 'CA and pin of another key'],
  ...['first use', 'same key as at first use', 'other key than at first use', 'insecure'],
] as const;
/** By what it is trusted, or with which code (exit 4) and which words it is refused. */
type Outcome = string | readonly [ErrorCode, RegExp];

const PIN: Outcome = ['PIN_MISMATCH', /is not the pinned one \(sha256:5a5a/];
const CHANGED: Outcome = ['FIRST_USE_MISMATCH', /another key than at the first enrollment \(sha256:5a5a/];
const STRANGER: Outcome = ['CERTIFICATE_UNTRUSTED', /was signed by another CA than the given one/];
const EXPIRED: Outcome = ['CERTIFICATE_EXPIRED', /expired on \d{4}-\d\d-\d\d/];
const ITSELF: Outcome = ['CERTIFICATE_UNTRUSTED', /signed by itself and not by the given CA/];
const OTHER_NAME: Outcome = ['CERTIFICATE_NAME_MISMATCH', /for other names than 127\.0\.0\.1/];
const NAMELESS: Outcome = ['CERTIFICATE_NAME_MISMATCH', /for other names than 127\.0\.0\.1: it names manager \(CN\)/];

/** What each way makes of each certificate, in the order of {@link WAYS}. */
const TABLE: Readonly<Record<Shown, readonly Outcome[]>> = {
  right: ['ca', 'pin', PIN, 'ca', PIN, 'first use', 'stored', CHANGED, 'nothing'],
  'wrong CA': [STRANGER, 'pin', PIN, STRANGER, STRANGER, 'first use', 'stored', CHANGED, 'nothing'],
  'wrong name': [OTHER_NAME, 'pin', PIN, 'ca', PIN, 'first use', 'stored', CHANGED, 'nothing'],
  'no name': [NAMELESS, 'pin', PIN, 'ca', PIN, 'first use', 'stored', CHANGED, 'nothing'],
  'address as CN': ['ca', 'pin', PIN, 'ca', PIN, 'first use', 'stored', CHANGED, 'nothing'],
  expired: [EXPIRED, 'pin', PIN, EXPIRED, EXPIRED, 'first use', 'stored', CHANGED, 'nothing'],
  stock: [ITSELF, 'pin', PIN, ITSELF, ITSELF, 'first use', 'stored', CHANGED, 'nothing'],
};

describe('trust, as it is run', function () {
  this.timeout(30_000);
  let files: string;
  let ca: IssuedCertificate;
  let stranger: IssuedCertificate;
  const shown = new Map<Shown, IssuedCertificate>();
  const managers = new Map<Shown, Sandbox>();
  let events: SandboxEvent[] = [];
  let scratch: Awaited<ReturnType<typeof scratchHome>>;
  let sandbox: Sandbox | undefined;
  let names = 0;

  const manager = async (options: Partial<SandboxOptions>) => {
    const onEvent = (event: SandboxEvent) => void events.push(event);
    return await startSandbox({ family: 'wazuh-4', keyReloadMs: 100, onEvent, ...options });
  };
  const path = (name: string) => join(files, name);
  const certificateOf = (name: Shown) => {
    const found = shown.get(name);
    if (found === undefined) throw new Error(`No certificate is ${name}.`);
    return found;
  };

  before(async () => {
    files = await mkdtemp(join(tmpdir(), 'agent-enroll-trust-'));
    [ca, stranger] = await Promise.all([
      issueCertificate({ commonName: 'Test CA', authority: true }),
      issueCertificate({ commonName: 'Stranger CA', authority: true }),
    ]);
    const past = { validFrom: new Date(Date.now() - 60 * DAY_MS), validTo: new Date(Date.now() - 30 * DAY_MS) };
    const commonName = 'manager';
    const issued = await Promise.all([
      issueCertificate({ commonName, hosts: HERE, issuer: ca }),
      issueCertificate({ commonName, hosts: HERE, issuer: stranger }),
      issueCertificate({ commonName, hosts: ['manager.example'], issuer: ca }),
      issueCertificate({ commonName, issuer: ca }),
      issueCertificate({ commonName: '127.0.0.1', hosts: ['manager.example'], issuer: ca }),
      issueCertificate({ commonName, hosts: HERE, issuer: ca, ...past }),
      issueStockCertificate(),
    ]);
    for (const [index, name] of SHOWN.entries()) {
      const certificate = issued[index];
      if (certificate === undefined) continue;
      shown.set(name, certificate);
      managers.set(name, await manager({ certificate, password: new Secret(PASSWORD) }));
    }
    await writeFile(path('ca.pem'), ca.certificate);
  });
  beforeEach(async () => {
    scratch = await scratchHome();
    events = [];
  });
  afterEach(async () => {
    await sandbox?.close();
    sandbox = undefined;
    await scratch.remove();
  });
  after(async () => {
    for (const one of managers.values()) await one.close();
    await rm(files, { recursive: true, force: true });
  });

  /** The enroll command in this process: what it ends with and prints is what the program ends with and prints. */
  const enrollHere = async (target: Sandbox, given: readonly (readonly [OptionName, string | boolean])[]) => {
    let printed = '';
    const out = new Writable({
      write: (chunk, _encoding, done) => {
        printed += String(chunk);
        done();
      },
    });
    const { agent, authd } = target.endpoints;
    const flags = new Map<OptionName, string | boolean | readonly string[]>([
      ['manager', [`${agent.host}:${agent.port}`]],
      ['enrollment-port', String(authd.port)],
      ['agent-home', scratch.home],
      ['name', `web-${++names}`],
      ['handshake', false],
      ['password-file', path('password')],
      ...given,
    ]);
    const output = {
      out,
      err: out,
      interactive: false,
      columns: 0,
      color: false,
      json: true,
      quiet: false,
      verbose: false,
    };
    const signal = new AbortController().signal;
    const code = await enrollCommand({ flags, environment: {}, output, signal, uninterrupted: (step) => step() });
    return { code, printed, report: JSON.parse(printed) };
  };
  const flagsOf = async (
    way: (typeof WAYS)[number],
    target: Sandbox,
  ): Promise<readonly (readonly [OptionName, string | boolean])[]> => {
    const authority = ['ca', path('ca.pem')] as const;
    const pin = ['pin', target.fingerprint] as const;
    const otherPin = ['pin', OTHER_KEY] as const;
    switch (way) {
      case 'CA':
        return [authority];
      case 'pin':
        return [pin];
      case 'pin of another key':
        return [otherPin];
      case 'CA and pin':
        return [authority, pin];
      case 'CA and pin of another key':
        return [authority, otherPin];
      case 'insecure':
        return [['insecure', true]];
      case 'first use':
        return [];
      default: {
        expect((await enrollHere(target, [])).code).to.equal(0);
        await rm(scratch.keys);
        if (way === 'same key as at first use') return [];
        const note = await readFile(notesOf(scratch.home), 'utf8');
        expect(note).to.include(target.fingerprint);
        await writeFile(notesOf(scratch.home), note.replace(target.fingerprint, OTHER_KEY));
        return [];
      }
    }
  };

  for (const name of SHOWN) {
    for (const [index, way] of WAYS.entries()) {
      const outcome = TABLE[name][index];
      const said = typeof outcome === 'string' ? `is trusted (${outcome})` : `ends with 4, ${outcome?.[0]}`;
      it(`${name}, by ${way}: ${said}`, async () => {
        const target = managers.get(name);
        if (target === undefined || outcome === undefined) throw new Error('The table is not complete.');
        await writeFile(path('password'), `${PASSWORD}\n`, { mode: 0o600 });
        const given = await flagsOf(way, target);
        events = [];
        const { code, printed, report } = await enrollHere(target, given);
        expect(printed).to.not.include(PASSWORD);
        if (typeof outcome === 'string') {
          expect(code, printed).to.equal(0);
          expect(report.trust).to.include({ by: outcome, fingerprint: target.fingerprint });
          const unchecked = report.warnings.filter((text: string) => text.includes('nothing vouched for'));
          expect(unchecked).to.have.length(outcome === 'first use' || outcome === 'nothing' ? 1 : 0);
          const note = await readFile(notesOf(scratch.home), 'utf8').catch(() => '');
          expect(note.includes(target.fingerprint), 'remembered').to.equal(outcome !== 'nothing');
          return;
        }
        const [errorCode, words] = outcome;
        expect(code).to.equal(4);
        expect(report).to.include({ ok: false, changed: false });
        expect(report.error.code).to.equal(errorCode);
        expect(report.error.message).to.match(words);
        // The certificate is described: subject, issuer, names, dates, fingerprint.
        const { message, hint } = report.error;
        expect(message)
          .to.include(target.fingerprint)
          .and.to.match(/issue|signed/);
        expect(message).to.include(new X509Certificate(certificateOf(name).certificate).subject);
        expect(message).to.match(/\d{4}-\d\d-\d\d/);
        expect(hint).to.not.equal('');
        expect(events.filter(({ type }) => type === 'request' || type === 'refused')).to.deep.equal([]);
        await readFile(scratch.keys).then(
          () => expect.fail('There is a key.'),
          () => undefined,
        );
      });
    }
  }

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const [client, exit, code, words] of [
      ['none', 5, 'CLIENT_CERTIFICATE_REQUIRED', /wants a client certificate/],
      ['right', 0, undefined, /^$/],
      ['foreign', 5, 'CLIENT_CERTIFICATE_REFUSED', /client certificate/],
    ] as const) {
      const what = `a manager that wants a client certificate over ${version}, with ${client}: exit ${exit}`;
      // Node's server has no alert for a foreign certificate in TLS 1.2: OpenSSL's own, as authd's, stands in below.
      if (version === 'TLSv1.2' && client === 'foreign') continue;
      it(what, async () => {
        sandbox = await manager({
          certificate: certificateOf('right'),
          clientCa: ca.certificate,
          tls: { min: version, max: version },
        });
        const args = [...against(sandbox, scratch.home), '--name', 'web-01', '--json', '--ca', path('ca.pem')];
        if (client !== 'none') {
          const issued = await issueCertificate({ commonName: 'web-01', issuer: client === 'right' ? ca : stranger });
          await writeFile(path('client.pem'), issued.certificate);
          await writeFile(path('client.key'), issued.key.reveal(), { mode: 0o600 });
          args.push('--cert', path('client.pem'), '--key', path('client.key'));
        }
        const finished = await run(args);
        const report = JSON.parse(finished.stdout);
        expect(finished.code, finished.stdout).to.equal(exit);
        expect(report.error?.code).to.equal(code);
        expect(report.error?.message ?? '').to.match(words);
        expect(sandbox.agents()).to.have.length(exit === 0 ? 1 : 0);
      });
    }
  }

  it('a manager that wants a client certificate over TLSv1.2, with foreign: exit 5', async function () {
    if (!hasOpenssl) this.skip();
    const server = certificateOf('right');
    const client = await issueCertificate({ commonName: 'web-01', issuer: stranger });
    await writeFile(path('server.pem'), `${server.certificate}${server.key.reveal()}`, { mode: 0o600 });
    await writeFile(path('client.pem'), `${client.certificate}${client.key.reveal()}`, { mode: 0o600 });
    const args = ['-accept', '127.0.0.1:0', '-cert', path('server.pem'), '-key', path('server.pem')];
    const insists = ['-tls1_2', '-Verify', '1', '-verify_return_error', '-CAfile', path('ca.pem'), '-naccept', '4'];
    const manager = spawn('openssl', ['s_server', ...args, ...insists], { stdio: ['pipe', 'pipe', 'ignore'] });
    try {
      const port = await new Promise<string>((resolve) => {
        let said = '';
        manager.stdout.setEncoding('utf8').on('data', (text: string) => {
          said += text;
          const [, found] = /^ACCEPT .*:(\d+)\s/m.exec(said) ?? [];
          if (found !== undefined) resolve(found);
        });
      });
      const where = ['--manager', '127.0.0.1', '--enrollment-port', port, '--agent-home', scratch.home];
      const { code, stdout } = await run([
        ...where,
        ...['--name', 'web-01', '--json', '--ca', path('ca.pem'), '--cert', path('client.pem')],
      ]);
      expect(code, stdout).to.equal(5);
      const { error } = JSON.parse(stdout);
      expect(error.code).to.equal('CLIENT_CERTIFICATE_REFUSED');
      expect(error.message).to.include('a CA that the manager does not know');
    } finally {
      manager.kill();
    }
  });

  describe('a manager with a new key', () => {
    it('is refused until --pin names it, which replaces what was stored', async () => {
      const first = await manager({ certificate: certificateOf('stock') });
      const { agent, authd } = first.endpoints;
      // A name of its own for each run: none is to be refused for its name.
      const flags = [...against(first, scratch.home), '--no-handshake', '--force'];
      const runAs = (...given: readonly string[]) => run([...flags, '--name', `web-${++names}`, ...given]);
      expect((await runAs()).code).to.equal(0);
      await first.close();
      sandbox = await manager({
        certificate: await issueStockCertificate(),
        ports: { authd: authd.port, agent: agent.port },
      });
      const { fingerprint } = sandbox;
      const refused = await runAs();
      expect(refused.code).to.equal(4);
      expect(refused.stderr).to.include('FIRST_USE_MISMATCH').and.to.include(`--pin ${fingerprint}`);
      expect(refused.stderr).to.include(fingerprintOf(certificateOf('stock').certificate));
      const wrong = await runAs('--pin', OTHER_KEY);
      expect(wrong.code).to.equal(4);
      expect(wrong.stderr).to.include('PIN_MISMATCH');
      expect((await runAs('--insecure')).code).to.equal(0);
      expect((await runAs()).code, '--insecure stores nothing').to.equal(4);
      const announced = await runAs('--pin', fingerprint.toUpperCase());
      expect(announced.code, announced.stderr).to.equal(0);
      expect(announced.stderr).to.include(fingerprint);
      const again = await runAs('--json');
      expect(again.code).to.equal(0);
      expect(JSON.parse(again.stdout).trust).to.include({ by: 'stored', fingerprint });
    });
  });

  it('warns of a password file that everybody can read', async () => {
    await writeFile(path('password'), `${PASSWORD}\n`);
    await chmod(path('password'), 0o644);
    const target = managers.get('right');
    if (target === undefined) throw new Error('There is no manager.');
    const { report } = await enrollHere(target, [['ca', path('ca.pem')]]);
    await chmod(path('password'), 0o600);
    expect(report.warnings.join(' ')).to.include('can be read by every user');
  });
});
