import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { sandboxCommand } from '../../src/cli/commands/sandbox.js';
import type { Output } from '../../src/cli/output.js';
import { EXIT } from '../../src/errors.js';
import { parseRecord } from '../../src/model/agent-record.js';
import { askAuthd, udpAgent } from './clients.js';
import { greeting } from './messages.js';

const PORTS = { 'authd-port': 0, 'agent-port': 0, 'api-port': 0 };

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

describe('agent-enroll sandbox', () => {
  it('starts remoted again 2 s after the first key, where it ends over an empty client.keys', async () => {
    const command = run({ family: 'ossec', oddity: 'empty-keys-exit' });
    const authd = port(await command.until(/authd listens on 127\.0\.0\.1:(\d+)/));
    await command.until(/remoted ended: client\.keys is empty, its port is closed/);
    const { records } = await askAuthd(authd, ["OSSEC A:'web-01'\n"]);
    const issued = performance.now();
    const remoted = port(await command.until(/remoted listens on 127\.0\.0\.1:(\d+)/));
    expect(performance.now() - issued).to.be.within(1_900, 3_500);
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
