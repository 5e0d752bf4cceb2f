import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  addressLease,
  isContainer,
  isInLeaseFile,
  leaseByIfInet6,
  leaseByIpTool,
  leaseByOrigin,
  routingFacts,
} from '../../src/host/facts.js';
import { fakeSystem, never } from './fake-system.js';

const FOR_EVER = 4294967295;
const ipAddr = JSON.stringify([
  {
    ifname: 'eth0',
    addr_info: [
      { family: 'inet', local: '10.0.0.5', prefixlen: 24, valid_life_time: FOR_EVER },
      { family: 'inet', local: '10.0.0.6', prefixlen: 24, dynamic: true, valid_life_time: 3600 },
      { family: 'inet6', local: 'fd00::5', prefixlen: 64, temporary: true, dynamic: true, valid_life_time: 3600 },
    ],
  },
  { ifname: 'eth1' },
]);
const ifInet6 = [
  '00000000000000000000000000000001 01 80 10 80       lo',
  'fd000000000000000000000000000002 04 40 00 82     eth0',
  'fd000000000000000000000000000003 04 40 00 00     eth0',
  'fd000000000000000000000000000004 04 40 00 01     eth0',
].join('\n');
const tool = { '/usr/sbin/ip': 'binary' };
const printed = { '/usr/sbin/ip -j addr': ipAddr };

describe('host/facts: container', () => {
  const yes: readonly [string, Record<string, string>][] = [
    ['Docker', { '/.dockerenv': '' }],
    ['Podman', { '/run/.containerenv': '' }],
    ['systemd-nspawn', { '/run/systemd/container': 'systemd-nspawn' }],
    ['Kubernetes', { '/var/run/secrets/kubernetes.io/serviceaccount/token': 'x' }],
    ['LXC, by the environment', { '/proc/1/environ': 'PATH=/bin\0container=lxc\0' }],
    ['containerd, by cgroup', { '/proc/1/cgroup': '0::/kubepods/burstable/pod1/abc\n' }],
    ['Docker, by cgroup', { '/proc/1/cgroup': '12:pids:/docker/0123abc\n' }],
  ];
  for (const [kind, files] of yes) {
    it(`sees ${kind}`, async () => expect(await isContainer(fakeSystem({ files }))).to.equal(true));
  }
  it('sees none on a plain host, which may run Docker itself', async () => {
    const files = {
      '/proc/1/environ': 'xcontainer=1\0container=\0',
      '/proc/1/cgroup': '0::/init.scope\n',
      '/etc/docker/x': '',
    };
    expect(await isContainer(fakeSystem({ files }))).to.equal(false);
    expect(await isContainer(fakeSystem({ platform: 'windows' }))).to.equal(false);
  });
});

describe('host/facts: lease', () => {
  it('reads ip -j addr', () => {
    expect(leaseByIpTool(ipAddr, '10.0.0.5')).to.equal('permanent');
    expect(leaseByIpTool(ipAddr, '10.0.0.6')).to.equal('leased');
    expect(leaseByIpTool(ipAddr, 'fd00::5')).to.equal('temporary');
    for (const json of ['', '{', 'null', '{}', '[1,null,{"addr_info":[null,{"local":5}]}]']) {
      expect(leaseByIpTool(json, '10.0.0.5')).to.equal('unknown');
    }
  });

  it('reads /proc/net/if_inet6', () => {
    expect(leaseByIfInet6(ifInet6, 'fd00::2')).to.equal('permanent');
    expect(leaseByIfInet6(ifInet6, 'fd00::3')).to.equal('leased');
    expect(leaseByIfInet6(ifInet6, 'fd00::4')).to.equal('temporary');
    expect(leaseByIfInet6(ifInet6, 'fd00::9')).to.equal('unknown');
    expect(leaseByIfInet6('rubbish\n', 'fd00::9')).to.equal('unknown');
  });

  it('reads lease files', () => {
    expect(isInLeaseFile('# state\nADDRESS=10.0.0.5\nNETMASK=255.0.0.0\n', '10.0.0.5')).to.equal(true);
    expect(isInLeaseFile('lease {\n  fixed-address 10.0.0.5;\n}\n', '10.0.0.5')).to.equal(true);
    expect(isInLeaseFile('  iaaddr fd00:0::5 {\n', 'fd00::5')).to.equal(true);
    expect(isInLeaseFile('ADDRESS=10.0.0.50\nSERVER_ADDRESS=10.0.0.5\n', '10.0.0.5')).to.equal(false);
  });

  it('reads what PowerShell says', () => {
    expect(leaseByOrigin('Dhcp Dhcp\r\n')).to.equal('leased');
    expect(leaseByOrigin('Manual Manual\r\n')).to.equal('permanent');
    expect(leaseByOrigin('RouterAdvertisement Random\r\n')).to.equal('temporary');
    expect(leaseByOrigin('RouterAdvertisement Link\r\n')).to.equal('leased');
    expect(leaseByOrigin(' \r\n')).to.equal('unknown');
  });

  it('asks the tool, then the lease files, then the kernel', async () => {
    const lease = (address: string, files: Record<string, string>, programs: Record<string, string> = {}) =>
      addressLease(address, fakeSystem({ files, programs }), never);
    expect(await lease('10.0.0.6', tool, printed)).to.equal('leased');
    expect(await lease('10.0.0.5', tool, printed)).to.equal('permanent');
    const old = {
      '/var/lib/dhcp/dhclient.eth0.leases': '  fixed-address 10.0.0.5;\n',
      '/var/lib/dhcp/notes': 'ADDRESS=1.2.3.4',
    };
    expect(await lease('10.0.0.5', { ...tool, ...old }, printed)).to.equal('leased');
    expect(await lease('1.2.3.4', old)).to.equal('unknown');
    expect(await lease('10.0.0.7', { '/run/systemd/netif/leases/2': 'ADDRESS=10.0.0.7\n' })).to.equal('leased');
    expect(await lease('fd00::4', { '/proc/net/if_inet6': ifInet6 })).to.equal('temporary');
    expect(await lease('10.0.0.5', tool)).to.equal('unknown');
    expect(await lease('10.0.0.5', {})).to.equal('unknown');
  });

  it('asks PowerShell by its full path on Windows', async () => {
    const system = fakeSystem({ platform: 'windows', directories: { systemRoot: 'D:\\Win' } });
    expect(await addressLease('10.0.0.5', system, never)).to.equal('unknown');
    expect(system.ran[0]?.[0]).to.equal('D:\\Win\\System32\\WindowsPowerShell\\v1.0\\powershell.exe');
    expect(system.ran[0]?.at(-1)).to.contain("-IPAddress '10.0.0.5'");
    expect(await addressLease("10.0.0.5'; calc", system, never)).to.equal('unknown');
    expect(system.ran).to.have.lengthOf(1);
  });

  it('puts the facts together', async () => {
    const addresses = [{ interface: 'eth0', address: '10.0.0.5', prefix: 24 }];
    const route = { local: '10.0.0.5', manager: '10.0.0.9' };
    expect(await routingFacts(route, fakeSystem({ addresses }))).to.deep.equal({
      ...route,
      addresses,
      container: false,
    });
  });
});

describe('host/facts: a lease file without end', () => {
  // Were each line read up to the end of all, this would take hours.
  it('is read in one pass', () => {
    const empty = '\n'.repeat(8 * 1024 * 1024);
    expect(isInLeaseFile(`${empty}  fixed-address 10.0.0.5;\n`, '10.0.0.5')).to.equal(true);
    expect(isInLeaseFile(`${' \n'.repeat(4 * 1024 * 1024)}`, '10.0.0.5')).to.equal(false);
  });
});
