import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { look } from '../../../src/link/message/look.js';
import { opener } from '../../../src/link/message/open.js';
import { directDial } from '../../../src/net/connect.js';
import { pause } from '../../../src/net/deadline.js';
import { type Sandbox, startSandbox } from '../../../src/sandbox/manager.js';
import type { SandboxOptions } from '../../../src/sandbox/sandbox-options.js';
import { never } from '../../host/fake-system.js';

describe('a look at an agent port without a key', function () {
  this.timeout(10_000);
  let sandbox: Sandbox | undefined;
  afterEach(() => sandbox?.close());

  async function seen(options: Partial<SandboxOptions>, protocol: 'auto' | 'tcp' | 'udp' = 'auto') {
    const messages: string[] = [];
    sandbox = await startSandbox({
      family: 'wazuh-4',
      onEvent: ({ type }) => type === 'message' && messages.push(type),
      ...options,
    });
    const endpoint = sandbox.endpoints.agent;
    const open = opener(endpoint, { dial: directDial(2000), timeoutMs: 2000 });
    const request = { endpoint, protocol, authd: false, timeoutMs: 2000 };
    return await look(request, { open, now: () => performance.now(), pause }, never);
  }

  it('finds a remoted that answers #ping', async () => {
    const { conclusion, udp } = await seen({});
    expect(conclusion).to.deep.equal({ kind: 'remoted', by: 'pong' });
    expect(udp, 'TCP was enough').to.equal(undefined);
    await sandbox?.close();
    expect((await seen({ protocols: ['udp'] })).conclusion).to.deep.equal({ kind: 'remoted', by: 'pong' });
  });
  it('finds a closed port', async () => {
    expect((await seen({ remoted: 'closed' })).conclusion).to.deep.equal({ kind: 'closed' });
  });
  it('does not take the silence of an OSSEC for anything', async () => {
    expect((await seen({ family: 'ossec' })).conclusion).to.deep.equal({ kind: 'silent-udp' });
  });
});
