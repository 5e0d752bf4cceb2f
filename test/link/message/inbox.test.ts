import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { Inbox } from '../../../src/link/message/inbox.js';

const never = new AbortController().signal;
const fault = new EnrollError('CONNECTION_REFUSED', 'Refused.');
const message = Buffer.from('a');

async function outcome(inbox: Inbox): Promise<unknown> {
  return await inbox.take(never).catch((thrown: unknown) => thrown);
}

describe('link/inbox', () => {
  it('gives messages and faults in the order of arrival, then the end', async () => {
    const inbox = new Inbox();
    inbox.add(message);
    inbox.add(fault);
    inbox.add(message);
    inbox.end();
    inbox.add(message);
    const outcomes = [await outcome(inbox), await outcome(inbox), await outcome(inbox), await outcome(inbox)];
    expect(outcomes).to.deep.equal([message, fault, message, undefined]);
  });

  it('gives each message to one of those who wait, and the end to all', async () => {
    const inbox = new Inbox();
    const both = Promise.all([outcome(inbox), outcome(inbox)]);
    inbox.add(message);
    inbox.end(fault);
    inbox.end();
    expect(await both).to.have.members([message, fault]);
    expect(await outcome(inbox)).to.equal(fault);
  });

  it('is full by number and by bytes, and no longer once something was taken', async () => {
    for (const [size, count] of [
      [1, 64],
      [65536, 8],
    ] as const) {
      const inbox = new Inbox();
      for (let at = 0; at < count; at += 1) {
        expect(inbox.full, `${at} of ${count}`).to.equal(false);
        inbox.add(Buffer.alloc(size));
      }
      expect(inbox.full).to.equal(true);
      await inbox.take(never);
      expect(inbox.full).to.equal(false);
    }
  });

  it('is full by bytes though faults are among them', async () => {
    const inbox = new Inbox();
    inbox.add(fault);
    for (let at = 0; at < 8; at += 1) inbox.add(Buffer.alloc(65536));
    expect(inbox.full).to.equal(true);
  });

  it('lets go of the signal of a wait that has ended', async () => {
    const inbox = new Inbox();
    const { signal } = new AbortController();
    const waiting = inbox.take(signal);
    expect(getEventListeners(signal, 'abort')).to.have.length(1);
    inbox.add(message);
    await waiting;
    expect(getEventListeners(signal, 'abort')).to.have.length(0);
  });

  it('leaves a message for the next when the wait was aborted', async () => {
    const inbox = new Inbox();
    const controller = new AbortController();
    const waiting = inbox.take(controller.signal).catch((thrown: unknown) => thrown);
    controller.abort(fault);
    inbox.add(message);
    expect(await waiting).to.equal(fault);
    expect(await outcome(inbox)).to.equal(message);
  });
});
