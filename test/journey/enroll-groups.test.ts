import { existsSync, readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import type { Journey } from '../../src/journey/context.js';
import { Discoveries } from '../../src/journey/discoveries.js';
import { enroll } from '../../src/journey/enroll.js';
import type { JourneyEvent } from '../../src/journey/events.js';
import { nodeJourneyEdge } from '../../src/journey/journey-edge.js';
import { emptyReport, withEvent } from '../../src/journey/report.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { Secret } from '../../src/model/secret.js';
import { fakeSystem } from '../host/fake-system.js';
import { scratchHome } from '../keystore/scratch.js';
import { type ApiServer, managerApi, problem, type Step, success } from '../obtain/api/api-server.js';

const KEY = 'ab'.repeat(32);
const nothing = success({ affected_items: [], failed_items: [] });

describe('a journey through the REST API with groups', () => {
  let agent: AgentInstallation;
  let server: ApiServer | undefined;
  let told: JourneyEvent[];
  let stop: AbortController;

  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
    stop = new AbortController();
    told = [];
  });
  afterEach(async () => {
    await server?.close();
    server = undefined;
    await rm(agent.home, { recursive: true, force: true });
  });

  /** A journey to a manager that does these things when it is asked to assign a group; the link is not proven. */
  const journey = async (web: Step, db: Step = nothing): Promise<Journey> => {
    const key = Buffer.from(`001 web-01 any ${KEY}`).toString('base64');
    server = await managerApi(
      '4.14.7',
      {
        'GET /groups': nothing,
        'POST /agents': success({ id: '001', key }),
        'PUT /agents/001/group/web': web,
        'PUT /agents/001/group/db': db,
      },
      { plain: true },
    );
    return {
      settings: {
        managers: [
          {
            agent: { host: '127.0.0.1', port: 1 },
            protocol: 'auto',
            enrollment: { host: '127.0.0.1', port: 1 },
          },
        ],
        method: { use: 'api', why: 'the test' },
        api: { url: server.url, user: 'enroll', password: new Secret(Buffer.from('not-the-one')) },
        ip: { kind: 'any' },
        groups: ['web', 'db'],
        trust: { insecure: true },
        cipher: 'auto',
        force: false,
        handshake: false,
        writeConfig: false,
        machineBinding: false,
        splayMs: 0,
        timeoutMs: 5000,
        reenroll: 'certain',
        retries: 0,
        waitMs: 1000,
      },
      agent,
      edge: { ...nodeJourneyEdge({}), system: fakeSystem({ hostname: 'web-01' }) },
      observe: (event) => told.push(event),
      discoveries: new Discoveries(),
      signal: stop.signal,
    };
  };
  const kinds = () => told.map(({ kind }) => kind).filter((kind) => kind !== 'warning');
  const report = () => told.reduce(withEvent, emptyReport('enroll'));
  const refusal = async (work: Promise<unknown>) => {
    const error = await work.catch((thrown: unknown) => thrown);
    if (error instanceof EnrollError) return error;
    throw new Error(`It should have been refused, and was: ${String(error)}`);
  };
  const line = `001 web-01 any ${KEY}\n`;

  it('has the key on the disk before the first group is asked for', async () => {
    let found = 'never asked';
    const look: Step = (_seen, response) => {
      found = existsSync(agent.keysFile) ? readFileSync(agent.keysFile, 'utf8') : 'no key';
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(nothing.body));
    };
    expect(await enroll(await journey(look))).to.include({ changed: true });
    expect(found).to.equal(line);
    expect(kinds().slice(-4)).to.deep.equal(['obtained', 'installed', 'grouping', 'grouped']);
    expect(report().agent).to.deep.equal({ id: '001', name: 'web-01', ip: 'any', groups: ['web', 'db'] });
  });

  it('keeps the key, and ends as the run was told to, where a group call hangs', async () => {
    const hang: Step = () => stop.abort(new EnrollError('TERMINATED', 'Terminated (SIGTERM).'));
    const error = await refusal(enroll(await journey(nothing, hang)));
    expect(error.code).to.equal('TERMINATED');
    expect(await readFile(agent.keysFile, 'utf8')).to.equal(line);
    const { changed, warnings, agent: shown } = report();
    expect(changed).to.equal(true);
    expect(shown?.groups).to.deep.equal(['web']);
    expect(warnings.join()).to.include('The group db was not assigned');
  });

  it('ends with a key that nobody has acknowledged where the deadline passes meanwhile', async () => {
    const hang: Step = () => stop.abort(new EnrollError('DEADLINE_PASSED', 'The run was not finished within 1 s.'));
    const error = await refusal(enroll(await journey(hang)));
    expect(error).to.include({ code: 'LINK_SILENT', exitCode: 7 });
    expect(error.message).to.include('The key is installed');
    expect(await readFile(agent.keysFile, 'utf8')).to.equal(line);
    expect(report().warnings.join()).to.include('The groups web, db were not assigned');
  });

  it('goes on where the manager refuses, and says so', async () => {
    const denied = problem(403, 'Permission denied', 4000);
    expect(await enroll(await journey(denied))).to.include({ changed: true });
    const { agent: shown, warnings } = report();
    expect(shown?.groups).to.deep.equal(['db']);
    expect(warnings.join()).to.include('The group web was not assigned').and.include('agent:modify_group');
  });
});
