import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { describeEvent, type SandboxEvent } from '../../src/sandbox/sandbox-events.js';
import { LOAD } from '../load.js';
import { askAuthd } from './clients.js';

interface WazuhExchange {
  readonly name: string;
  readonly request_hex: string;
  readonly response_hex: string;
  readonly end: string;
  readonly manager: string;
}

interface OssecExchange {
  readonly label: string;
  readonly server_mode: string;
  readonly tls: string | null;
  readonly request_hex: string;
  readonly response_records: readonly { readonly hex: string }[];
  readonly end: string;
  readonly elapsed_s: number | null;
}

const wazuh: { authd_4_14: WazuhExchange[]; authd_3_13: WazuhExchange[] } = JSON.parse(
  readFileSync(new URL('../vectors/wazuh4.json', import.meta.url), 'utf8'),
);
const ossec: { authd: OssecExchange[] } = JSON.parse(
  readFileSync(new URL('../vectors/ossec.json', import.meta.url), 'utf8'),
);

const FORCE_NOW = {
  kind: 'replace',
  evenConnected: false,
  disconnectedForMs: 0,
  registeredForMs: 0,
  evenSameKey: false,
} as const;

/** The sandbox that a recording's manager was. */
function optionsFor(manager: string): SandboxOptions & { readonly password?: Secret } {
  if (manager.startsWith('v3.13.6')) return { family: 'wazuh-3', groups: ['web', 'db'], hostName: 'vm' };
  const password = /PASSWORD=([^=]*)$/.exec(manager.replace('USE_PASSWORD=1', ''))?.[1] ?? 'TopSecret';
  return {
    family: 'wazuh-4',
    groups: ['web', 'db'],
    ...(manager.includes('USE_PASSWORD=1') ? { password: new Secret(password) } : {}),
    ...(manager.includes('FORCE=now') ? { force: FORCE_NOW } : {}),
    ...(manager.includes('FORCE=no ') || manager.endsWith('FORCE=no') ? { force: { kind: 'refuse' } } : {}),
    useSourceIp: manager.includes('USE_SOURCE_IP=1'),
    allowHigherVersions: manager.includes('ALLOW_HIGHER=1'),
  };
}

function ossecOptionsFor(mode: string): SandboxOptions & { readonly password?: Secret } {
  const password = /password "(.*)"/.exec(mode)?.[1];
  return {
    family: 'ossec',
    ...(password === undefined ? {} : { password: new Secret(password) }),
    useSourceIp: mode.startsWith('-i'),
    keysUnwritable: mode.includes('not writable'),
  };
}

const latin1 = (hex: string) => Buffer.from(hex, 'hex').toString('latin1');
const mask = (text: string) => text.replace(/[0-9a-f]{64}'/, "<key>'");
const idOf = (text: string) => /^OSSEC K:'(\d+) /.exec(text)?.[1];

let issued: Promise<IssuedCertificate> | undefined;
async function withSandbox<T>(
  options: SandboxOptions,
  run: (sandbox: Sandbox, events: SandboxEvent[]) => Promise<T>,
): Promise<T> {
  issued ??= issueStockCertificate();
  const events: SandboxEvent[] = [];
  const sandbox = await startSandbox({ certificate: await issued, ...options, onEvent: (event) => events.push(event) });
  try {
    return await run(sandbox, events);
  } finally {
    await sandbox.close();
  }
}

/** Agents that the recorded manager had and that no recording shows, so that the ids go on as they did there. */
async function fillUpTo(expected: string | undefined, sandbox: Sandbox, password: Secret | undefined): Promise<void> {
  if (expected === undefined) return;
  const highest = () => Math.max(sandbox.family === 'ossec' ? 1023 : 0, ...ids);
  const ids = sandbox.agents().map((agent) => Number(agent.id));
  while (highest() < Number(expected) - 1) {
    const pass = password === undefined ? '' : `OSSEC PASS: ${password.reveal()} `;
    const { records } = await askAuthd(sandbox.endpoints.authd, [`${pass}OSSEC A:'filler-${highest()}'\n`]);
    ids.push(Number(idOf(records[0] ?? '')));
  }
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

describe('sandbox authd answers what was recorded', () => {
  for (const recorded of [wazuh.authd_4_14, wazuh.authd_3_13]) {
    for (const [manager, exchanges] of groupBy(recorded, (exchange) => exchange.manager)) {
      it(`Wazuh, ${manager} (${exchanges.length} exchanges)`, async () => {
        const options = optionsFor(manager);
        await withSandbox(options, async (sandbox) => {
          for (const exchange of exchanges) {
            const wanted = latin1(exchange.response_hex);
            await fillUpTo(idOf(wanted), sandbox, options.password);
            const text = latin1(exchange.request_hex);
            const parts = exchange.name === 'split-in-two' ? [text.slice(0, 10), text.slice(10)] : [text];
            const got = await askAuthd(sandbox.endpoints.authd, parts, {
              localAddress: exchange.name === 'usesrc-other-ip' ? '127.0.0.9' : '127.0.0.1',
              patience: exchange.end === 'timeout' ? 150 : 5_000,
            });
            expect(mask(got.records.join('')), exchange.name).to.equal(mask(wanted));
            expect(got.end, exchange.name).to.equal(exchange.end);
          }
        });
      });
    }
  }

  it(`OSSEC (${ossec.authd.length} exchanges)`, async () => {
    // Exchanges that end in an ERROR sleep 1 s each: they run side by side.
    const managers = groupBy(ossec.authd, (exchange) => exchange.server_mode);
    await Promise.all([...managers].map(([mode, exchanges]) => replayManager(mode, exchanges)));
  });
});

async function replayManager(mode: string, exchanges: readonly OssecExchange[]): Promise<void> {
  const options = ossecOptionsFor(mode);
  await withSandbox(options, async (sandbox) => {
    const sleeping: Promise<void>[] = [];
    for (const exchange of exchanges) {
      const done = replayOssec(exchange, sandbox, options.password);
      if ((exchange.elapsed_s ?? 0) > 0.9) sleeping.push(done);
      else await done;
    }
    await Promise.all(sleeping);
  });
}

const OSSEC_SOURCES: Readonly<Record<string, string>> = { 'src_127.0.0.2': '127.0.0.2', i_other_ip: '127.0.0.3' };
const OSSEC_TLS = {
  tls13_only: { min: 'TLSv1.3', max: 'TLSv1.3' },
  tls12_or_13: { min: 'TLSv1.2', max: 'TLSv1.3' },
  tls11: { min: 'TLSv1.1', max: 'TLSv1.1' },
} as const;

async function replayOssec(exchange: OssecExchange, sandbox: Sandbox, password: Secret | undefined): Promise<void> {
  const wanted = exchange.response_records.map(({ hex }) => latin1(hex));
  await fillUpTo(idOf(wanted[0] ?? ''), sandbox, password);
  const tls = Object.entries(OSSEC_TLS).find(([label]) => label === exchange.label)?.[1];
  const got = await askAuthd(sandbox.endpoints.authd, [latin1(exchange.request_hex)], {
    localAddress: OSSEC_SOURCES[exchange.label] ?? '127.0.0.1',
    ...tls,
  });
  if (exchange.end.startsWith('handshake')) {
    expect(got.end, exchange.label).to.equal('handshake');
    const alert = /SSL: (\w+?)\]/
      .exec(exchange.end)?.[1]
      ?.replace(/^SSLV3_|^TLSV1_/, '')
      .replaceAll('_', ' ')
      .toLowerCase();
    expect(got.error?.message, exchange.label).to.contain(alert);
    return;
  }
  expect(got.records.map(mask), exchange.label).to.deep.equal(wanted.map(mask));
  expect(got.end, exchange.label).to.equal(exchange.end);
  if ((exchange.elapsed_s ?? 0) > 0.9) expect(got.ms, `${exchange.label}: sleep`).to.be.within(990, 1_900 * LOAD);
  else expect(got.ms, `${exchange.label}: sleep`).to.be.below(990);
}

describe('sandbox authd beyond the recordings', () => {
  it('leaves two records of one segment waiting, as a 4.14 manager does', async () => {
    await withSandbox({ family: 'wazuh-4' }, async (sandbox, events) => {
      const got = await askTwoRecordsInOneSegment(sandbox);
      expect(got).to.equal('timeout');
      expect(sandbox.agents()).to.deep.equal([]);
      expect(events.map((event) => event.type)).to.include('left waiting');
    });
  });

  it('tells a missing client certificate by an alert under TLS 1.2 and by a bare end under TLS 1.3', async () => {
    const ca = await issueCertificate({ commonName: 'client CA', authority: true });
    const [good, foreign] = await Promise.all([
      issueCertificate({ commonName: 'host', issuer: ca }),
      issueStockCertificate(),
    ]);
    const call = (certificate: IssuedCertificate) => ({ cert: certificate.certificate, key: certificate.key.reveal() });
    await withSandbox({ family: 'wazuh-4', clientCa: ca.certificate }, async ({ endpoints }, events) => {
      const ask = (name: string, options: Parameters<typeof askAuthd>[2]) =>
        askAuthd(endpoints.authd, [`OSSEC A:'${name}'\n`], options);
      const tls13 = { min: 'TLSv1.3', max: 'TLSv1.3' } as const;
      const none12 = await ask('none12', {});
      expect([none12.end, none12.error?.message]).to.satisfy(
        ([end, text]: string[]) => end === 'handshake' && /handshake failure/.test(text ?? ''),
      );
      const none13 = await ask('none13', tls13);
      expect([none13.records, none13.error]).to.deep.equal([[], undefined]);
      expect(none13.end).to.not.equal('handshake');
      expect((await ask('good12', call(good))).records[0]).to.match(/^OSSEC K:'001 good12 any/);
      expect((await ask('good13', { ...tls13, ...call(good) })).records[0]).to.match(/^OSSEC K:'002 good13 any/);
      expect((await ask('foreign13', { ...tls13, ...call(foreign) })).records).to.deep.equal([]);
      const silent = events.flatMap((event) => (event.type === 'closed silently' ? [event.why] : []));
      expect(silent).to.deep.equal(['no client certificate', 'foreign client certificate']);
    });
  });

  it('compares the bytes of a password, UTF-8 or not', async () => {
    const password = new Secret(Buffer.from('p\xe4ss', 'latin1'));
    await withSandbox({ family: 'wazuh-4', password }, async (sandbox) => {
      const ask = async (pass: string) =>
        (await askAuthd(sandbox.endpoints.authd, [`OSSEC PASS: ${pass} OSSEC A:'web-01'\n`])).records[0];
      expect(await ask('p\xc3\xa4ss')).to.match(/^ERROR: Invalid password/);
      expect(await ask('p\xe4ss')).to.match(/^OSSEC K:'001 web-01 any/);
    });
  });

  it('shows neither password nor key in any event', async () => {
    const password = new Secret('Only-for-the-manager');
    for (const family of ['wazuh-4', 'wazuh-3', 'ossec'] as const) {
      await withSandbox({ family, password }, async (sandbox, events) => {
        const request = (pass: string) => [`OSSEC PASS: ${pass} OSSEC A:'web-01'\n`];
        const [reply] = (await askAuthd(sandbox.endpoints.authd, request(password.reveal()))).records;
        await askAuthd(sandbox.endpoints.authd, request('Wrong-one'));
        const key = /([0-9a-f]{64})'/.exec(reply ?? '')?.[1];
        if (key === undefined) throw new Error(`no key in ${reply}`);
        const shown = JSON.stringify(events) + events.map(describeEvent).join('\n');
        for (const secret of [password.reveal(), 'Wrong-one', key]) expect(shown).to.not.contain(secret);
        expect(shown).to.contain('web-01');
      });
    }
  });

  it('survives port scans, garbage and resets, and goes on', async () => {
    await withSandbox({ family: 'wazuh-4' }, async (sandbox) => {
      for (const endpoint of [sandbox.endpoints.authd, sandbox.endpoints.agent]) {
        for (const bytes of ['', 'GET / HTTP/1.0\r\n\r\n', '\x16\x03\x01\xff\xff', '\xff'.repeat(70_000)]) {
          const socket = tcpConnect(endpoint);
          socket.on('error', () => {});
          await once(socket, 'connect');
          if (bytes !== '') socket.write(bytes, 'latin1');
          const closed = once(socket, 'close');
          socket.resetAndDestroy();
          await closed;
        }
      }
      const { records } = await askAuthd(sandbox.endpoints.authd, ["OSSEC A:'after-all'\n"]);
      expect(records[0]).to.match(/^OSSEC K:'001 after-all any /);
    });
  });
});

async function askTwoRecordsInOneSegment(sandbox: Sandbox): Promise<string> {
  const socket = tlsConnect({ ...sandbox.endpoints.authd, rejectUnauthorized: false, maxVersion: 'TLSv1.2' });
  await once(socket, 'secureConnect');
  const answered = once(socket, 'data').then(() => 'answered');
  // One write that is cut into two records leaves as one segment.
  socket.setMaxSendFragment(512);
  socket.write(`OSSEC A:'two-records' X:'${'x'.repeat(700)}'\n`);
  const outcome = await Promise.race([answered, new Promise<string>((resolve) => setTimeout(resolve, 200, 'timeout'))]);
  socket.destroy();
  return outcome;
}
