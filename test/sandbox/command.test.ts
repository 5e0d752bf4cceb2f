import { request } from 'node:https';
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { sandboxCommand } from '../../src/cli/commands/sandbox.js';
import type { Output } from '../../src/cli/output.js';
import { SANDBOX_OPTIONS } from '../../src/cli/syntax.js';
import { EXIT } from '../../src/errors.js';
import { parseRecord } from '../../src/model/agent-record.js';
import { ODDITIES } from '../../src/sandbox/oddities.js';
import { LOAD } from '../load.js';
import { askAuthd, udpAgent } from './clients.js';
import { bearerOfToken, membersOf } from './https/client.js';
import { greeting } from './messages.js';

const PORTS = { 'authd-port': 0, 'agent-port': 0, 'api-port': 0, 'https-port': 0 };

interface Run {
  /** Resolves once a line of the output matches; gives the match. */
  until(wanted: RegExp): Promise<RegExpExecArray>;
  readonly text: () => string;
  end(): Promise<unknown>;
}

function run(argv: Record<string, unknown>, how: Partial<Output> = {}): Run {
  const stream = new PassThrough();
  let text = '';
  let wake = () => {};
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    wake();
  });
  const abort = new AbortController();
  const output: Output = {
    out: stream,
    err: stream,
    interactive: false,
    columns: 0,
    color: false,
    json: false,
    quiet: false,
    verbose: false,
    ...how,
  };
  const done = sandboxCommand({ ...PORTS, ...argv }, output, abort.signal);
  return {
    text: () => text,
    until: async (wanted) => {
      for (;;) {
        const match = wanted.exec(text);
        if (match !== null) return match;
        const more = new Promise<'more'>((resolve) => {
          wake = () => resolve('more');
        });
        const outcome = await Promise.race([more, done]);
        if (outcome !== 'more') throw new Error(`it ended: ${text}`);
      }
    },
    end: () => {
      abort.abort();
      return done;
    },
  };
}

const port = (match: RegExpExecArray) => ({ host: '127.0.0.1', port: Number(match[1]) });

/** The status that a request with the token gets. */
function enrollAt(url: string, token: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { 'protocol-version': '1', Authorization: bearerOfToken(token) };
    const sent = request(`${url}/enroll`, { method: 'POST', headers, rejectUnauthorized: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on('error', reject);
    sent.end('{"name":"web-01","version":"v5.0.0"}');
  });
}

describe('agent-enroll sandbox', () => {
  it('starts remoted again 2 s after the first key, where it ends over an empty client.keys', async () => {
    const command = run({ family: 'ossec', oddity: 'empty-keys-exit' });
    const authd = port(await command.until(/authd listens on 127\.0\.0\.1:(\d+)/));
    await command.until(/remoted ended: client\.keys is empty, its port is closed/);
    const { records } = await askAuthd(authd, ["OSSEC A:'web-01'\n"]);
    const issued = performance.now();
    const remoted = port(await command.until(/remoted listens on 127\.0\.0\.1:(\d+)/));
    expect(performance.now() - issued).to.be.within(1_900, 3_500 * LOAD);
    const parsed = parseRecord(/'(.*)'/.exec(records.join(''))?.[1] ?? '');
    if (!parsed.ok) throw new Error(parsed.fault);
    const udp = await udpAgent(remoted);
    udp.send(greeting(parsed.record));
    expect(await udp.next()).to.have.property('message');
    await udp.close();
    expect(await command.end()).to.equal(EXIT.ok);
  });

  it('takes several oddities, and says where one is not of the family', async () => {
    const both = run({ family: 'ossec', oddity: ['missed-second', 'empty-keys-exit'] });
    await both.until(/remoted ended/);
    await both.until(/Enroll against it/);
    await both.end();
    const foreign = run({ family: 'wazuh-4', oddity: ['stalled-connection', 'missed-second'] });
    const error: unknown = await foreign.end().catch((thrown: unknown) => thrown);
    // By its members: the command imports the sandbox when it is needed, and the loader has a class of its own for that.
    expect(error).to.include({
      code: 'SETTING_INVALID',
      message: 'The oddity missed-second is one of ossec, not of wazuh-4.',
    });
  });

  it('is a Wazuh 5 manager with a ready token, which stands on the output alone', async () => {
    const err = new PassThrough();
    const told: string[] = [];
    err.on('data', (chunk: Buffer) => told.push(chunk.toString()));
    const command = run(
      { family: 'wazuh-5', legacy: 'on', groups: 'web', prefix: 'soc', oddity: 'token-used-up' },
      { err },
    );
    const [, url = '', pin] = await command.until(
      /remoted {2}(https:\S+\/soc)\/ \(HTTPS, key of its CA (sha256:[0-9a-f]{64})\)/,
    );
    const [, token = ''] = await command.until(/token {4}([\w-]+)/);
    await command.until(/authd {4}127\.0\.0\.1:\d+ .*\n {2}messages 127\.0\.0\.1:\d+/);
    const members = membersOf(Buffer.from(token, 'base64url').toString());
    expect(members['adr']).to.equal(url.replace('https://', ''));
    expect(`sha256:${Buffer.from(String(members['pin']), 'base64url').toString('hex')}`).to.equal(pin);
    const status = await enrollAt(url, token);
    expect(status).to.equal(403);
    expect(await command.end()).to.equal(EXIT.ok);
    expect(told.join('')).to.match(/POST \/soc\/enroll from .* with an enrollment token, answered 403/);
    expect(told.join('')).to.not.contain(token);
  });

  it('gives the token of a Wazuh 5 manager as a line of JSON', async () => {
    const command = run({ family: 'wazuh-5', enrollment: 'open' }, { json: true });
    const [line] = await command.until(/\{"type":"token".*\}/);
    await command.end();
    const text = String(membersOf(line)['token']);
    // Nothing is wanted, so nothing is named.
    expect(membersOf(Buffer.from(text, 'base64url').toString())).to.have.all.keys('ver', 'adr', 'pin');
  });

  it('offers every oddity, and says where one is of other managers than Wazuh 5', async () => {
    expect([...SANDBOX_OPTIONS.oddity.choices]).to.deep.equal([...ODDITIES]);
    const error: unknown = await run({ family: 'wazuh-5', oddity: 'missed-second' })
      .end()
      .catch((thrown: unknown) => thrown);
    expect(error).to.include({ message: 'The oddity missed-second is one of ossec, not of wazuh-5.' });
  });

  it('shows the lines of the log with --verbose, and in the JSON', async () => {
    const shows = async (how: Partial<Output>) => {
      const command = run({ family: 'ossec', oddity: 'empty-keys-exit' }, how);
      await command.until(/remoted ended|by itself/);
      // What is left of the start is done in this turn; an interruption before its end is told as one.
      await new Promise((resolve) => setImmediate(resolve));
      await command.end();
      return /1751/.test(command.text());
    };
    expect([await shows({}), await shows({ verbose: true }), await shows({ json: true })]).to.deep.equal([
      false,
      true,
      true,
    ]);
  });
});
