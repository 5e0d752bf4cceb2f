import { expect } from 'chai';
import { describe, it } from 'mocha';
import { instanceIn, machineFacts, meaningfulUuid, sameInBothOrders } from '../../src/host/machine.js';
import { type FakeFacts, fakeSystem, never } from './fake-system.js';

const ID = '3d1219c7c4c5404aaa1f6d2a48adfda4';
const UUID = '4c4c4544-0051-3610-8052-b4c04f4d3132';
const INSTANCE_DATA = '/run/cloud-init/instance-data.json';
const INSTANCE_FILE = '/var/lib/cloud/data/instance-id';

const facts = (given: FakeFacts) => machineFacts(fakeSystem(given), never);
const files = (texts: Record<string, string>) => facts({ files: texts });
const instanceData = (id: string, cloud: string) => JSON.stringify({ v1: { instance_id: id, cloud_name: cloud } });

describe('host/machine', () => {
  it('reads the ids of a virtual machine in a cloud', async () => {
    const found = await files({
      '/etc/machine-id': `${ID}\n`,
      '/sys/class/dmi/id/product_uuid': `${UUID.toUpperCase()}\n`,
      [INSTANCE_DATA]: instanceData('i-0abc1234', 'aws'),
      [INSTANCE_FILE]: 'i-0abc1234\n',
    });
    expect(found).to.deep.equal({
      machineId: ID,
      dmiUuid: UUID,
      instance: { id: 'i-0abc1234', issued: true },
    });
  });

  it('knows nothing where nothing can be read', async () => {
    expect(await facts({})).to.deep.equal({});
    expect(await facts({ platform: 'windows' })).to.deep.equal({});
  });

  it("takes D-Bus's machine-id where systemd's is none", async () => {
    const dbus = { '/var/lib/dbus/machine-id': ID };
    for (const text of ['', 'uninitialized\n', '0'.repeat(32), `${ID}0`, 'x']) {
      expect(await files({ ...dbus, '/etc/machine-id': text }), text).to.deep.equal({ machineId: ID });
      expect(await files({ '/etc/machine-id': text }), text).to.deep.equal({});
    }
    expect(await files(dbus)).to.deep.equal({ machineId: ID });
  });

  it('takes no UUID that many machines share', () => {
    for (const dummy of [
      '00000000-0000-0000-0000-000000000000',
      'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
      '03000200-0400-0500-0006-000700080009',
      '00020003-0004-0005-0006-000700080009',
      '12345678-1234-5678-90AB-CDDEEFAABBCC',
      'Not Settable',
      '',
    ]) {
      expect(meaningfulUuid(dummy), dummy).to.equal(undefined);
    }
    expect(meaningfulUuid(` ${UUID.toUpperCase()}\r\n`)).to.equal(UUID);
  });

  it('sees one UUID in both byte orders', () => {
    const turned = '44454c4c-5100-1036-8052-b4c04f4d3132';
    expect(sameInBothOrders(turned)).to.equal(sameInBothOrders(UUID));
    expect(sameInBothOrders(UUID)).to.not.equal(sameInBothOrders('5c4c4544-0051-3610-8052-b4c04f4d3132'));
    expect(sameInBothOrders('i-0abc1234')).to.equal('i-0abc1234');
  });

  it("does not take the host's UUID in a container, but the machine-id", async () => {
    const found = await files({
      '/.dockerenv': '',
      '/etc/machine-id': ID,
      '/sys/class/dmi/id/product_uuid': UUID,
    });
    expect(found).to.deep.equal({ machineId: ID });
  });

  it('tells an id that the platform issued from one on the disk or in a seed', async () => {
    const onDisk = await files({ [INSTANCE_FILE]: 'i-0abc1234\n' });
    expect(onDisk.instance).to.deep.equal({ id: 'i-0abc1234', issued: false });
    expect(instanceIn(instanceData('web-01', 'nocloud'))).to.deep.equal({ id: 'web-01', issued: false });
    expect(instanceIn(instanceData('8712334', 'gce'))).to.deep.equal({ id: '8712334', issued: true });
    expect(instanceIn('{"v1":{"instance-id":"x1","cloud-name":"openstack"}}')).to.deep.equal({
      id: 'x1',
      issued: true,
    });
    expect(instanceIn('{"v1":{"instance_id":"x1"}}')).to.deep.equal({ id: 'x1', issued: false });
  });

  it('takes no instance id that nobody gave', async () => {
    for (const id of [
      'iid-datasource-none',
      'nocloud',
      'iid-local01',
      'iid-vmware-imc',
      'None',
      '',
      'two words',
      'x'.repeat(257),
      '00000000-0000-0000-0000-000000000000',
    ]) {
      expect(instanceIn(instanceData(id, 'nocloud')), id).to.equal(undefined);
      expect((await files({ [INSTANCE_FILE]: id })).instance, id).to.equal(undefined);
    }
    for (const json of ['', '{', 'null', '[]', '{}', '{"v1":3}', '{"v1":{"instance_id":7}}']) {
      expect(instanceIn(json), json).to.equal(undefined);
    }
    // What cannot be read of this start does not hide what the disk has.
    const found = await files({ [INSTANCE_DATA]: '{', [INSTANCE_FILE]: 'x1' });
    expect(found.instance).to.deep.equal({ id: 'x1', issued: false });
  });

  describe('on Windows', () => {
    const reg = 'C:\\Windows\\System32\\reg.exe query HKLM\\SOFTWARE\\Microsoft\\Cryptography /v MachineGuid';
    const wmic = 'C:\\Windows\\System32\\wbem\\wmic.exe';
    const powershell =
      'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe -NoProfile -NonInteractive -Command (Get-CimInstance -ClassName Win32_ComputerSystemProduct).UUID';
    const guid = 'c0a8f9b4-7d5e-4a36-9d0b-8f3c2e1a6b57';
    const registry = {
      [reg]: `\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\r\n    MachineGuid    REG_SZ    ${guid}\r\n\r\n`,
    };

    it('reads MachineGuid, and the UUID by wmic', async () => {
      const found = await facts({
        platform: 'windows',
        files: { [wmic]: '' },
        programs: { ...registry, [`${wmic} csproduct get uuid`]: `UUID  \r\r\n${UUID.toUpperCase()}  \r\r\n\r\r\n` },
      });
      expect(found).to.deep.equal({ machineId: guid, dmiUuid: UUID });
    });

    it('asks PowerShell where wmic is gone or says nothing', async () => {
      const programs = { ...registry, [powershell]: `${UUID.toUpperCase()}\r\n` };
      for (const there of [{}, { [wmic]: '' }]) {
        const found = await facts({ platform: 'windows', files: there, programs });
        expect(found).to.deep.equal({ machineId: guid, dmiUuid: UUID });
      }
    });

    it('looks where Windows is, and takes no dummy', async () => {
      const system = fakeSystem({
        platform: 'windows',
        directories: { systemRoot: 'D:\\WINNT' },
        files: { 'D:\\WINNT\\System32\\wbem\\wmic.exe': '' },
        programs: {
          'D:\\WINNT\\System32\\wbem\\wmic.exe csproduct get uuid': 'UUID\r\n03000200-0400-0500-0006-000700080009',
        },
      });
      expect(await machineFacts(system, never)).to.deep.equal({});
      expect(system.ran.map(([program]) => program)).to.deep.equal([
        'D:\\WINNT\\System32\\reg.exe',
        'D:\\WINNT\\System32\\wbem\\wmic.exe',
      ]);
    });
  });
});
