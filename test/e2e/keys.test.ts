import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import type { AgentInstallation } from '../../src/model/host.js';
import { Secret } from '../../src/model/secret.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { line, NEW, OLD, removeHome, scratchHome } from '../keystore/scratch.js';
import { run } from './program.js';

const base64 = (text: string) => Buffer.from(text.trim()).toString('base64');

describe('the command line and keys', function () {
  this.timeout(30_000);
  let agent: AgentInstallation;
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
  });
  afterEach(() => removeHome(agent));
  const at = () => ['--agent-home', agent.home];

  describe('import', () => {
    const unproven = ['import', '--no-handshake'];

    it('reads a pipe, and tells what it did in JSON without the key', async () => {
      const { code, stdout, stderr } = await run([...unproven, ...at(), '--json'], { input: base64(line(OLD)) });
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      expect(JSON.parse(stdout)).to.deep.include({
        ok: true,
        changed: true,
        command: 'import',
        agent: { id: '001', name: 'web-01', ip: 'any' },
        method: 'import',
        keysFile: agent.keysFile,
      });
      expect(stdout).not.to.contain(OLD.key.reveal());
      expect(await readFile(agent.keysFile, 'utf8')).to.equal(line(OLD));
    });

    it('replaces a different key only with --yes', async () => {
      await writeFile(agent.keysFile, line(OLD));
      const file = join(agent.home, 'keys of the manager');
      await writeFile(file, `${line(OLD)}${line(NEW)}`, { mode: 0o644 });
      const args = [...unproven, ...at(), file, '--id', '2'];
      const refused = await run(args);
      expect(refused.code).to.equal(2);
      expect(refused.stderr)
        .to.contain('KEY_PRESENT')
        .and.to.contain('--yes')
        .and.to.contain('can be read by every user');
      expect(await readFile(agent.keysFile, 'utf8')).to.equal(line(OLD));
      expect((await run([...args, '--yes'])).code).to.equal(0);
      expect(await readFile(agent.keysFile, 'utf8')).to.equal(line(NEW));
    });

    it('refuses what is no key with exit 2', async () => {
      const { code, stdout } = await run([...unproven, ...at(), '-', '--json'], { input: 'rubbish!\n' });
      expect(code).to.equal(2);
      expect(JSON.parse(stdout).error.code).to.equal('IMPORT_INVALID');
    });
  });

  describe('export', () => {
    it('does not print a secret without being told to', async () => {
      await writeFile(agent.keysFile, line(OLD));
      const { code, stdout, stderr } = await run(['export', ...at()]);
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
      expect(stderr).to.contain('export FILE').and.to.contain('export -');
      const both = await run(['export', '-', ...at(), '--json']);
      expect(both.code).to.equal(2);
      expect(both.stdout).not.to.contain(base64(line(OLD)));
    });

    it('prints base64 and nothing else to standard output, or a new file of mode 0600', async () => {
      await writeFile(agent.keysFile, line(OLD));
      const printed = await run(['export', '-', ...at()]);
      expect({ code: printed.code, stdout: printed.stdout }).to.deep.equal({
        code: 0,
        stdout: `${base64(line(OLD))}\n`,
      });
      const file = join(agent.home, 'backup');
      const written = await run(['export', file, ...at(), '--json']);
      expect(JSON.parse(written.stdout)).to.deep.include({
        ok: true,
        changed: false,
        command: 'export',
        exportFile: file,
      });
      expect(written.stdout + written.stderr + printed.stderr).not.to.contain(OLD.key.reveal());
      expect(await readFile(file, 'utf8')).to.equal(printed.stdout);
      expect((await stat(file)).mode & 0o777).to.equal(0o600);
    });
  });

  describe('the variables of an installer, and nothing else', () => {
    let sandbox: Sandbox;
    before(async () => {
      sandbox = await startSandbox({
        family: 'wazuh-4',
        keyReloadMs: 50,
        password: new Secret('Hunter2!'),
        groups: ['web'],
      });
    });
    after(() => sandbox.close());

    it('enroll this host; the second time nothing changes', async () => {
      const { authd, agent: remoted } = sandbox.endpoints;
      const conf =
        '<ossec_config>\n  <client>\n    <server>\n      <address>MANAGER_IP</address>\n    </server>\n  </client>\n</ossec_config>\n';
      await writeFile(agent.configFile, conf);
      const environment = {
        WAZUH_MANAGER: remoted.host,
        WAZUH_MANAGER_PORT: String(remoted.port),
        WAZUH_REGISTRATION_PORT: String(authd.port),
        WAZUH_REGISTRATION_PASSWORD: 'Hunter2!',
        WAZUH_AGENT_GROUP: 'web',
        WAZUH_AGENT_NAME: 'by-installer',
      };
      const first = await run([...at(), '--json', '--write-config'], { env: environment });
      expect(first.code, first.stdout).to.equal(0);
      expect(JSON.parse(first.stdout)).to.deep.include({
        changed: true,
        config: { file: agent.configFile, changed: true },
      });
      expect(JSON.parse(first.stdout).agent).to.deep.include({ name: 'by-installer', groups: ['web'] });
      // From now on the file names the manager.
      const { WAZUH_MANAGER: _, WAZUH_MANAGER_PORT: __, ...rest } = environment;
      const second = await run([...at(), '--json', '--write-config'], { env: rest });
      expect(second.code, second.stdout).to.equal(0);
      expect(JSON.parse(second.stdout)).to.deep.include({
        changed: false,
        config: { file: agent.configFile, changed: false },
      });
      for (const { stdout, stderr } of [first, second]) expect(stdout + stderr).not.to.contain('Hunter2!');
    });
  });
});
