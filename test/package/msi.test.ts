import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, describe, it } from 'mocha';
import { makeMsi, properties } from '../../scripts/package/msi.js';
import { Secret } from '../../src/model/secret.js';
import { type Manager, startManager } from '../deploy/sandbox-host.js';
import { built, onPath, type Ran, run, skipped, WINDOWS } from './binaries.js';
import { earlier, MSI, VERSION } from './order.js';
import { startWine, type Wine, windowsPath } from './wine.js';

const MINUTE = 60_000;
/** What cmd would take apart, if it were let. */
const PASSWORD = 'p%PATH%&x^y!=z';
const withTools = skipped({ ...built(MSI), msiinfo: onPath('msiinfo') });
const withWine = skipped({ ...built(MSI), wixl: onPath('wixl'), msibuild: onPath('msibuild'), wine: onPath('wine') });

(withTools === '' ? describe : describe.skip)(`what the installer for Windows is to do${withTools}`, function () {
  this.timeout(MINUTE);
  const env = { PATH: process.env['PATH'] };
  const rows = async (table: string) => {
    const { stdout } = await run('/usr/bin/env', ['msiinfo', 'export', MSI, table], env);
    return stdout
      .split(/\r?\n/)
      .slice(3)
      .filter((line) => line !== '')
      .map((line) => line.split('\t'));
  };
  const property = async (name: string) => (await rows('Property')).find(([key]) => key === name)?.[1];

  it('is of this version, for 64-bit Windows, and for the whole machine', async () => {
    expect(await property('ProductVersion')).to.equal(VERSION);
    expect(await property('ALLUSERS')).to.equal('1');
    expect((await run('/usr/bin/env', ['msiinfo', 'suminfo', MSI], env)).stdout).to.contain('Template: x64;1033');
  });

  it('takes every variable of the program as a property, and hides the secret ones', async () => {
    const taken = ((await property('SecureCustomProperties')) ?? '').split(';');
    expect(taken).to.include.members([...properties(), 'ENROLL', 'ENROLL_OPTIONS']);
    expect(taken).to.include.members([
      'WAZUH_MANAGER',
      'WAZUH_MANAGER_PORT',
      'WAZUH_PROTOCOL',
      'WAZUH_REGISTRATION_SERVER',
      'WAZUH_REGISTRATION_PORT',
      'WAZUH_REGISTRATION_PASSWORD',
      'WAZUH_REGISTRATION_CA',
      'WAZUH_REGISTRATION_CERTIFICATE',
      'WAZUH_REGISTRATION_KEY',
      'WAZUH_AGENT_NAME',
      'WAZUH_AGENT_GROUP',
    ]);
    const hidden = ((await property('MsiHiddenProperties')) ?? '').split(';');
    expect(hidden).to.have.members(properties().filter((name) => /PASSWORD|TOKEN/.test(name)));
    expect((await rows('IniFile')).map(([name]) => name)).to.have.members([...properties(), 'ENROLL_OPTIONS']);
  });

  it('says none of the values in its log, and keeps them from everybody but the administrators', async () => {
    expect((await rows('ActionText')).find(([action]) => action === 'WriteIniValues')?.[2]).to.not.contain('[4]');
    expect(await rows('MsiLockPermissionsEx')).to.deep.equal([
      ['StateDirectory', 'STATEDIR', 'CreateFolder', 'D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)', ''],
    ]);
    const [, type, , command] = (await rows('CustomAction')).find(([name]) => name === 'EnrollHost') ?? [];
    // Deferred, and as SYSTEM.
    expect(Number(type) & (1024 | 2048)).to.equal(1024 | 2048);
    for (const name of properties()) expect(command).to.not.contain(`[${name}]`);
  });

  it('enrolls after everything is installed, and only where it was asked to', async () => {
    const sequence = new Map((await rows('InstallExecuteSequence')).map(([action, ...rest]) => [action, rest]));
    const at = (action: string) => Number(sequence.get(action)?.[1]);
    const order = ['CreateFolders', 'InstallFiles', 'WriteIniValues', 'EnrollHost', 'InstallFinalize'];
    expect(order.toSorted((a, b) => at(a) - at(b))).to.deep.equal(order);
    expect(sequence.get('EnrollHost')?.[0]).to.equal('(ENROLL = "1") AND NOT (REMOVE = "ALL")');
  });
});

(withWine === '' ? describe : describe.skip)(`the installer for Windows, under Wine${withWine}`, function () {
  this.timeout(3 * MINUTE);
  let wine: Wine;
  let manager: Manager;
  let older: string;
  const scratch: string[] = [];

  const programs = () => join(wine.disk, 'Program Files', 'agent-enroll');
  const home = () => join(wine.disk, 'Program Files (x86)', 'ossec-agent');
  const state = () => join(programs(), 'enrollment');
  const log = () => join(wine.directory, 'msi.log');
  const installer = (...args: readonly string[]): Promise<Ran> =>
    wine.start('msiexec', [...args, '/qn', '/l*v', windowsPath(log())]);
  const enrolling = (password = PASSWORD) => [
    'ENROLL=1',
    'WAZUH_AGENT_NAME=win-01',
    `WAZUH_REGISTRATION_PASSWORD=${password}`,
    ...Object.entries(manager.environment).map(([name, value]) => `${name}=${value}`),
  ];

  before(async () => {
    manager = await startManager({ password: new Secret(PASSWORD) });
    wine = await startWine();
    const binary = join(wine.directory, 'earlier.exe');
    await writeFile(binary, 'an earlier one');
    const order = await earlier('win-x64', binary);
    scratch.push(order.output);
    await mkdir(order.scratch);
    older = join(order.output, await makeMsi(order));
  });
  afterEach(async () => {
    // What a test leaves behind is not there for the next.
    for (const msi of [MSI, older]) await installer('/x', windowsPath(msi));
    await rm(home(), { recursive: true, force: true });
    await rm(programs(), { recursive: true, force: true });
  });
  after(async () => {
    await wine?.close();
    await manager?.close();
    for (const directory of scratch) await rm(directory, { recursive: true, force: true });
  });

  it('installs the binary and the licences, and enrolls nobody unless it is asked to', async () => {
    const { code } = await installer('/i', windowsPath(MSI), ...enrolling().slice(1));
    expect(code).to.equal(0);
    expect((await readFile(join(programs(), 'agent-enroll.exe'))).equals(await readFile(WINDOWS))).to.equal(true);
    expect(await readFile(join(programs(), 'LICENSES.txt'), 'utf8')).to.contain('Node.js 22');
    const variables = 'HKLM\\System\\CurrentControlSet\\Control\\Session Manager\\Environment';
    const { stdout } = await wine.start('reg', ['query', variables, '/v', 'PATH']);
    expect(stdout).to.contain(';C:\\Program Files\\agent-enroll');
    expect([existsSync(home()), existsSync(state())]).to.deep.equal([false, false]);
    expect(manager.agents()).to.deep.equal([]);
  });

  it('enrolls with the properties of the Wazuh installer; an upgrade and a removal leave key and notes', async () => {
    expect((await installer('/i', windowsPath(older))).code).to.equal(0);
    expect(await readFile(join(programs(), 'agent-enroll.exe'), 'utf8')).to.equal('an earlier one');

    const { code } = await installer('/i', windowsPath(MSI), ...enrolling());
    const said = await readFile(join(state(), 'enroll.log'), 'utf8');
    expect(code, said).to.equal(0);
    expect(said).to.contain('Agent 001 win-01 is enrolled, and the manager answered.').and.to.not.contain(PASSWORD);
    expect((await readFile(join(programs(), 'agent-enroll.exe'))).equals(await readFile(WINDOWS))).to.equal(true);
    expect(existsSync(join(state(), 'enroll.ini'))).to.equal(false);
    const key = await readFile(join(home(), 'client.keys'), 'utf8');
    expect(key).to.match(/^001 win-01 any [0-9a-f]{64}\r?\n$/);
    // Wine shows hidden properties where it lists them all; nothing else may hold the password.
    const lines = (await readFile(log(), 'utf8')).split(/\r?\n/).filter((line) => line.includes(PASSWORD));
    expect(lines.filter((line) => !line.startsWith('Property('))).to.deep.equal([]);

    const notes = join(home(), '.agent-enroll', 'notes.json');
    const noted = await readFile(notes, 'utf8');
    expect((await installer('/x', windowsPath(MSI))).code).to.equal(0);
    expect([existsSync(programs()), existsSync(state())]).to.deep.equal([false, false]);
    expect(await readFile(join(home(), 'client.keys'), 'utf8')).to.equal(key);
    expect(await readFile(notes, 'utf8')).to.equal(noted);
  });

  it('enrolls with options in words, the password in a file', async () => {
    const file = join(wine.directory, 'password');
    await writeFile(file, `${PASSWORD}\n`);
    const { WAZUH_MANAGER, WAZUH_REGISTRATION_PORT } = manager.environment;
    const { code } = await installer(
      '/i',
      windowsPath(MSI),
      'ENROLL=1',
      `WAZUH_MANAGER=${WAZUH_MANAGER}`,
      `WAZUH_REGISTRATION_PORT=${WAZUH_REGISTRATION_PORT}`,
      `ENROLL_OPTIONS=--password-file ${windowsPath(file)} --name win-02`,
    );
    expect(code, await readFile(join(state(), 'enroll.log'), 'utf8')).to.equal(0);
    expect(await readFile(join(home(), 'client.keys'), 'utf8')).to.match(/^\d+ win-02 /);
    expect(await readFile(log(), 'utf8')).to.not.contain(PASSWORD);
  });

  it('fails where the host could not be enrolled, and leaves the report of why', async () => {
    const { code } = await installer('/i', windowsPath(MSI), ...enrolling('wrong'));
    expect(code).to.not.equal(0);
    expect(await readFile(join(state(), 'enroll.log'), 'utf8')).to.contain('password');
    expect(existsSync(join(state(), 'enroll.ini'))).to.equal(false);
    expect(existsSync(join(programs(), 'agent-enroll.exe'))).to.equal(false);
  });

  it('does not put an earlier version in place of a later one', async () => {
    expect((await installer('/i', windowsPath(MSI))).code).to.equal(0);
    expect((await installer('/i', windowsPath(older))).code).to.not.equal(0);
    expect((await readFile(join(programs(), 'agent-enroll.exe'))).length).to.be.above(1_000_000);
  });
});
