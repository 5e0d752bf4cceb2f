import { expect } from 'chai';
import { describe, it } from 'mocha';
import { causeOf } from '../../../src/journey/checks/cause.js';
import type { Conclusion } from '../../../src/link/link-evidence.js';

const none = { address: false, counter: false };
const both = { address: true, counter: true };
const remoted: Conclusion = { kind: 'remoted', by: 'pong' };

describe('a link that does not work is put down to', () => {
  for (const [conclusion, cause] of [
    [{ kind: 'unresolved' }, 'manager-name'],
    [{ kind: 'closed' }, 'agent-port'],
    [{ kind: 'silent' }, 'agent-port'],
    [{ kind: 'closes' }, 'agent-port'],
    [{ kind: 'other-service', protocol: 'tcp', service: 'ssh' }, 'agent-port'],
  ] as const) {
    it(`${cause} where the evidence is ${conclusion.kind}, whatever is suspicious here`, () => {
      expect(causeOf('LINK_SILENT', { conclusion }, none)).to.equal(cause);
      expect(causeOf('LINK_SILENT', { conclusion }, both)).to.equal(cause);
    });
  }
  for (const conclusion of [remoted, { kind: 'refused-message' }, { kind: 'silent-udp' }] as const) {
    describe(`where the evidence is ${conclusion.kind}`, () => {
      it('the address before the counter, and both before the key', () => {
        expect(causeOf('LINK_NOT_ACKNOWLEDGED', { conclusion }, both)).to.equal('address');
        expect(causeOf('LINK_NOT_ACKNOWLEDGED', { conclusion }, { ...both, address: false })).to.equal('counter');
        expect(causeOf('LINK_NOT_ACKNOWLEDGED', { conclusion }, none)).to.equal('key');
      });
      it('the version or the key where the manager says so, whatever is suspicious here', () => {
        expect(causeOf('LINK_VERSION_REFUSED', { conclusion }, both)).to.equal('version');
        expect(causeOf('LINK_REFUSED', { conclusion }, both)).to.equal('key');
      });
    });
  }
});
