import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { askAuthd } from './clients.js';

const mask = (text: string) => text.replace(/[0-9a-f]{64}'/, "<key>'");

describe('requests to the sandbox authd beyond the recordings', () => {
  let certificate: IssuedCertificate;
  before(async () => {
    certificate = await issueStockCertificate();
  });

  async function withSandbox(options: SandboxOptions, run: (sandbox: Sandbox) => Promise<void>): Promise<void> {
    const sandbox = await startSandbox({ certificate, ...options });
    try {
      await run(sandbox);
    } finally {
      await sandbox.close();
    }
  }

  it('says of a list of groups what a 4.14.7 manager says, and quotes the whole list', async () => {
    const prohibited = `characters '\\/:*?"<>|,' are prohibited`;
    const long = 'x'.repeat(300);
    const cases: readonly [list: string, answer: string][] = [
      ['a\\,b?1', `Invalid group name: a\\,b?1... ${prohibited}`],
      [',', `Invalid group name: ,... ${prohibited}`],
      [',,', "Invalid group name: ,,... consecutive ',' are not allowed"],
      [',web', "Invalid group name: ,web... cannot start or end with ','"],
      ['web,b?', `Invalid group name: web,b?... ${prohibited}`],
      ['web,a b', 'Invalid group name: web,a b... white spaces are not allowed'],
      ['web,..', 'Invalid group name: ..'],
      [`web,${long}`, `Invalid group name: ${long.slice(0, 255)}... group is too large`],
      ['web,nosuch,b', 'Invalid group: nosuch'],
      [Array.from({ length: 128 }, () => 'web').join(','), ''],
      [Array.from({ length: 129 }, (_, at) => `g${at}`).join(','), 'Maximum multigroup reached: Limit is 128'],
    ];
    const groups = ['web', ...Array.from({ length: 128 }, (_, at) => `g${at}`)];
    await withSandbox({ family: 'wazuh-4', groups }, async ({ endpoints }) => {
      for (const [list, answer] of cases) {
        const { records } = await askAuthd(endpoints.authd, [`OSSEC A:'web-01' G:'${list}'\n`]);
        const wanted = answer === '' ? "OSSEC K:'001 web-01 any <key>'" : `ERROR: ${answer}. Unable to add agent`;
        expect(mask(records.join('')), list).to.equal(wanted);
      }
    });
  });

  it('looks for the groups once the address is right', async () => {
    await withSandbox({ family: 'wazuh-4' }, async ({ endpoints }) => {
      const { records } = await askAuthd(endpoints.authd, ["OSSEC A:'web-01' G:'nosuch' IP:'999.1.1.1'\n"]);
      expect(records.join('')).to.equal('ERROR: Invalid IP: 999.1.1.1. Unable to add agent');
    });
  });

  it('answers a request of up to 69,632 bytes, and what is longer as one that was cut off', async () => {
    const asking = (bytes: number) => {
      const room = bytes - "OSSEC A:'web-01' G:'a'\n".length;
      const filler = (room % 2 === 1 ? 'bb,' : '') + 'a,'.repeat(Math.floor((room - (room % 2 === 1 ? 3 : 0)) / 2));
      return `OSSEC A:'web-01' G:'${filler}a'\n`;
    };
    const unterminated = 'ERROR: Unterminated group field. Unable to add agent';
    const duplicate = 'ERROR: Duplicate agent name: web-01. Unable to add agent';
    const cases: readonly [bytes: number, answer: string][] = [
      [16_384, "OSSEC K:'001 web-01 any <key>'"],
      [16_385, duplicate],
      [50_000, duplicate],
      [69_632, unterminated],
      [69_633, unterminated],
      [90_000, unterminated],
    ];
    await withSandbox({ family: 'wazuh-4', groups: ['a', 'bb'] }, async ({ endpoints }) => {
      for (const [bytes, answer] of cases) {
        const request = asking(bytes);
        expect(request).to.have.length(bytes);
        const { records } = await askAuthd(endpoints.authd, [request]);
        expect(mask(records.join('')), String(bytes)).to.equal(answer);
      }
      // The limit of a list is below that of a request: what the last bytes of a request are shows with another field.
      const version = `OSSEC A:'web-02' X:'${'x'.repeat(69_632 - "OSSEC A:'web-02' X:''\n".length)}'\n`;
      expect(mask((await askAuthd(endpoints.authd, [version])).records.join(''))).to.equal(
        "OSSEC K:'002 web-02 any <key>'",
      );
      const name = `n${'x'.repeat(69_632)}`;
      const { records } = await askAuthd(endpoints.authd, [`OSSEC A:'${name}'\n`]);
      expect(records.join('')).to.equal('ERROR: Invalid request for new agent. Unable to add agent');
    });
  });
});
