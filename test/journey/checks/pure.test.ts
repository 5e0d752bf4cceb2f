import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { address } from '../../../src/journey/checks/address.js';
import { type ApiLook, clock } from '../../../src/journey/checks/api.js';
import { causeOf } from '../../../src/journey/checks/cause.js';
import { counter, isLost } from '../../../src/journey/checks/counter.js';
import { daemon } from '../../../src/journey/checks/daemon.js';
import { endOf, inOrder, right, untold, wrong } from '../../../src/journey/checks/finding.js';
import { keyAccess } from '../../../src/journey/checks/key-file.js';
import type { LinkLook } from '../../../src/journey/checks/link-look.js';
import { ossecConf } from '../../../src/journey/checks/ossec-conf.js';
import type { Conclusion } from '../../../src/link/link-evidence.js';
import type { AgentRecord } from '../../../src/model/agent-record.js';
import type { AgentInstallation } from '../../../src/model/host.js';
import { Secret } from '../../../src/model/secret.js';

const account = { user: 'wazuh', group: 'wazuh', uid: 998, gid: 997 };
const agent: AgentInstallation = {
  platform: 'unix',
  home: '/var/ossec',
  keysFile: '/var/ossec/etc/client.keys',
  counterFile: '/var/ossec/queue/rids/sender_counter',
  configFile: '/var/ossec/etc/ossec.conf',
  passwordFile: '/var/ossec/etc/authd.pass',
  account,
};
const record: AgentRecord = { id: '001', name: 'web-01', ip: 'any', key: new Secret('a'.repeat(64)) };
const proved: LinkLook = {
  kind: 'proved',
  link: { endpoint: { host: 'm', port: 1514 }, protocol: 'tcp', cipher: 'aes', attempts: 1, ms: 3 },
};
const failed: LinkLook = { kind: 'failed', error: new EnrollError('LINK_NOT_ACKNOWLEDGED', 'Not acknowledged.') };

describe('the checks', () => {
  it('stand in order, and end the run with the first that does', () => {
    const error = new EnrollError('KEY_MISSING', 'none');
    const findings = [right('clock', 'c'), untold('key', 'k', error), wrong('key-access', 'a', 'do')];
    expect(inOrder(findings)).to.deep.equal([
      { id: 'key-access', ok: false, detail: 'a', hint: 'do' },
      { id: 'key', ok: null, detail: 'k', hint: error.hint },
      { id: 'clock', ok: true, detail: 'c' },
    ]);
    expect(endOf(findings)).to.equal(error);
    expect(endOf([wrong('enrollment', 'a', 'do')])).to.equal(undefined);
  });

  describe('put a link that does not work down to', () => {
    const none = { address: false, counter: false };
    for (const [kind, cause] of [
      ['unresolved', 'manager-name'],
      ['closed', 'agent-port'],
      ['silent', 'agent-port'],
      ['closes', 'agent-port'],
      ['refused-message', 'key'],
      ['silent-udp', 'key'],
    ] as const) {
      it(`${cause} where the evidence is ${kind}`, () => {
        const conclusion: Conclusion = { kind };
        expect(causeOf('LINK_SILENT', { conclusion }, none)).to.equal(cause);
      });
    }
    const conclusion: Conclusion = { kind: 'remoted', by: 'pong' };
    it('the address before the counter, and both before the key', () => {
      expect(causeOf('LINK_NOT_ACKNOWLEDGED', { conclusion }, { address: true, counter: true })).to.equal('address');
      expect(causeOf('LINK_NOT_ACKNOWLEDGED', { conclusion }, { address: false, counter: true })).to.equal('counter');
      expect(causeOf('LINK_NOT_ACKNOWLEDGED', { conclusion }, none)).to.equal('key');
    });
    it('the version where the manager says so, whatever else is suspicious', () => {
      expect(causeOf('LINK_VERSION_REFUSED', { conclusion }, { address: true, counter: true })).to.equal('version');
    });
    it('the port, and not the address, where nobody is there to refuse it', () => {
      expect(
        causeOf('LINK_PORT_CLOSED', { conclusion: { kind: 'closed' } }, { address: true, counter: true }),
      ).to.equal('agent-port');
    });
  });

  describe('of access to the key', () => {
    const access = (mode: number, uid = 0, gid = 997) => ({ uid, gid, mode, tooWide: (mode & ~0o640) !== 0 });
    for (const [what, given, ok, words] of [
      ['as the packages have it', access(0o640), true, /agent \(wazuh\) can read it/],
      ["the daemon's own", access(0o640, 998), true, /can read it/],
      ["root's alone", access(0o600), false, /runs as wazuh, cannot read it/],
      ["another group's", access(0o640, 0, 0), false, /cannot read it/],
      ["everybody's", access(0o644), false, /others than root and the agent/],
      ["a third user's", access(0o640, 1000), false, /should be root's or the agent's/],
    ] as const) {
      it(`${ok ? 'take' : 'refuse'} a file that is ${what}`, () => {
        const finding = keyAccess(agent, given);
        expect(finding).to.include({ ok });
        expect(finding.detail).to.match(words);
      });
    }
    it('say nothing of a file that cannot be looked at', () => {
      expect(keyAccess(agent, undefined)).to.include({ ok: null });
    });
  });

  describe('of the address', () => {
    const fixed = { ...record, ip: '192.0.2.7' };
    it('are content with any, and with the one that it speaks from', () => {
      expect(address({ record, local: '10.0.0.1', own: [] }, failed, 'key')).to.include({ ok: true });
      expect(address({ record: fixed, local: '192.0.2.7', own: [] }, failed, 'key')).to.include({ ok: true });
    });
    it('name both where they differ, and whether this host has it at all', () => {
      const facts = { record: fixed, local: '10.0.0.1', own: ['10.0.0.1'] };
      const { ok, detail, error } = address(facts, failed, 'address');
      expect([ok, error?.code]).to.deep.equal([false, 'LINK_NOT_ACKNOWLEDGED']);
      expect(detail).to.match(/192\.0\.2\.7.*10\.0\.0\.1.*no such address/);
      expect(address({ ...facts, own: ['192.0.2.7'] }, failed, 'address').detail).to.contain(
        'has that address as well',
      );
    });
    it('take it for a translation where the manager answers all the same', () => {
      expect(address({ record: fixed, local: '10.0.0.1', own: [] }, proved, undefined)).to.include({ ok: true });
    });
  });

  describe('of the counter', () => {
    const own = { uid: 998, gid: 997, mode: 0o640 };
    it('take it for lost where it is gone or 0:0, of a key that was acknowledged before, and of no other', () => {
      const zero = { last: { global: 0, local: 0 }, facts: own };
      for (const look of [undefined, { facts: own }, zero]) {
        expect(isLost({ look, usedBefore: true })).to.equal(true);
        expect(isLost({ look, usedBefore: false })).to.equal(false);
      }
      expect(isLost({ look: { last: { global: 0, local: 1 }, facts: own }, usedBefore: true })).to.equal(false);
    });
    it('tell of one that the agent cannot write, and ends over', () => {
      const look = { last: { global: 0, local: 7 }, facts: { uid: 0, gid: 0, mode: 0o640 } };
      const finding = counter(agent, record, { look, usedBefore: true }, proved, undefined);
      expect(finding).to.include({ ok: false });
      expect(finding.hint).to.contain('chown wazuh:wazuh');
    });
    it('do not guess what the manager has seen', () => {
      const facts = { look: { last: { global: 0, local: 7 }, facts: own }, usedBefore: true };
      expect(counter(agent, record, facts, failed, 'key')).to.include({ ok: null });
      expect(counter(agent, record, facts, proved, undefined)).to.include({ ok: true });
    });
  });

  describe('of ossec.conf', () => {
    const manager = {
      agent: { host: 'siem.example', port: 1514 },
      protocol: 'auto',
      enrollment: { host: 'siem.example', port: 1515 },
    } as const;
    const server = (inside: string) =>
      `<ossec_config>\n<client>\n<server>\n${inside}\n</server>\n</client>\n</ossec_config>`;
    const of = (text: string | undefined) => ossecConf(agent, { text }, [manager]);
    it('are content where it names this manager, in whatever case', () => {
      expect(of(server('<address>SIEM.example</address>'))).to.include({ ok: true });
    });
    for (const [what, inside, words] of [
      ['another manager', '<address>old.example</address>', /old\.example \(line 4\), and not siem\.example/],
      ['the placeholder', '<address>MANAGER_IP</address>', /line 4: MANAGER_IP is the placeholder/],
      ['another port', '<address>siem.example</address>\n<port>1600</port>', /line 5: the agent uses port 1600/],
      ['nobody', '', /names no manager/],
    ] as const) {
      it(`tell of one that names ${what}`, () => {
        const finding = of(server(inside));
        expect(finding).to.include({ ok: false });
        expect(finding.detail).to.match(words);
      });
    }
    it('know the manager of an agent of Wazuh 5', () => {
      const conf = (endpoint: string) =>
        `<ossec_config>\n<agent>\n<manager>\n<endpoint>${endpoint}</endpoint>\n</manager>\n</agent>\n</ossec_config>`;
      expect(of(conf('https://siem.example:1517/wazuh-manager/'))).to.include({ ok: true });
      expect(of(conf('siem.example'))).to.include({ ok: true });
      expect(of(conf('old.example:1517')).detail).to.match(/names old\.example \(line 4\), and not siem\.example/);
    });
    it('say nothing where there is no file, or none that can be read', () => {
      expect(of(undefined)).to.include({ ok: null });
      const error = new EnrollError('FILE_UNREADABLE', 'It cannot be read.');
      expect(ossecConf(agent, { error }, [manager])).to.include({ ok: null, detail: 'It cannot be read.' });
    });
  });

  describe('of the daemon', () => {
    const silent = { word: undefined };
    it('miss it where an agent is installed, and not where none is', () => {
      expect(daemon(agent, { daemon: undefined }, silent)).to.include({ ok: null });
      expect(daemon({ ...agent, flavor: 'wazuh' }, { daemon: undefined }, silent)).to.include({ ok: false });
    });
    it('end the run where its word proves nothing', () => {
      const error = new EnrollError('AGENT_NOT_CONNECTED', 'It says that it is pending.');
      const running = { name: 'wazuh-agentd', facts: {}, status: 'pending' } as const;
      expect(daemon(agent, { daemon: running, error }, silent)).to.include({ ok: false, error });
      expect(daemon(agent, { daemon: { ...running, status: 'connected' } }, silent)).to.include({ ok: true });
    });
  });

  describe('of the clock', () => {
    const at = (ahead?: number): ApiLook => ({
      kind: 'answered',
      where: 'm:55000',
      version: '4.x',
      ...(ahead === undefined ? {} : { ahead }),
    });
    it('compare it where a manager tells its time, and say so where none does', () => {
      expect(clock(undefined)).to.include({ ok: null });
      expect(clock(at())).to.include({ ok: null });
      expect(clock(at(1500))).to.include({ ok: true });
      expect(clock(at(-30_000))).to.include({ ok: true });
      expect(clock(at(3_600_000)).detail).to.contain('3600 s ahead');
      expect(clock(at(-3_600_000))).to.include({ ok: false });
    });
  });
});
