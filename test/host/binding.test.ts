import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { bindingOf, compareBinding, type MachineVerdict, machineSuffix } from '../../src/host/binding.js';
import type { MachineFacts } from '../../src/host/machine.js';

const SALT = '00112233445566778899aabbccddeeff';
const A = 'a'.repeat(31);
const machine = (digit: string) => `${A}${digit}`;
const uuid = (digit: string) => `4c4c4544-0051-3610-8052-b4c04f4d313${digit}`;
const issued = (id: string) => ({ id, issued: true });
const onDisk = (id: string) => ({ id, issued: false });

describe('host/binding', () => {
  const table: readonly [string, MachineFacts, MachineFacts, MachineVerdict][] = [
    [
      'nothing has changed',
      { machineId: machine('1'), dmiUuid: uuid('1'), instance: issued('i-1') },
      { machineId: machine('1'), dmiUuid: uuid('1'), instance: issued('i-1') },
      'same',
    ],
    ['a sealed clone', { machineId: machine('1') }, { machineId: machine('2') }, 'other'],
    [
      'a cloned container on one host, or a clone that kept its UUID',
      { machineId: machine('1'), dmiUuid: uuid('1') },
      { machineId: machine('2'), dmiUuid: uuid('1') },
      'other',
    ],
    [
      'a clone of an image that was not sealed',
      { machineId: machine('1'), dmiUuid: uuid('1') },
      { machineId: machine('1'), dmiUuid: uuid('2') },
      'other',
    ],
    [
      'a clone in a cloud, not sealed, without root',
      { machineId: machine('1'), instance: issued('i-1') },
      { machineId: machine('1'), instance: issued('i-2') },
      'other',
    ],
    [
      'a clone in a cloud whose cloud-init has not run yet',
      { machineId: machine('1'), dmiUuid: uuid('1'), instance: issued('i-1') },
      { machineId: machine('1'), dmiUuid: uuid('2'), instance: onDisk('i-1') },
      'other',
    ],
    [
      'a clone in a cloud, its UUID unchanged',
      { machineId: machine('1'), dmiUuid: uuid('1'), instance: issued('i-1') },
      { machineId: machine('1'), dmiUuid: uuid('1'), instance: issued('i-2') },
      'other',
    ],
    [
      'another instance type, with another UUID',
      { machineId: machine('1'), dmiUuid: uuid('1'), instance: issued('i-1') },
      { machineId: machine('1'), dmiUuid: uuid('2'), instance: issued('i-1') },
      'same',
    ],
    [
      'a system disk that was rebuilt below the agent',
      { machineId: machine('1'), instance: onDisk('i-1') },
      { machineId: machine('2'), instance: issued('i-1') },
      'same',
    ],
    [
      'a changed seed on one virtual machine',
      { machineId: machine('1'), dmiUuid: uuid('1'), instance: onDisk('seed-1') },
      { machineId: machine('1'), dmiUuid: uuid('1'), instance: onDisk('seed-2') },
      'same',
    ],
    [
      'a changed seed, and nothing known of the hardware',
      { machineId: machine('1'), instance: onDisk('seed-1') },
      { machineId: machine('1'), instance: onDisk('seed-2') },
      'other',
    ],
    [
      'a firmware update that turned the UUID round',
      { machineId: machine('1'), dmiUuid: '4c4c4544-0051-3610-8052-b4c04f4d3131' },
      { machineId: machine('1'), dmiUuid: '44454c4c-5100-1036-8052-b4c04f4d3131' },
      'same',
    ],
    [
      'a UUID that only root may read',
      { machineId: machine('1'), dmiUuid: uuid('1') },
      { machineId: machine('1') },
      'same',
    ],
    ['no machine-id any more, as in a new container', { machineId: machine('1') }, {}, 'unknown'],
    ['different things known', { machineId: machine('1') }, { dmiUuid: uuid('1') }, 'unknown'],
    ['the instance id on the disk alone', { instance: onDisk('x-1') }, { instance: onDisk('x-1') }, 'same'],
    ['one UUID alone', { dmiUuid: uuid('1') }, { dmiUuid: uuid('1') }, 'same'],
  ];
  for (const [what, before, now, verdict] of table) {
    it(`${verdict}: ${what}`, () => {
      expect(compareBinding(bindingOf(before, SALT), now)).to.equal(verdict);
    });
  }

  it('notes neither the ids nor a hash that is the same elsewhere', () => {
    const facts = { machineId: machine('1'), dmiUuid: uuid('1'), instance: issued('i-1') };
    const note = bindingOf(facts, SALT);
    const other = bindingOf(facts, SALT.replaceAll('0', '1'));
    expect([...note.hashes.keys()]).to.deep.equal(['machine-id', 'dmi-uuid', 'instance-id']);
    for (const [kind, hash] of note.hashes) {
      expect(hash).to.match(/^[0-9a-f]{64}$/);
      expect(other.hashes.get(kind)).to.not.equal(hash);
    }
    const plain = [machine('1'), uuid('1'), 'i-1'].map((id) => createHash('sha256').update(id).digest('hex'));
    expect([...note.hashes.values()]).to.not.include.members(plain);
    expect(new Set(note.hashes.values()).size).to.equal(3);
  });

  it('gives each machine digits of its own, the same ones again', () => {
    const facts = { machineId: machine('1'), dmiUuid: uuid('1') };
    expect(machineSuffix(facts))
      .to.match(/^[0-9a-f]{8}$/)
      .and.to.equal(machineSuffix({ ...facts }));
    expect(machineSuffix({ ...facts, dmiUuid: uuid('2') })).to.not.equal(machineSuffix(facts));
  });
});
