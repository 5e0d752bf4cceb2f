import { expect } from 'chai';
import { describe, it } from 'mocha';
import { key, version } from '../../../src/journey/checks/key.js';
import type { LinkLook } from '../../../src/journey/checks/link-look.js';
import type { Conclusion } from '../../../src/link/link-evidence.js';
import { agent, byDaemon, failed, looked, none, proved, record } from './check-scene.js';

const facts = { record, usedBefore: false };
const endpoint = { host: 'siem.example', port: 1514 };
const blowfish: LinkLook = {
  kind: 'proved',
  link: { endpoint, protocol: 'udp', cipher: 'blowfish', family: 'ossec', attempts: 1, ms: 3 },
};

describe('the check of the key', () => {
  for (const [what, look, ok, detail] of [
    ['a manager that answered', proved, true, 'The manager answered, encrypted with this key (TCP, AES).'],
    ['an OSSEC that answered', blowfish, true, 'The manager answered, encrypted with this key (UDP, Blowfish, ossec).'],
    ['a daemon', byDaemon, true, 'The agent daemon is connected with it, so no test message was sent.'],
    ['no key', looked({ kind: 'closed' }), null, 'Not tested: there is no key to be used.'],
    ['no manager', none, null, 'Not looked at: no manager is named.'],
  ] as const) {
    it(`says of ${what}: ${detail}`, () => {
      expect(key(facts, look, undefined)).to.deep.equal({ id: 'key', ok, detail });
    });
  }
  it('follows from what is wrong above it', () => {
    expect(key(facts, failed('LINK_PORT_CLOSED', { kind: 'closed' }), 'agent-port')).to.deep.equal({
      id: 'key',
      ok: null,
      detail: 'Not acknowledged, which follows from what is wrong above.',
    });
  });
  it('is not tested where no message could be sent, and the run ends with that', () => {
    const look = failed('ANOTHER_RUN');
    expect(key(facts, look, undefined)).to.deep.equal({
      id: 'key',
      ok: null,
      detail: 'Not tested: It failed.',
      hint: 'Look.',
      error: look.error,
    });
  });

  const REMOVED = ' A manager has acknowledged this key before: it may have been removed there.';
  const MEANS =
    "agent 001 is not in the manager's client.keys, stands there with another key, or its message numbers are behind.";
  for (const [conclusion, usedBefore, means] of [
    [{ kind: 'remoted', by: 'pong' }, false, ` So, ${MEANS}`],
    [{ kind: 'remoted', by: 'pong' }, true, ` So, ${MEANS}${REMOVED}`],
    [{ kind: 'refused-message' }, false, ` So, ${MEANS}`],
    [{ kind: 'silent-udp' }, true, ` If UDP gets through, ${MEANS}${REMOVED}`],
    [{ kind: 'closes' }, true, ''],
  ] satisfies [Conclusion, boolean, string][]) {
    it(`says what a refusal means: ${conclusion.kind}${usedBefore ? ' of a key that was acknowledged' : ''}`, () => {
      const look = failed('LINK_NOT_ACKNOWLEDGED', conclusion);
      expect(key({ record, usedBefore }, look, 'key')).to.deep.equal({
        id: 'key',
        ok: false,
        detail: `It failed.${means}`,
        hint: 'Look.',
        error: look.error,
      });
    });
  }
  it('leaves a refusal in words as it was said', () => {
    const look = failed('LINK_REFUSED', { kind: 'remoted', by: 'words' });
    expect(key(facts, look, 'key').detail).to.equal('It failed.');
  });
});

describe('the check of the version', () => {
  const installed = { ...agent, version: 'v4.14.7' };
  it('ends the run where the manager refuses it, and names the one that is here', () => {
    const look = failed('LINK_VERSION_REFUSED', { kind: 'remoted', by: 'words' });
    const refused = { id: 'version', ok: false, hint: 'Look.', error: look.error };
    expect(version(agent, look, 'version')).to.deep.equal({ ...refused, detail: 'It failed.' });
    expect(version(installed, look, 'version')).to.deep.equal({
      ...refused,
      detail: 'It failed. The agent here is v4.14.7.',
    });
  });
  for (const [what, here, look, ok, detail] of [
    ['a daemon', installed, byDaemon, true, 'The agent daemon is connected.'],
    ['no agent', agent, proved, null, 'No version of an agent is known here, so none was shown to the manager.'],
    ['a manager that answered', installed, proved, true, 'The manager takes an agent v4.14.7.'],
    [
      'one that did not',
      installed,
      failed('LINK_SILENT', { kind: 'silent' }),
      null,
      'The agent here is v4.14.7; whether the manager takes it is not told.',
    ],
  ] as const) {
    it(`says of ${what}: ${detail}`, () => {
      expect(version(here, look, undefined)).to.deep.equal({ id: 'version', ok, detail });
    });
  }
});
