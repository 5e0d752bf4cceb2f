import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { checkWritable, installKey } from '../../src/keystore/client-keys.js';
import { resetCounters, SenderCounter } from '../../src/keystore/sender-counter.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { systemError, unsynced, watched } from '../files/faulty.js';
import { filesBelow, line, NEW, OLD, removeHome, scratchHome } from '../keystore/scratch.js';

const ONCE = ['ENOSPC', 'EACCES', 'ENOENT'].map((code) => ({ code, lasting: false }));
const KINDS = [...ONCE, { code: 'EIO', lasting: true }];

/** Counts the files and directories that are open. */
const counted = (edge: FileEdge) => {
  const handles = { open: 0 };
  const after = (operation: string) => {
    if (/^(open |root$|directory$)/.test(operation)) handles.open += 1;
    if (operation.startsWith('close')) handles.open -= 1;
  };
  return { handles, edge: watched(edge, () => {}, after) };
};

const runAll = async (work: (agent: AgentInstallation, edge: FileEdge) => Promise<unknown>, fault: Fault) => {
  const agent = await scratchHome(['etc', 'queue/rids']);
  let count = 0;
  let hit = '';
  const real = counted(unsynced(nodeFileEdge()));
  const edge = watched(real.edge, (operation) => {
    count += 1;
    if (fault.at !== count && !(fault.lasting && operation === hit)) return;
    hit = operation;
    throw systemError(fault.code);
  });
  await writeFile(agent.keysFile, line(OLD));
  await writeFile(agent.counterFile, '3:17:');
  const failed = await work(agent, { ...edge, pause: async () => undefined }).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(real.handles.open, `files open after ${fault.code} at ${fault.at}, ${hit}`).to.equal(0);
  return { agent, failed, operations: count, hit };
};

/** Which operation fails, counted from 1, with what, and whether all later ones of its kind fail too. */
interface Fault {
  readonly at: number;
  readonly code: string;
  readonly lasting: boolean;
}

const NONE: Fault = { at: 0, code: '', lasting: false };

const everyFault = async (
  work: (agent: AgentInstallation, edge: FileEdge) => Promise<unknown>,
  judge: (agent: AgentInstallation, failed: unknown, what: string, hit: string) => Promise<void>,
) => {
  const { agent, operations, failed } = await runAll(work, NONE);
  await removeHome(agent);
  expect(failed).to.equal(undefined);
  expect(operations).to.be.greaterThan(5);
  for (const { code, lasting } of KINDS) {
    for (let at = 1; at <= operations; at += 1) {
      const run = await runAll(work, { at, code, lasting });
      await judge(run.agent, run.failed, `${code} at ${at}, ${run.hit}${lasting ? ', lasting' : ''}`, run.hit);
      await removeHome(run.agent);
    }
  }
};

const inWords = (failed: unknown, what: string) => {
  if (failed === undefined) return;
  expect(failed, what).to.be.instanceOf(EnrollError);
  const { code, message } = failed instanceof EnrollError ? failed : new EnrollError('INTERNAL', '');
  expect(code, what).to.be.oneOf(['FILE_UNWRITABLE', 'FILE_UNREADABLE']);
  expect(message, what).not.to.match(/a{64}|b{64}/);
};

describe('a fault at any file operation', () => {
  it('of installing leaves the old key or the new one, whole, and no other file', async () => {
    await everyFault(
      (agent, edge) => installKey(NEW, agent, edge),
      async (agent, failed, what) => {
        inWords(failed, what);
        const text = await readFile(agent.keysFile, 'utf8');
        expect(text, what).to.be.oneOf([line(OLD), line(NEW)]);
        if (failed === undefined) expect(text, what).to.equal(line(NEW));
        if (text === line(NEW) && failed instanceof Error) expect(failed.message, what).to.contain('was written, but');
        expect(await filesBelow(join(agent.home, 'etc')), what).to.deep.equal(['client.keys']);
      },
    );
  });

  it('of asking beforehand leaves the key alone, and nothing secret beside it', async () => {
    await everyFault(checkWritable, async (agent, failed, what, hit) => {
      inWords(failed, what);
      expect(await readFile(agent.keysFile, 'utf8'), what).to.equal(line(OLD));
      const files = await filesBelow(join(agent.home, 'etc'));
      // A directory in which nothing can be removed is told, and keeps the empty probe.
      if (hit === 'unlink') expect(failed, what).to.be.instanceOf(EnrollError);
      else expect(files, what).to.deep.equal(['client.keys']);
    });
  });

  it('of making the directory leaves a home without it, or with it and the key', async () => {
    await everyFault(
      async (agent, edge) => {
        await rm(dirname(agent.keysFile), { recursive: true });
        await installKey(NEW, agent, edge);
      },
      async (agent, failed, what) => {
        inWords(failed, what);
        const files = (await filesBelow(agent.home)).filter((file) => file.startsWith('etc'));
        expect(files, what).to.be.deep.oneOf([[], ['etc/client.keys']]);
        if (failed === undefined) expect(files, what).to.have.length(1);
      },
    );
  });

  it('of counting leaves a counter that is not behind what was sent', async () => {
    await everyFault(
      async (agent, edge) => {
        const counter = await SenderCounter.open(agent, edge);
        await counter.reserve(10);
        await counter.settle({ global: 3, local: 19 });
      },
      async (agent, failed, what) => {
        inWords(failed, what);
        const text = await readFile(agent.counterFile, 'utf8');
        expect(text, what).to.be.oneOf(['3:17:', '3:27:', '3:19:']);
        if (failed === undefined) expect(text, what).to.equal('3:19:');
        expect(await filesBelow(join(agent.home, 'queue')), what).to.deep.equal(['rids/sender_counter']);
      },
    );
  });

  it('of counting anew leaves the old counter or none', async () => {
    await everyFault(
      (agent, edge) => resetCounters(agent, ['002'], edge),
      async (agent, failed, what) => {
        inWords(failed, what);
        expect(await readFile(agent.counterFile, 'utf8'), what).to.be.oneOf(['3:17:', '0:0:']);
        expect(await filesBelow(join(agent.home, 'queue')), what).to.deep.equal(['rids/sender_counter']);
      },
    );
  });
});
