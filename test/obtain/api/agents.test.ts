import { expect } from 'chai';
import { describe, it } from 'mocha';
import { agentAt, agentNamed, describeAgent, foundAgents } from '../../../src/obtain/api/agents.js';

describe('the agents that an API shows', () => {
  it('are shown as far as they are known, and printable', () => {
    const [one, two, ...rest] = foundAgents({
      items: [
        { id: '001', name: 'web\u001b01', ip: '10.0.0.9', registerIP: 'any', status: 'never_connected', dateAdd: 'D' },
        { id: '002', name: 'web02', ip: '10.0.0.9', status: 'Disconnected', lastKeepAlive: 'L', dateAdd: 'D' },
        { id: 3, name: 'x' },
        { id: '003', name: 3 },
        { id: 'x1', name: 'x' },
        { id: '1x', name: 'x' },
        { id: '12345678901', name: 'x' },
        'x',
      ],
    });
    expect(rest).to.deep.equal([]);
    if (one === undefined || two === undefined) throw new Error('none');
    expect(describeAgent(one)).to.equal('agent 001 (web?01, any), never connected, registered D');
    expect(describeAgent(two)).to.equal('agent 002 (web02, 10.0.0.9), disconnected, last seen L');
    expect(describeAgent({ id: '003', name: 'x' })).to.equal('agent 003 (x)');
  });

  it('are one where the answer is no list', () => {
    expect(foundAgents({ id: '001', name: 'x' })).to.deep.equal([{ id: '001', name: 'x' }]);
    expect(foundAgents('x')).to.deep.equal([]);
  });

  it('are found by their whole name, and by their address in any writing', () => {
    const agents = [
      { id: '001', name: 'WEB01' },
      { id: '002', name: 'web01', ip: '2001:0DB8:0000:0000:0000:0000:0000:0001' },
    ];
    expect(agentNamed(agents, 'web01')?.id).to.equal('002');
    expect(agentAt(agents, '2001:db8::1')?.id).to.equal('002');
    expect(agentAt(agents, '2001:db8::2')).to.equal(undefined);
  });

  it('have the same address where none of them is any, or both are', () => {
    const has = (ip: string, asked: string) => agentAt([{ id: '001', name: 'web01', ip }], asked) !== undefined;
    expect(has('any', 'any')).to.equal(true);
    expect(has('any', '10.0.0.1')).to.equal(false);
    expect(has('10.0.0.1', 'any')).to.equal(false);
    expect(has('10.0.0.1', '10.0.0.1/32')).to.equal(true);
    expect(has('x', '10.0.0.1')).to.equal(false);
    expect(has('10.0.0.1', 'x')).to.equal(false);
  });
});
