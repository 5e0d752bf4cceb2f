import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { against, run, scratchHome } from './program.js';

const PASSWORD = '-hx9 --json';

describe('settings that people have, as it is run', function () {
  this.timeout(20_000);
  let scratch: Awaited<ReturnType<typeof scratchHome>>;
  let sandbox: Sandbox;
  let conf: string;

  beforeEach(async () => {
    scratch = await scratchHome();
    conf = join(scratch.home, 'etc', 'ossec.conf');
    sandbox = await startSandbox({ family: 'wazuh-4', password: new Secret(PASSWORD), keyReloadMs: 100 });
  });
  afterEach(async () => {
    await sandbox.close();
    await scratch.remove();
  });
  const enrollAs = (name: string) => [...against(sandbox, scratch.home), '--name', name, '--json'];

  it('sends a password that begins with a dash, in each way to write it', async () => {
    for (const [index, written] of [['--password', PASSWORD], [`--password=${PASSWORD}`]].entries()) {
      const { code, stdout } = await run([...enrollAs(`-web${index}`), '--force', ...written]);
      expect(code, stdout).to.equal(0);
      expect(JSON.parse(stdout).agent.name).to.equal(`-web${index}`);
    }
  });

  it('refuses an option in the place of a value, as JSON too', async () => {
    const { code, stdout } = await run(['--agent-home', scratch.home, '--name', '--json']);
    expect(code).to.equal(2);
    expect(JSON.parse(stdout).error.message).to.equal('--name needs a value, and the option --json follows it.');
  });

  it('shows with detect every bad value, and the rest', async () => {
    await writeFile(
      conf,
      '<ossec_config><client><server>\n<address>MANAGER_IP</address>\n</server></client></ossec_config>\n',
    );
    const env = { WAZUH_MANAGER: '<MANAGER_IP>', WAZUH_AGENT_NAME: 'a b', WAZUH_MANAGER_PORT: 'tcp://10.96.12.7:1514' };
    const args = ['detect', '--agent-home', scratch.home, '--wait', 'x', '--groups', 'web'];
    const { code, stdout } = await run([...args, '--json'], { env });
    expect(code).to.equal(2);
    const { ok, detected, refused, warnings, error } = JSON.parse(stdout);
    expect(ok).to.equal(false);
    expect(refused.map(({ message }: { message: string }) => message.split(':')[0])).to.deep.equal([
      'WAZUH_MANAGER',
      'WAZUH_AGENT_NAME',
      '--wait',
    ]);
    expect(error.message).to.equal(refused[0].message);
    expect(detected).to.deep.include({ name: '--groups', value: 'web', origin: '--groups' });
    expect(warnings.join()).to.contain('WAZUH_MANAGER_PORT is not used');
    const shown = await run(args, { env });
    expect(shown.code).to.equal(2);
    expect(shown.stdout).to.match(/^--groups +web +--groups$/m);
    expect(shown.stderr.match(/^Error: /gm)).to.have.length(3);
  });

  it('names the placeholder in ossec.conf where no manager is named', async () => {
    await writeFile(
      conf,
      '<ossec_config><client><server>\n<address>MANAGER_IP</address>\n</server></client></ossec_config>\n',
    );
    const { code, stderr } = await run(['--agent-home', scratch.home]);
    expect(code).to.equal(2);
    expect(stderr).to.contain(`${conf}, line 2: "MANAGER_IP" is a placeholder, not a manager`);
  });

  it('enrolls beside a service of Kubernetes that is called as the manager', async () => {
    const env = { WAZUH_MANAGER_PORT: 'tcp://10.96.12.7:1514', WAZUH_REGISTRATION_PASSWORD: PASSWORD };
    const { code, stdout } = await run(enrollAs('web-01'), { env });
    expect(code, stdout).to.equal(0);
    expect(JSON.parse(stdout).warnings.join()).to.contain('WAZUH_MANAGER_PORT is not used');
  });

  it('says where a value comes from that the manager refuses', async () => {
    const env = { WAZUH_AGENT_GROUP: 'nosuch', WAZUH_REGISTRATION_PASSWORD: PASSWORD };
    const group = JSON.parse((await run(enrollAs('web-01'), { env })).stdout).error;
    expect([group.code, group.hint]).to.satisfy(
      ([code, hint]: string[]) => code === 'GROUP_UNKNOWN' && hint?.endsWith('The groups came from WAZUH_AGENT_GROUP.'),
    );
    const password = join(scratch.home, 'etc', 'authd.pass');
    await writeFile(password, 'wrong\n', { mode: 0o640 });
    const { code, hint } = JSON.parse((await run(enrollAs('web-01'))).stdout).error;
    expect(code).to.equal('PASSWORD_REFUSED');
    expect(hint).to.contain(`The password came from ${password}.`);
  });

  it('names the file of a key that is none', async () => {
    await mkdir(join(scratch.home, 'keys'));
    const file = join(scratch.home, 'keys', '-key');
    await writeFile(file, 'rubbish!\n', { mode: 0o600 });
    const { code, stderr } = await run(['import', '--agent-home', scratch.home, '--no-handshake', file]);
    expect(code).to.equal(2);
    expect(stderr).to.contain(`Error: ${file}: `);
  });

  it("points a Wazuh 5 agent's own manager, and adds no second one", async () => {
    const text = (host: string) =>
      `<ossec_config>\n  <agent>\n    <manager>\n      <endpoint>${host}</endpoint>\n    </manager>\n  </agent>\n</ossec_config>\n`;
    await writeFile(conf, text('MANAGER_IP'), { mode: 0o640 });
    const env = { WAZUH_REGISTRATION_PASSWORD: PASSWORD };
    const { code, stdout } = await run([...enrollAs('web-01'), '--write-config'], { env });
    expect(code, stdout).to.equal(0);
    expect(await readFile(conf, 'utf8')).to.equal(text('127.0.0.1'));
  });

  it('refuses an <enrollment> that contradicts itself before anybody is asked', async () => {
    await writeFile(
      conf,
      '<ossec_config><client><enrollment>\n<agent_address>10.0.0.5</agent_address>\n<use_source_ip>yes</use_source_ip>\n</enrollment></client></ossec_config>\n',
    );
    const { code, stdout } = await run(enrollAs('web-01'));
    expect(code).to.equal(2);
    expect(JSON.parse(stdout).error.message).to.contain(`${conf}, line 3: <use_source_ip> contradicts <agent_address>`);
    expect(sandbox.agents()).to.deep.equal([]);
  });
});
