import { expect } from 'chai';
import { describe, it } from 'mocha';
import { readOssecConf } from '../../src/conf/ossec-conf.js';
import { readManagers, shownManagers } from '../../src/settings/managers.js';
import { DEFAULT_ORIGIN } from '../../src/settings/origin.js';
import { Sources } from '../../src/settings/sources.js';
import { conf } from './scene.js';

/** What is counted is work, not time: how often the whole list is gone through. */
describe('many servers in one ossec.conf', () => {
  for (const [what, enrollment] of [
    ['alone', ''],
    ['with an enrollment server', '<enrollment><manager_address>authd.example</manager_address></enrollment>'],
  ] as const) {
    /** How often addresses are looked at until all is settled and shown. */
    const looks = (count: number) => {
      const lines = Array.from({ length: count }, (_, at) => `<server><address>siem-${at}.example</address></server>`);
      const read = readOssecConf(conf(lines.join('\n') + enrollment));
      let looked = 0;
      const servers = read.servers.map(({ address, ...rest }) => ({
        ...rest,
        get address() {
          looked += 1;
          return address;
        },
      }));
      const file = { path: '/etc/ossec.conf', home: '/', conf: { ...read, servers }, ofOthers: false, of5: false };
      const sources = new Sources('enroll', new Map(), {}, file);
      const method = { value: 'auto', origin: DEFAULT_ORIGIN } as const;
      const managers = readManagers(sources, { method, token: undefined });
      expect(managers).to.have.length(count);
      expect(managers.at(-1)?.settings.enrollment.host).to.equal(
        enrollment === '' ? `siem-${count - 1}.example` : 'authd.example',
      );
      shownManagers(managers, sources);
      return looked;
    };

    it(`are looked at as often each as few are, ${what}`, () => {
      const few = looks(10);
      expect(few).to.be.above(0);
      expect(looks(1000)).to.equal(few * 100);
    });
  }

  it('are seen anew once one of them is passed over', () => {
    const read = readOssecConf(
      conf('<server><address>one.example</address></server><server><address>two.example</address></server>'),
    );
    const file = { path: '/etc/ossec.conf', home: '/', conf: read, ofOthers: false, of5: false };
    const sources = new Sources('enroll', new Map(), {}, file);
    const [one, two] = sources.servers;
    if (one === undefined) throw new Error('There is no server.');
    sources.passOver(sources.fromConf(one.address).origin);
    expect(sources.servers).to.deep.equal([two]);
  });
});
