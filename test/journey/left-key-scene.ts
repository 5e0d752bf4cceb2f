import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { afterEach, before, beforeEach } from 'mocha';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { enroll } from '../../src/journey/enroll.js';
import { notesPath, readNotes } from '../../src/keystore/notes/notes-file.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import type { SandboxEvent } from '../../src/sandbox/sandbox-events.js';
import { systemError, watched } from '../files/faulty.js';
import { failure, filesBelow, removeHome, scratchHome } from '../keystore/scratch.js';
import { type Given, journeyOf, type ToldJourney } from './journey-scene.js';

const disk = nodeFileEdge();
const CHANGING = /^(rename|unlink|open wx|write|makeDirectory|removeDirectory|chmod|chown)$/;

/** A manager, and a host on which a run is killed in the moment in which the new key was to come into its place. */
export interface LeftKeyScene {
  readonly sandbox: Sandbox;
  readonly certificate: IssuedCertificate;
  readonly agent: AgentInstallation;
  /** What has happened at the manager since a run was killed last. */
  readonly events: readonly SandboxEvent[];
  onEvent(then: (event: SandboxEvent) => void): void;
  journey(given?: Omit<Given, 'agent'>): ToldJourney;
  /** A run that is killed; what it asked for stays open. */
  killed(given?: Omit<Given, 'agent'>): Promise<void>;
  /** Resolves when the manager has forgotten an agent. */
  removed(id: string): Promise<void>;
  /** The path of a temporary file beside client.keys. */
  at(token: string): string;
  /** The text of client.keys. */
  text(): Promise<string>;
  /** The names of all such files. */
  lying(): Promise<string[]>;
  /** How many requests the manager has had since a run was killed last. */
  asked(): number;
  /** Whether a request is noted as open. */
  open(): Promise<boolean>;
}

/** Sets it up before each test of the suite that it is called in, and takes it away again. */
export function leftKeyScene(): LeftKeyScene {
  let certificate: IssuedCertificate;
  let sandbox: Sandbox;
  let agent: AgentInstallation;
  let events: SandboxEvent[];
  let onEvent: (event: SandboxEvent) => void;

  before(async () => {
    certificate = await issueStockCertificate();
  });
  beforeEach(async () => {
    events = [];
    onEvent = () => {};
    sandbox = await startSandbox({
      family: 'wazuh-4',
      certificate,
      keyReloadMs: 30,
      onEvent: (event) => {
        events.push(event);
        onEvent(event);
      },
    });
    agent = await scratchHome(['etc', 'queue/rids']);
  });
  afterEach(async () => {
    await sandbox.close();
    await removeHome(agent);
  });

  const journey = (given: Omit<Given, 'agent'> = {}): ToldJourney => {
    const { authd, agent: remoted } = sandbox.endpoints;
    return journeyOf({ authd, remoted, ...given, agent, settings: { waitMs: 800, ...given.settings } });
  };
  const text = () => readFile(agent.keysFile, 'utf8').catch(() => 'none');
  const lying = async () => (await filesBelow(dirname(agent.keysFile))).filter((name) => name.endsWith('.tmp'));
  const request = async () => (await readNotes(agent, disk)).request;
  return {
    get sandbox() {
      return sandbox;
    },
    get certificate() {
      return certificate;
    },
    get agent() {
      return agent;
    },
    get events() {
      return events;
    },
    onEvent: (then) => {
      onEvent = then;
    },
    journey,
    async killed(given = {}) {
      const before = await text();
      await failure(enroll(journey({ ...given, disk: killedAtTheRename(agent) })));
      expect(await request()).to.not.equal(undefined);
      expect(await lying()).to.have.length(1);
      expect(await text()).to.equal(before);
      events = [];
    },
    async removed(id) {
      const loaded = new Promise<void>((resolve) => {
        onEvent = ({ type }) => {
          if (type === 'keys loaded') resolve();
        };
      });
      sandbox.removeAgent(id);
      await loaded;
    },
    at: (token) => join(dirname(agent.keysFile), `.client.keys.agent-enroll-${token}.tmp`),
    text,
    lying,
    asked: () => events.filter(({ type }) => type === 'request').length,
    open: async () => (await request()) !== undefined,
  };
}

/** From its rename on, nothing of what lies beside the key or in the notes is changed any more. */
function killedAtTheRename(agent: AgentInstallation): FileEdge {
  let dead = false;
  return watched(disk, (operation, path) => {
    dead ||= operation === 'rename' && path === agent.keysFile;
    const own = path.startsWith(dirname(agent.keysFile)) || path === notesPath(agent);
    if (dead && own && CHANGING.test(operation)) throw systemError('EIO');
  });
}
