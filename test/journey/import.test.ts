import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import type { Journey } from '../../src/journey/context.js';
import { Discoveries } from '../../src/journey/discoveries.js';
import type { JourneyEvent } from '../../src/journey/events.js';
import { exportKey, writeExport } from '../../src/journey/export.js';
import { type ImportOptions, importKey } from '../../src/journey/import.js';
import { nodeJourneyEdge } from '../../src/journey/journey-edge.js';
import { formatRecord } from '../../src/model/agent-record.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import type { OptionName } from '../../src/settings/options.js';
import { nodeSettingsEdge } from '../../src/settings/settings-edge.js';
import { settle } from '../../src/settings/settle.js';
import { failure, filesBelow, line, NEW, OLD, removeHome, scratchHome } from '../keystore/scratch.js';
import { askAuthd } from '../sandbox/clients.js';
import { journeyOf } from './journey-scene.js';

const never: ImportOptions = { mayReplace: async () => expect.fail('There is nothing to ask.') };
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('importing a key', () => {
  let sandbox: Sandbox;
  let agent: AgentInstallation;
  let events: JourneyEvent[];
  before(async () => {
    sandbox = await startSandbox({ family: 'wazuh-4', keyReloadMs: 50 });
  });
  after(() => sandbox.close());
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
    events = [];
  });
  afterEach(() => removeHome(agent));

  /** A record that the manager has issued. */
  async function issued(name: string): Promise<string> {
    const { records } = await askAuthd(sandbox.endpoints.authd, [`OSSEC A:'${name}'\n`]);
    return /'(.*)'/.exec(records.join(''))?.[1] ?? '';
  }

  async function journey(more: Partial<Record<OptionName, string | boolean>> = {}): Promise<Journey> {
    const { host, port } = sandbox.endpoints.agent;
    const given = { manager: `${host}:${port}`, wait: '5s', ...more };
    const flags = new Map<OptionName, string | boolean>();
    for (const name of Object.keys(given) as OptionName[]) flags.set(name, given[name as 'manager']);
    const { settings } = await settle({
      command: 'import',
      flags,
      environment: {},
      agent,
      edge: nodeSettingsEdge(nodeFileEdge(), new AbortController().signal),
      warn: () => {},
    });
    const observe = (event: JourneyEvent) => {
      events.push(event);
    };
    const discoveries = new Discoveries();
    return { settings, agent, edge: nodeJourneyEdge({}), observe, discoveries, signal: new AbortController().signal };
  }
  const kinds = () => events.map(({ kind }) => kind).filter((kind) => kind !== 'attempt');
  const installed = () => readFile(agent.keysFile, 'utf8');

  it('installs it and proves the link', async () => {
    const record = await issued('by-hand');
    const { changed, link } = await importKey(await journey(), base64(record), never);
    expect(changed).to.equal(true);
    expect(link?.endpoint).to.deep.equal(sandbox.endpoints.agent);
    expect(await installed()).to.equal(`${record}\n`);
    expect((await stat(agent.keysFile)).mode & 0o777).to.equal(0o640);
    expect(kinds()).to.deep.equal(['imported', 'installed', 'proving', 'proved']);
  });

  it('changes nothing where it is there already', async () => {
    const record = await issued('twice');
    await importKey(await journey(), record, never);
    const before = await stat(agent.keysFile);
    const { changed, link } = await importKey(await journey(), base64(record), never);
    expect(changed).to.equal(false);
    expect(link).not.to.equal(undefined);
    expect((await stat(agent.keysFile)).ino).to.equal(before.ino);
  });

  it('asks before it replaces a different one, with both records', async () => {
    const record = await issued('asked');
    await writeFile(agent.keysFile, line(OLD));
    const asked: string[] = [];
    const answer = (yes: boolean): ImportOptions => ({
      mayReplace: async (present, imported) => {
        asked.push(`${present?.id} ${present?.name} -> ${imported.name}`);
        return yes;
      },
    });
    const error = await failure(importKey(await journey(), record, answer(false)));
    expect(error.code).to.equal('KEY_PRESENT');
    expect(error.exitCode).to.equal(2);
    expect(error.message).to.contain('agent 001 web-01').and.not.to.contain(OLD.key.reveal());
    expect(await installed()).to.equal(line(OLD));
    expect((await importKey(await journey(), record, answer(true))).changed).to.equal(true);
    expect(asked).to.deep.equal(['001 web-01 -> asked', '001 web-01 -> asked']);
    expect(await installed()).to.equal(`${record}\n`);
  });

  it('asks before it replaces what is no valid entry', async () => {
    const record = await issued('broken');
    await writeFile(agent.keysFile, '001 broken\n');
    const seen: unknown[] = [];
    const mayReplace: ImportOptions['mayReplace'] = async (present) => {
      seen.push(present);
      return true;
    };
    expect((await importKey(await journey(), record, { mayReplace })).changed).to.equal(true);
    expect(seen).to.deep.equal([undefined]);
  });

  it('leaves the old key alone where the new one is none', async () => {
    await writeFile(agent.keysFile, line(OLD));
    const before = await filesBelow(agent.home);
    expect((await failure(importKey(await journey(), 'rubbish!', never))).code).to.equal('IMPORT_INVALID');
    expect(await installed()).to.equal(line(OLD));
    expect(await filesBelow(agent.home)).to.deep.equal(before);
  });

  it('says that the manager does not know a key, once it is installed', async () => {
    const error = await failure(importKey(await journey({ wait: '500ms' }), line(OLD), never));
    expect(error.exitCode).to.equal(7);
    expect(await installed()).to.equal(line(OLD));
  });

  it('needs no manager without a handshake', async () => {
    const { link, changed } = await importKey(await journey({ handshake: false }), line(OLD), never);
    expect({ link, changed }).to.deep.equal({ link: undefined, changed: true });
  });

  describe('and --write-config', () => {
    const CONF =
      '<ossec_config>\r\n  <client>\r\n    <server>\r\n      <address>MANAGER_IP</address>\r\n    </server>\r\n  </client>\r\n  <!-- b\u00fcro -->\r\n</ossec_config>\r\n';

    it('points the file at the manager that answered, by the protocol that worked, byte for byte', async () => {
      const bytes = Buffer.from(CONF, 'utf8');
      await writeFile(agent.configFile, bytes, { mode: 0o640 });
      const { port } = sandbox.endpoints.agent;
      const record = await issued('configured');
      await importKey(await journey({ 'write-config': true }), record, never);
      const after = (await readFile(agent.configFile)).toString('utf8');
      const protocol = /<protocol>(tcp|udp)</.exec(after)?.[1];
      expect(after).to.equal(
        CONF.replace(
          'MANAGER_IP</address>',
          `127.0.0.1</address>\r\n      <port>${port}</port>\r\n      <protocol>${protocol}</protocol>`,
        ),
      );
      expect((await stat(agent.configFile)).mode & 0o777).to.equal(0o640);
      expect(events.at(-1)).to.deep.equal({ kind: 'configured', file: agent.configFile, changed: true });
      await importKey(await journey({ 'write-config': true }), record, never);
      expect(events.at(-1)).to.deep.equal({ kind: 'configured', file: agent.configFile, changed: false });
    });

    it('is refused before anything is changed where the file is missing or not clear', async () => {
      const run = async () => failure(importKey(await journey({ 'write-config': true }), line(OLD), never));
      expect((await run()).code).to.equal('FILE_UNREADABLE');
      await writeFile(agent.configFile, '<ossec_config>\n<client>\n<server>\n</client>\n</ossec_config>\n');
      const error = await run();
      expect(error.code).to.equal('CONFIG_UNCLEAR');
      expect(error.message).to.contain(`${agent.configFile}, line 4`);
      expect(await filesBelow(agent.home)).to.deep.equal(['etc/ossec.conf']);
    });
  });

  describe('and exporting it', () => {
    it('gives what can be imported again, to a new file for its owner alone', async () => {
      await writeFile(agent.keysFile, line(OLD));
      const exported = await exportKey(agent, nodeFileEdge());
      expect(JSON.stringify(exported)).not.to.contain(OLD.key.reveal()).and.not.to.contain(exported.base64.reveal());
      const file = join(agent.home, 'backup');
      const mask = process.umask(0);
      try {
        await writeExport(exported, file, agent, nodeFileEdge());
      } finally {
        process.umask(mask);
      }
      expect((await stat(file)).mode & 0o777).to.equal(0o600);
      await writeFile(agent.keysFile, '');
      const { record } = await importKey(await journey({ handshake: false }), await readFile(file, 'utf8'), never);
      expect(formatRecord(record)).to.equal(formatRecord(OLD));
    });

    it('overwrites nothing', async () => {
      await writeFile(agent.keysFile, line(OLD));
      const file = join(agent.home, 'backup');
      await writeFile(file, 'precious');
      const error = await failure(writeExport(await exportKey(agent, nodeFileEdge()), file, agent, nodeFileEdge()));
      expect(error.code).to.equal('FILE_UNWRITABLE');
      expect(await readFile(file, 'utf8')).to.equal('precious');
      await mkdir(join(agent.home, 'directory'));
      const where = join(agent.home, 'directory');
      expect(
        await failure(writeExport(await exportKey(agent, nodeFileEdge()), where, agent, nodeFileEdge())),
      ).to.be.instanceOf(EnrollError);
    });

    it('needs a key', async () => {
      expect((await failure(exportKey(agent, nodeFileEdge()))).code).to.equal('KEY_MISSING');
    });
  });
});

describe('a key that is imported beside the one that is there', () => {
  let agent: AgentInstallation;
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
  });
  afterEach(() => removeHome(agent));

  const imported = (record = OLD, options = never) => {
    const journey = journeyOf({ agent, settings: { handshake: false } });
    return { journey, work: importKey(journey, formatRecord(record), options) };
  };
  const refusing: ImportOptions = { mayReplace: async () => false };

  it('tells of both, and replaces it with its counters', async () => {
    await writeFile(agent.keysFile, line(OLD));
    await writeFile(join(agent.home, 'queue/rids/001'), '9:9:');
    const { journey, work } = imported(NEW, { mayReplace: async () => true });
    await work;
    const { keysFile } = agent;
    expect(journey.told).to.deep.equal([
      { kind: 'present', record: OLD, keysFile },
      { kind: 'imported', record: NEW, keysFile },
      { kind: 'installed', keysFile },
    ]);
    expect(await filesBelow(join(agent.home, 'queue'))).to.deep.equal([]);
  });
  it('is left as it is where it is the same, but for the mode of its file', async () => {
    await writeFile(agent.keysFile, line(OLD));
    await chmod(agent.keysFile, 0o644);
    const { journey, work } = imported();
    expect((await work).changed).to.equal(false);
    expect((await stat(agent.keysFile)).mode & 0o777).to.equal(0o640);
    expect(journey.kinds()).to.deep.equal(['present', 'imported']);
    expect(journey.warnings()).to.have.length(1);
    expect(journey.warnings()[0]).to.contain('0644').and.contain('It has the right mode now.');
    const again = imported();
    await again.work;
    expect(again.journey.warnings()).to.deep.equal([]);
  });
  it('does not replace it unless that was agreed, and says what is there', async () => {
    await writeFile(agent.keysFile, line(OLD));
    expect(await failure(imported(NEW, refusing).work)).to.include({
      code: 'KEY_PRESENT',
      message: `${agent.keysFile} has the key of agent 001 web-01, and it was not agreed to replace it.`,
    });
    await writeFile(agent.keysFile, '001 broken\n');
    const { journey, work } = imported(NEW, refusing);
    expect(await failure(work)).to.include({
      code: 'KEY_PRESENT',
      message: `${agent.keysFile} has an entry that is not valid, and it was not agreed to replace it.`,
    });
    expect(journey.kinds()).to.deep.equal(['imported']);
  });
  it('does not replace what cannot be read', async () => {
    await mkdir(agent.keysFile);
    const { journey, work } = imported(NEW, never);
    expect(await failure(work)).to.include({ code: 'FILE_UNREADABLE' });
    expect(journey.kinds()).to.deep.equal([]);
  });
});
