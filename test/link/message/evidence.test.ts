import { expect } from 'chai';
import { describe, it } from 'mocha';
import { code, evidenceOf, type Given, type ManagerMaker, RECORD, run } from './handshake-run.js';

const silence = () => undefined;
const wazuh3 = { ciphers: [], answer: silence } as const;
const wazuh4 = { ...wazuh3, pong: true } as const;
const ossec = { ...wazuh3, tcp: 'closed' } as const;
const at = (ms: number, before: 'open' | 'closed', after: 'open' | 'closed' | 'hangs'): ManagerMaker =>
  ((clock) => ({ ...wazuh4, tcp: () => (clock.now() < ms ? before : after) })) satisfies ManagerMaker;

/** What a handshake of 12 s comes to: the time that a key has which is there already. */
async function seen(manager: Parameters<typeof run>[0], asked: Given = {}) {
  const ran = await run(manager, { waitMs: 12_000, ...asked });
  const evidence = evidenceOf(ran.outcome);
  const { message, hint } = ran.outcome instanceof Error ? ran.outcome : { message: '', hint: '' };
  return { ...ran, code: code(ran.outcome), message, hint, evidence, kind: evidence.conclusion.kind };
}

describe('the evidence of a handshake that was not acknowledged', () => {
  it('is a remoted, where #ping is answered at both ends of the wait', async () => {
    const { code, message, hint, evidence, manager } = await seen(wazuh4);
    expect(evidence.conclusion).to.deep.equal({ kind: 'remoted', by: 'pong' });
    expect(code).to.equal('LINK_NOT_ACKNOWLEDGED');
    expect(message).to.include("The manager's remoted is there (192.0.2.1:1514)").and.include('within 12 s');
    expect(hint).to.include('(1408): Invalid ID').and.include('(1404)').and.include('(1407): Duplicated counter');
    expect(hint).to.include('queue/rids/001');
    expect(manager.pings).to.equal(2);
    expect(evidence).to.include({ localAddress: '192.0.2.7' });
  });

  it('is a remoted, where the answer of its UDP alone shows it', async () => {
    const { evidence } = await seen({ ...wazuh4, tcp: 'closed' });
    expect(evidence.conclusion).to.deep.equal({ kind: 'remoted', by: 'pong' });
    expect(evidence.udp?.pong).to.equal('now');
  });

  it('is a remoted, where it answers with the key and does not acknowledge', async () => {
    const { evidence, code } = await seen({ ciphers: ['aes-wazuh'], answer: () => '#!-up file x merged.mg\n' });
    expect(evidence.conclusion).to.deep.equal({ kind: 'remoted', by: 'answer' });
    expect(code).to.equal('LINK_NOT_ACKNOWLEDGED');
  });

  it('is a remoted, where it refuses in words', async () => {
    const { evidence, code } = await seen({ ciphers: ['aes-wazuh'], answer: () => '#!-err {"message":"No."}' });
    expect(evidence.conclusion).to.deep.equal({ kind: 'remoted', by: 'words' });
    expect(code).to.equal('LINK_REFUSED');
  });

  it('is none of a manager that went down meanwhile', async () => {
    const { kind, message, evidence } = await seen(at(8000, 'open', 'closed'));
    expect(kind).to.equal('closed');
    expect(evidence.tcp?.pong).to.equal('then');
    expect(message).to.include('answered #ping at first and no longer');
    expect((await seen(at(11_990, 'open', 'closed'))).kind).to.not.equal('remoted');
  });

  it('is none of a manager that vanished meanwhile, and is not waited for long', async () => {
    const { kind, endedMs } = await seen(at(8000, 'open', 'hangs'));
    expect(kind).to.equal('silent');
    expect(endedMs).to.be.below(14_000);
  });

  it('is a remoted again that was restarted meanwhile', async () => {
    const manager: ManagerMaker = (clock) => ({
      ...wazuh4,
      tcp: () => (clock.now() > 4000 && clock.now() < 6000 ? 'closed' : 'open'),
    });
    expect((await seen(manager)).kind).to.equal('remoted');
  });

  it('is a remoted that came up late', async () => {
    expect((await seen(at(3000, 'closed', 'open'))).kind).to.equal('remoted');
  });

  it('is a refused message, where a connection stays open until a message has come (Wazuh 3)', async () => {
    const { kind, code, evidence, message, hint } = await seen(wazuh3);
    expect(kind).to.equal('refused-message');
    expect(code).to.equal('LINK_NOT_ACKNOWLEDGED');
    expect(evidence.tcp?.refusals).to.be.at.least(3);
    expect(message).to.include('refuses the messages of this key');
    expect(hint).to.include('(1408): Invalid ID');
  });

  it('is no refused message before it was seen three times', async () => {
    expect((await seen(wazuh3, { waitMs: 2500 })).kind).to.equal('closes');
  });

  it('is no refused message of a manager that is slow to close', async () => {
    const { kind, evidence } = await seen({ ...wazuh3, tcpDelayMs: 300 });
    expect(kind).to.equal('closes');
    expect(evidence.tcp?.refusals).to.equal(0);
  });

  it('is a connection that closes, where an idle one does too (a balancer without its manager)', async () => {
    const { kind, code, message } = await seen({ ...wazuh3, hasty: 'idle' });
    expect(kind).to.equal('closes');
    expect(code).to.equal('LINK_UNANSWERED');
    expect(message).to.include('takes connections and closes them').and.include('load balancer');
  });

  it('is a connection that closes, where the first part of a message is enough', async () => {
    const { kind, evidence } = await seen({ ...wazuh3, hasty: 'first part' });
    expect(kind).to.equal('closes');
    expect(evidence.tcp?.refusals).to.equal(0);
  });

  it('is a connection that closes, once the manager behind the balancer is gone', async () => {
    const manager: ManagerMaker = (clock) => ({ ...wazuh3, hasty: () => (clock.now() < 7000 ? 'none' : 'idle') });
    expect((await seen(manager)).kind).to.equal('closes');
  });

  it('is the enrollment port, where connections are closed on it', async () => {
    for (const asked of [
      { endpoint: { host: 'm', port: 1515 } },
      { endpoint: { host: 'm', port: 9 }, enrollmentPort: 9 },
    ]) {
      const { evidence, code, message, hint } = await seen(wazuh3, asked);
      expect(evidence.conclusion).to.deep.equal({ kind: 'other-service', protocol: 'tcp', service: 'authd' });
      expect(code).to.equal('LINK_OTHER_SERVICE');
      expect(message).to.include("is the manager's enrollment port");
      expect(hint).to.include('--enrollment-port').and.include('1514');
    }
  });

  it('is another service that greets, and that service is left in peace', async () => {
    const greeting = Buffer.from('SSH-2.0-OpenSSH_9.2p1\u001b[2J\r\n');
    const { evidence, code, message, hint, manager } = await seen(
      { ...wazuh3, udp: 'closed', greeting },
      { endpoint: { host: 'm', port: 22 } },
    );
    expect(evidence.conclusion).to.include({ kind: 'other-service', protocol: 'tcp', service: 'ssh' });
    expect(code).to.equal('LINK_OTHER_SERVICE');
    expect(message).to.include('an SSH server').and.include('says "SSH-2.0-OpenSSH_9.2p1?[2J"');
    expect(hint).to.include('--port');
    expect(manager.messages).to.be.below(6);
  });

  it('is something else, where what comes cannot be read', async () => {
    const { evidence, code } = await seen({ ciphers: ['aes-wazuh'], garbage: true, answer: silence });
    expect(evidence.conclusion).to.deep.equal({ kind: 'other-service', protocol: 'tcp', service: 'unknown' });
    expect(code).to.equal('LINK_OTHER_SERVICE');
  });

  it('is something else, where junk comes over UDP', async () => {
    const { evidence } = await seen({ tcp: 'closed', ciphers: ['blowfish'], garbage: true, answer: silence });
    expect(evidence.conclusion).to.deep.equal({ kind: 'other-service', protocol: 'udp', service: 'unknown' });
  });

  it('is silence on UDP beside a refused TCP', async () => {
    const { kind, code, message, hint } = await seen(ossec);
    expect(kind).to.equal('silent-udp');
    expect(code).to.equal('LINK_UNANSWERED');
    expect(message).to.include('OSSEC').and.include('firewall');
    expect(hint).to.include('touch etc/client.keys').and.include('Duplicated counter').and.include('port 1514');
  });

  it('names AES where it was asked for and the manager is an OSSEC', async () => {
    const { message, hint } = await seen(ossec, { cipher: 'aes', family: 'ossec' });
    expect(message).to.include('AES').and.include('4.0.0');
    expect(hint).to.include('--cipher');
    expect((await seen(ossec, { family: 'ossec' })).message).to.not.include('AES');
  });

  it('names both addresses where the record is for another than this host has', async () => {
    const record = { ...RECORD, ip: '10.0.0.5' };
    for (const manager of [wazuh4, wazuh3, ossec]) {
      const { message } = await seen(manager, { record });
      expect(message).to.include('The record is for 10.0.0.5, and this host speaks to the manager from 192.0.2.7.');
    }
    for (const ip of ['any', '192.0.2.7', '192.0.2.0/24', '192.0.2.0/255.255.255.0']) {
      expect((await seen(wazuh4, { record: { ...RECORD, ip } })).message, ip).to.not.include('The record is for');
    }
    const { message } = await seen(wazuh4, { record: { ...RECORD, ip: '2001:0DB8:0000:0000:0000:0000:0000:0001' } });
    expect(message).to.include('The record is for 2001:');
  });

  it('is a closed port', async () => {
    const { kind, code } = await seen({ ...wazuh3, tcp: 'closed', udp: 'closed' });
    expect(kind).to.equal('closed');
    expect(code).to.equal('LINK_PORT_CLOSED');
    expect((await seen(ossec, { protocol: 'tcp' })).kind).to.equal('closed');
  });

  it('is an OSSEC that went down meanwhile: a closed port', async () => {
    const manager: ManagerMaker = (clock) => ({ ...ossec, udp: () => (clock.now() < 6000 ? 'open' : 'closed') });
    expect((await seen(manager, { family: 'ossec' })).kind).to.equal('closed');
  });

  it('is a black hole', async () => {
    const { kind, code, message } = await seen({ ...wazuh3, tcp: 'hangs' });
    expect(kind).to.equal('silent');
    expect(code).to.equal('LINK_SILENT');
    expect(message).to.include('Nothing answered');
    expect((await seen(ossec, { protocol: 'udp' })).kind).to.equal('silent');
  });

  it('is silence, where a connection is taken and kept', async () => {
    const { kind, message } = await seen({ ...wazuh3, tcpDelayMs: Number.POSITIVE_INFINITY });
    expect(kind).to.equal('silent');
    expect(message).to.include('takes the connection and does not answer');
  });

  it('is a name without an address, for all of the wait', async () => {
    const { kind, code, message, endedMs } = await seen({ ...wazuh3, tcp: 'unresolved', udp: 'unresolved' });
    expect(kind).to.equal('unresolved');
    expect(code).to.equal('LINK_SILENT');
    expect(message).to.include('192.0.2.1 could not be resolved').and.include('12 s');
    expect(endedMs).to.equal(12_000);
  });

  it('is of UDP alone, where the manager is an OSSEC: nothing is sent over TCP', async () => {
    const { evidence, heard, manager } = await seen(
      { ...ossec, tcp: 'open', ciphers: ['blowfish'] },
      { family: 'ossec' },
    );
    expect(manager.messages).to.equal(heard.length);
    expect(new Set(heard.map(({ protocol }) => protocol))).to.deep.equal(new Set(['udp']));
    expect(evidence.tcp?.last).to.equal('silent');
  });

  it('counts the messages', async () => {
    const { evidence, heard } = await seen({ ...ossec, ciphers: ['blowfish'] }, { family: 'ossec' });
    expect(evidence.messages).to.equal(heard.length);
    expect(evidence.waitedMs).to.equal(12_000);
  });

  it('is told at once, where TCP alone may be tried and the manager is an OSSEC', async () => {
    const asked = { protocol: 'tcp', family: 'ossec' } as const;
    const { code, message, hint, endedMs, manager, evidence } = await seen(ossec, asked);
    expect(evidence).to.deep.equal({ conclusion: { kind: 'closed' }, messages: 0, waitedMs: 0 });
    expect(code).to.equal('LINK_PORT_CLOSED');
    expect(message).to.include('UDP only');
    expect(hint).to.include('--protocol udp');
    expect(endedMs).to.equal(0);
    expect(manager.messages).to.equal(0);
  });
});
