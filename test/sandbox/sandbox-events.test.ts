import { expect } from 'chai';
import { describe, it } from 'mocha';
import { describeEvent, type SandboxEvent } from '../../src/sandbox/sandbox-events.js';

const from = { host: '127.0.0.1', port: 40000 };
const agent = { id: '001', name: 'web-01', ip: 'any', groups: ['web'], state: 'pending' } as const;

const LINES: readonly [SandboxEvent, string][] = [
  [
    { type: 'listening', service: 'remoted', endpoint: { host: '::1', port: 1514 }, over: 'tcp, udp' },
    'remoted listens on [::1]:1514 (tcp, udp)',
  ],
  [
    { type: 'request', from, name: 'web-01', groups: ['web'], ip: 'src', hadPassword: true, hadKeyHash: false },
    'authd: request for web-01, IP src, groups web, with a password from 127.0.0.1:40000',
  ],
  [{ type: 'registered', agent }, 'agent 001 (web-01) registered, IP any, groups web'],
  [{ type: 'renamed', agent, asked: 'web' }, 'agent 001 (web-01) was asked for as web, which exists'],
  [
    { type: 'dropped', from, protocol: 'udp', why: 'unknown id', id: '999' },
    'remoted: dropped a message from 127.0.0.1:40000 over udp with id 999: remoted knows no agent of this id (yet)',
  ],
  [
    { type: 'api request', from, method: 'POST', path: '/agents', status: 400, code: 1705, user: 'wazuh' },
    'api: POST /agents from 127.0.0.1:40000 (wazuh), answered 400, error 1705',
  ],
  [{ type: 'agents restarted', agents: 2 }, 'api: every agent restarted (2), as PUT /agents/restart asks'],
  [
    { type: 'stopped', service: 'remoted', how: 'by itself' },
    'remoted ended: client.keys is empty, its port is closed',
  ],
  [{ type: 'stopped', service: 'authd', how: 'by request' }, 'authd stopped, its port is closed'],
  [
    { type: 'connection lost', from },
    'remoted: lost the connection from 127.0.0.1:40000, which is neither answered nor closed',
  ],
  [
    { type: 'connection reset', service: 'authd', from },
    'authd: no room for the connection from 127.0.0.1:40000, which was reset',
  ],
  [
    { type: 'log', level: 'WARNING', code: 1408, line: '2026/11/25 09:01:02 wazuh-remoted: WARNING: (1408): Invalid' },
    'log: 2026/11/25 09:01:02 wazuh-remoted: WARNING: (1408): Invalid',
  ],
  [{ type: 'state', agent, before: 'never_connected' }, 'agent 001 (web-01) is pending (was never_connected)'],
];

describe('an event of the sandbox', () => {
  for (const [event, line] of LINES) {
    it(`is told in a line: ${event.type}`, () => expect(describeEvent(event)).to.equal(line));
  }

  it('stays one line without control characters, whatever a client sent', () => {
    const hostile = 'a\r\nb\u001b[2Jc\u202e';
    const lines = [
      describeEvent({
        type: 'request',
        from,
        name: hostile,
        groups: [hostile],
        ip: hostile,
        version: hostile,
        hadPassword: false,
        hadKeyHash: true,
      }),
      describeEvent({ type: 'reply', to: from, text: `ERROR: Invalid agent name: ${hostile}` }),
      describeEvent({ type: 'handshake failed', service: 'authd', from, why: hostile }),
      describeEvent({ type: 'api request', from, method: 'GET', path: hostile, status: 200, user: hostile }),
      describeEvent({ type: 'group created', group: hostile }),
    ];
    for (const line of lines) expect(line).to.not.match(/[\p{C}\p{Zl}\p{Zp}]/u);
  });
});
