import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { finishBelongings, rehearseBelongings } from '../../src/keystore/belongings.js';
import { installKey } from '../../src/keystore/client-keys.js';
import { readInstalled } from '../../src/keystore/installed.js';
import { leftoverKey } from '../../src/keystore/leftover-key.js';
import type { BegunRequest } from '../../src/keystore/notes/notes.js';
import { readReenrollSecret } from '../../src/keystore/reenroll-secret-file.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { systemError, unsynced, watched } from '../files/faulty.js';
import {
  begunNow,
  expectSound,
  FILES,
  filesFound,
  filesOf,
  LAST_KEY,
  layBefore,
  NEW_KEY,
  OLD_KEY,
  putWhole,
  ROTATED,
  type WholeKey,
} from '../keystore/belongings-scene.js';
import { filesBelow, removeHome, scratchHome } from '../keystore/scratch.js';

const disk = unsynced(nodeFileEdge());

/** What becomes of one operation, counted from 1. */
type Fate = (at: number, operation: string) => void;

const run = async (before: WholeKey | undefined, after: WholeKey, fate: Fate) => {
  const agent = await scratchHome();
  await layBefore(agent, before);
  const request = begunNow();
  let count = 0;
  const edge = watched(disk, (operation) => {
    count += 1;
    fate(count, operation);
  });
  const failed: unknown = await putWhole(after, agent, { ...edge, pause: async () => {} }).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { agent, request, failed, operations: count };
};

/** What the next run does before it tries a key. */
const takeUp = async (agent: AgentInstallation, request: BegunRequest, edge: FileEdge = disk) => {
  const left = await leftoverKey(agent, request.name, edge);
  if (left !== undefined) await installKey(left, agent, edge);
  await finishBelongings(agent, request, edge);
  return left;
};

const SCENES: readonly (readonly [string, WholeKey | undefined, WholeKey])[] = [
  ['a first key', undefined, NEW_KEY],
  ['the key of a new agent in place of an old one', OLD_KEY, NEW_KEY],
  ['a new key of the same agent', OLD_KEY, ROTATED],
];

describe('a key of a Wazuh 5 and what belongs to it', function () {
  this.timeout(30_000);

  for (const [what, before, after] of SCENES) {
    it(`can be gone on from, whenever a run dies that installs ${what}`, async () => {
      const seen = { complete: 0, keyTaken: 0, secretOnly: 0, anchorTaken: 0 };
      for (let at = 1; seen.complete === 0; at += 1) {
        const dead: Fate = (now) => {
          if (now >= at) throw systemError('EIO');
        };
        const { agent, request, failed } = await run(before, after, dead);
        const where = `died at ${at}`;
        if (failed === undefined) seen.complete += 1;
        const first = await filesFound(agent);
        expectSound(first, before, after, where);
        if ((await takeUp(agent, request)) !== undefined) seen.keyTaken += 1;
        const found = await filesFound(agent);
        expectSound(found, before, after, where);
        if (found.keys === filesOf(after).keys) {
          expect(found, where).to.deep.equal(filesOf(after));
          expect(await filesBelow(agent.home), where).to.deep.equal(FILES);
          if (first.anchor !== found.anchor) seen.anchorTaken += 1;
        } else {
          const record = (await readInstalled(agent, disk))?.record;
          const way = await readReenrollSecret(agent, { record, request }, disk);
          const text = way === undefined ? undefined : `${way.id} ${way.secret.reveal()}\n`;
          expect(text, where).to.be.oneOf([before && filesOf(before).secret, filesOf(after).secret]);
          if (text === filesOf(after).secret) seen.secretOnly += 1;
          else expect(found.secret, where).to.not.equal(filesOf(after).secret);
        }
        await putWhole(LAST_KEY, agent, disk);
        expect(await filesFound(agent), where).to.deep.equal(filesOf(LAST_KEY));
        expect(await filesBelow(agent.home), where).to.deep.equal(FILES);
        await removeHome(agent);
      }
      expect(seen.keyTaken).to.be.greaterThan(1);
      expect(seen.secretOnly).to.be.greaterThan(3);
      expect(seen.anchorTaken).to.be.greaterThan(3);
    });

    it(`are in their places or were told of, whatever fails while ${what} is installed`, async () => {
      for (const lasting of [false, true]) {
        for (let at = 1, done = false; !done; at += 1) {
          let hit = '';
          const { agent, failed, operations } = await run(before, after, (now, operation) => {
            if (now !== at && !(lasting && operation === hit)) return;
            hit = operation;
            throw systemError('ENOSPC');
          });
          done = operations < at;
          const where = `${hit} at ${at}${lasting ? ', lasting' : ''}`;
          const found = await filesFound(agent);
          expectSound(found, before, after, where);
          if (failed === undefined) expect(found, where).to.deep.equal(filesOf(after));
          else {
            expect(failed, where).to.be.instanceOf(EnrollError);
            const { code, message, hint } = failed instanceof EnrollError ? failed : new EnrollError('INTERNAL', '');
            expect(code, where).to.be.oneOf(['FILE_UNWRITABLE', 'FILE_UNREADABLE']);
            expect(`${message} ${hint}`, where).to.not.match(/([1-9a-f])\1{15}/);
            // The key is worth more than the rest.
            if (!message.includes('client.keys') && !lasting) expect(found.keys, where).to.equal(filesOf(after).keys);
          }
          const left = (await filesBelow(agent.home)).filter((name) => !FILES.includes(name));
          // An anchor that cannot be given its name is kept for the next run.
          const kept = hit === 'rename' ? left.filter((name) => !/\/\.root-ca\.pem\./.test(name)) : left;
          if (hit !== 'unlink') expect(kept, where).to.deep.equal([]);
          await removeHome(agent);
        }
      }
    });
  }

  it('leave nothing behind where they were only rehearsed', async () => {
    for (const before of [undefined, OLD_KEY]) {
      for (let at = 1, done = false; !done; at += 1) {
        const agent = await scratchHome();
        await layBefore(agent, before);
        const files = await filesFound(agent);
        let count = 0;
        let hit = '';
        const edge = watched(disk, (operation) => {
          count += 1;
          if (count !== at) return;
          hit = operation;
          throw systemError('ENOSPC');
        });
        const failed: unknown = await rehearseBelongings(agent, edge).catch((error: unknown) => error);
        done = count < at;
        if (failed !== undefined) expect(failed, `${hit} at ${at}`).to.be.instanceOf(EnrollError);
        expect(await filesFound(agent), `${hit} at ${at}`).to.deep.equal(files);
        if (hit !== 'unlink') {
          expect(await filesBelow(agent.home), `${hit} at ${at}`).to.deep.equal(before === undefined ? [] : FILES);
        }
        await removeHome(agent);
      }
    }
  });
});
