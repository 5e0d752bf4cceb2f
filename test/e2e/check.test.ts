import { once } from 'node:events';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, describe, it } from 'mocha';
import type { Check, CheckId } from '../../src/journey/checks/finding.js';
import { CHECK_IDS } from '../../src/journey/checks/finding.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import type { SandboxEvent } from '../../src/sandbox/sandbox-events.js';
import type { SandboxOptions } from '../../src/sandbox/sandbox-options.js';
import { against, notesOf, run, scratchHome, snapshot } from './program.js';

type Scratch = Awaited<ReturnType<typeof scratchHome>>;

/** How one thing is broken, and how check is then run. */
interface Broken {
  readonly what: string;
  readonly sandbox?: Omit<SandboxOptions, 'family'> & { readonly family?: SandboxOptions['family'] };
  readonly breaks: (sandbox: Sandbox, scratch: Scratch) => unknown;
  readonly args?: (sandbox: Sandbox, scratch: Scratch) => readonly string[];
  /** How long an acknowledgement is waited for; absent: 2 s. */
  readonly wait?: string;
  readonly cross: CheckId;
  /** What the cross says. */
  readonly says: RegExp;
  readonly code: number;
  readonly error?: string;
}

const conf = (server: string) =>
  `<ossec_config>\n<client>\n<server>\n${server}\n</server>\n</client>\n</ossec_config>\n`;
const writeConf = ({ home }: Scratch, server: string) => writeFile(join(home, 'etc/ossec.conf'), conf(server));
const counterOf = ({ home }: Scratch) => join(home, 'queue/rids/sender_counter');

const BROKEN: readonly Broken[] = [
  {
    what: 'remoted is stopped',
    breaks: (sandbox) => sandbox.stopRemoted(),
    cross: 'agent-port',
    says: /closed/,
    code: 7,
    error: 'LINK_PORT_CLOSED',
  },
  {
    what: 'authd is stopped',
    breaks: (sandbox) => sandbox.stopAuthd(),
    cross: 'enrollment',
    says: /refused the connection/,
    code: 0,
  },
  {
    what: 'the manager has removed the agent',
    breaks: async (sandbox) => {
      sandbox.removeAgent('001');
      await sandbox.restartRemoted();
    },
    cross: 'key',
    says: /001 is not in the manager's client\.keys/,
    code: 7,
    error: 'LINK_NOT_ACKNOWLEDGED',
  },
  {
    what: 'the manager has another key for this agent',
    breaks: async (_, { keys }) => {
      await writeFile(keys, (await readFile(keys, 'utf8')).replace(/[0-9a-f]{64}/, 'a'.repeat(64)));
    },
    cross: 'key',
    says: /another key/,
    code: 7,
    error: 'LINK_NOT_ACKNOWLEDGED',
  },
  {
    what: 'Wazuh 3 has removed the agent',
    sandbox: { family: 'wazuh-3' },
    // Three times an idle connection has to stay open for a second.
    wait: '7s',
    breaks: async (sandbox) => {
      sandbox.removeAgent('001');
      await sandbox.restartRemoted();
    },
    cross: 'key',
    says: /001 is not in the manager's client\.keys/,
    code: 7,
    error: 'LINK_NOT_ACKNOWLEDGED',
  },
  {
    what: 'OSSEC has removed the agent',
    sandbox: { family: 'ossec' },
    breaks: async (sandbox) => {
      for (const { id } of sandbox.agents()) sandbox.removeAgent(id);
      await sandbox.restartRemoted();
    },
    cross: 'key',
    says: /silent like this to a key that it does not know/,
    code: 7,
    error: 'LINK_UNANSWERED',
  },
  {
    what: 'the record is for an address that this host does not have',
    breaks: async (sandbox, { keys }) => {
      const { id, name, ip, key } = sandbox.addAgent({ name: 'web-02', ip: '192.0.2.7' });
      await sandbox.restartRemoted();
      await writeFile(keys, `${id} ${name} ${ip} ${key.reveal()}\n`);
    },
    cross: 'address',
    says: /192\.0\.2\.7.*127\.0\.0\.1/,
    code: 7,
    error: 'LINK_NOT_ACKNOWLEDGED',
  },
  {
    what: 'the counter of a key in use is lost',
    sandbox: { family: 'ossec' },
    breaks: async (sandbox, scratch) => {
      await writeFile(counterOf(scratch), '25:105:');
      expect((await check(sandbox, scratch)).code).to.equal(0);
      await rm(counterOf(scratch));
    },
    cross: 'counter',
    says: /numbered from the beginning/,
    code: 7,
    error: 'LINK_UNANSWERED',
  },
  {
    what: 'a web server has the agent port',
    breaks: async (sandbox) => {
      const { port } = sandbox.endpoints.agent;
      await sandbox.stopRemoted();
      const http = createServer((_request, response) => response.end('hello')).listen(port, '127.0.0.1');
      await once(http, 'listening');
      closing.push(() => http.close().closeAllConnections());
    },
    cross: 'agent-port',
    says: /web server \(HTTP\)/,
    code: 7,
    error: 'LINK_OTHER_SERVICE',
  },
  {
    what: "the manager's name has no address",
    breaks: () => {},
    args: (_, { home }) => ['--manager', 'nowhere.invalid', '--agent-home', home],
    cross: 'manager-name',
    says: /nowhere\.invalid could not be resolved/,
    code: 7,
  },
  {
    what: 'everybody can read the key',
    breaks: (_, { keys }) => chmod(keys, 0o644),
    cross: 'key-access',
    says: /0644/,
    code: 0,
  },
  {
    what: 'client.keys is broken',
    breaks: (_, { keys }) => writeFile(keys, 'hello world\n'),
    cross: 'key-file',
    says: /four fields/,
    code: 6,
    error: 'KEYS_INVALID',
  },
  {
    what: 'there is no key',
    breaks: (_, { keys }) => rm(keys),
    cross: 'key-file',
    says: /no key/,
    code: 6,
    error: 'KEY_MISSING',
  },
  {
    what: 'the key is that of another machine',
    breaks: async (_, { home }) => {
      const notes = JSON.parse(await readFile(notesOf(home), 'utf8'));
      const text = JSON.stringify(notes, (name, value) =>
        ['machine-id', 'dmi-uuid', 'instance-id'].includes(name) ? '0'.repeat(64) : value,
      );
      await writeFile(notesOf(home), text);
    },
    cross: 'machine',
    says: /enrolled on another machine/,
    code: 7,
    error: 'KEY_OF_ANOTHER_MACHINE',
  },
  {
    what: 'ossec.conf names another manager',
    breaks: (_, scratch) => writeConf(scratch, '<address>10.9.8.7</address>'),
    cross: 'ossec-conf',
    says: /10\.9\.8\.7 \(line 4\), and not 127\.0\.0\.1/,
    code: 0,
  },
  {
    what: 'ossec.conf has the placeholder of the package',
    breaks: (_, scratch) => writeConf(scratch, '<address>MANAGER_IP</address>'),
    args: (_, { home }) => ['--agent-home', home],
    cross: 'ossec-conf',
    says: /line 4: MANAGER_IP is the placeholder/,
    code: 2,
    error: 'MANAGER_MISSING',
  },
  {
    what: 'ossec.conf is not well-formed',
    breaks: ({ endpoints }, scratch) => writeConf(scratch, `<address>${endpoints.agent.host}</adress>`),
    cross: 'ossec-conf',
    says: /line 4/,
    code: 0,
  },
  {
    what: 'the agent is newer than the manager',
    breaks: async (_, { home }) => {
      await mkdir(join(home, 'bin'));
      await writeFile(join(home, 'bin/wazuh-agentd'), '');
      await writeFile(join(home, 'VERSION.json'), '{"version":"4.99.0"}');
    },
    cross: 'version',
    says: /v4\.99\.0/,
    code: 7,
    error: 'LINK_VERSION_REFUSED',
  },
  {
    what: 'TCP alone is set, and the manager takes UDP',
    sandbox: { protocols: ['udp'] },
    breaks: ({ endpoints: { agent } }, scratch) =>
      writeConf(scratch, `<address>127.0.0.1</address><port>${agent.port}</port><protocol>tcp</protocol>`),
    args: ({ endpoints }, { home }) => ['--enrollment-port', String(endpoints.authd.port), '--agent-home', home],
    cross: 'agent-port',
    says: /Over UDP the manager acknowledges this key, and TCP alone is set/,
    code: 7,
    error: 'LINK_PORT_CLOSED',
  },
  {
    what: 'UDP alone is set, and the manager takes TCP',
    sandbox: { protocols: ['tcp'] },
    breaks: () => {},
    args: (sandbox, { home }) => [...against(sandbox, home), '--protocol', 'udp'],
    cross: 'agent-port',
    says: /Over TCP the manager acknowledges this key, and UDP alone is set/,
    code: 7,
    error: 'LINK_PORT_CLOSED',
  },
  {
    what: 'an agent is installed and does not run, for its counter is not its own',
    breaks: async (_, { home }) => {
      await mkdir(join(home, 'bin'));
      await writeFile(join(home, 'bin/wazuh-agentd'), '');
      await mkdir(join(home, 'logs'));
      const line =
        "wazuh-agentd: CRITICAL: (1103): Could not open file 'queue/rids/sender_counter' due to [(13)-(Permission denied)].";
      await writeFile(join(home, 'logs/ossec.log'), `2026/11/25 09:01:02 ${line}\n`);
    },
    cross: 'daemon',
    says: /does not run\. Its log, 2026\/11\/25 09:01:02: the message counter belongs to somebody else/,
    code: 0,
  },
];

let closing: (() => unknown)[] = [];

/** Runs check as a script does. */
async function check(
  sandbox: Sandbox,
  scratch: Scratch,
  args: readonly string[] = against(sandbox, scratch.home),
  wait = '2s',
) {
  const { code, stdout } = await run(['check', ...args, '--wait', wait, '--json']);
  const { checks, ...report }: { checks: Check[]; error?: { code: string }; ok: boolean } = JSON.parse(stdout);
  return { code, report, checks, crosses: checks.filter(({ ok }) => ok === false) };
}

describe('check, one thing broken at a time', function () {
  this.timeout(30_000);
  let certificate: IssuedCertificate;
  let events: SandboxEvent[] = [];

  before(async () => {
    certificate = await issueStockCertificate();
  });
  afterEach(async () => {
    for (const close of closing.reverse()) await close();
    closing = [];
  });
  after(() => expect(closing).to.deep.equal([]));

  async function enrolled(options: Broken['sandbox'] = {}): Promise<{ sandbox: Sandbox; scratch: Scratch }> {
    const onEvent = (event: SandboxEvent) => events.push(event);
    const sandbox = await startSandbox({ family: 'wazuh-4', certificate, keyReloadMs: 50, onEvent, ...options });
    closing.push(() => sandbox.close());
    const scratch = await scratchHome();
    closing.push(() => scratch.remove());
    const { code, stderr } = await run([...against(sandbox, scratch.home), '--name', 'web-01', '--wait', '5s']);
    expect(code, stderr).to.equal(0);
    events = [];
    return { sandbox, scratch };
  }

  for (const { what, sandbox: options, breaks, args, wait, cross, says, code, error } of BROKEN) {
    it(`names it first: ${what}`, async () => {
      const { sandbox, scratch } = await enrolled(options);
      await breaks(sandbox, scratch);
      const seen = await check(sandbox, scratch, args?.(sandbox, scratch), wait);
      const [first] = seen.crosses;
      expect(first?.id, JSON.stringify(seen.crosses)).to.equal(cross);
      expect(first?.detail).to.match(says);
      expect(first?.hint ?? '').to.not.equal('');
      expect(seen.code).to.equal(code);
      expect(seen.report.ok).to.equal(code === 0);
      if (error !== undefined) expect(seen.report.error?.code).to.equal(error);
      expect(seen.checks.map(({ id }) => id)).to.deep.equal([...CHECK_IDS]);
    });
  }

  it('has no cross where all is well, changes nothing but the counter, and asks for no key', async () => {
    const { sandbox, scratch } = await enrolled();
    const before = await snapshot(scratch.home);
    const seen = await check(sandbox, scratch);
    expect([seen.code, seen.crosses]).to.deep.equal([0, []]);
    const after = await snapshot(scratch.home);
    const counter = '/queue/rids/sender_counter';
    expect({ ...after, [counter]: '' }).to.deep.equal({ ...before, [counter]: '' });
    expect(events.filter(({ type }) => type === 'request')).to.deep.equal([]);
  });

  it('is one line where all is well, and the table with --verbose or where something is wrong', async () => {
    const { sandbox, scratch } = await enrolled();
    const shown = async (...args: string[]) =>
      (await run(['check', ...against(sandbox, scratch.home), '--wait', '2s', ...args])).stderr.trimEnd().split('\n');
    expect(await shown()).to.deep.equal([
      'Agent 001 web-01 is known to its manager, which answered its key: nothing to do.',
    ]);
    expect((await shown('--verbose')).filter((line) => /^[✔–] /.test(line))).to.have.length(CHECK_IDS.length);
    await sandbox.stopRemoted();
    const lines = await shown();
    expect(lines.filter((line) => /^[✔–✖] /.test(line))).to.have.length(CHECK_IDS.length);
    expect(lines.filter((line) => line.startsWith('✖ '))).to.have.length(1);
    expect(lines.find((line) => line.startsWith('✖ '))).to.match(/^✖ agent port/);
    expect(await shown('--quiet')).to.satisfy((quiet: string[]) => quiet[0]?.startsWith('✖ agent port'));
  });

  it('tells what it has seen where it is ended by its deadline', async () => {
    const { sandbox, scratch } = await enrolled();
    await sandbox.stopRemoted();
    const { code, stdout } = await run([
      'check',
      ...against(sandbox, scratch.home),
      '--wait',
      '20s',
      '--deadline',
      '1s',
      '--json',
    ]);
    const { checks, error } = JSON.parse(stdout);
    expect([code, error.code]).to.deep.equal([7, 'LINK_SILENT']);
    const of = (id: CheckId) => checks.find((each: Check) => each.id === id);
    expect(of('key-file').ok).to.equal(true);
    expect(of('agent-port')).to.include({ ok: null });
  });

  it('looks at a REST API that is named, without credentials, and at its clock', async () => {
    const { sandbox, scratch } = await enrolled({ api: {} });
    const { api } = sandbox;
    if (api?.fingerprint === undefined) throw new Error('The sandbox has no API.');
    const flags = [...against(sandbox, scratch.home), '--api-url', api.url];
    const trusted = await check(sandbox, scratch, [...flags, '--insecure']);
    expect([trusted.code, trusted.crosses]).to.deep.equal([0, []]);
    expect(trusted.checks.find(({ id }) => id === 'api')?.detail).to.match(/manager's API \(4\.x/);
    const not = await check(sandbox, scratch, flags);
    expect(not.crosses.map(({ id }) => id)).to.deep.equal(['api']);
  });
});
