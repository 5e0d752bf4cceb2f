import { expect } from 'chai';
import { describe, it } from 'mocha';
import { domainInResolvConf, fullHostName, nameInHosts } from '../../src/host/fqdn.js';
import { placeholderValues } from '../../src/host/name-facts.js';
import { type FakeFacts, fakeSystem, never } from './fake-system.js';

const fqdn = (facts: FakeFacts) => fullHostName(fakeSystem(facts), never);

describe('host/fqdn', () => {
  it('is the host name itself where that has a domain', async () => {
    expect(await fqdn({ hostname: 'web-01.example.com' })).to.equal('web-01.example.com');
    expect(await fqdn({ hostname: 'web-01.example.com.' })).to.equal('web-01.example.com');
  });

  it('is what /etc/hosts says before what resolv.conf does', async () => {
    const files = {
      '/etc/hosts': '127.0.0.1 localhost\n127.0.1.1\tweb-01.example.com web-01\n',
      '/etc/resolv.conf': 'search other.example\n',
    };
    expect(await fqdn({ files })).to.equal('web-01.example.com');
    expect(await fqdn({ files, hostname: 'db-01' })).to.equal('db-01.other.example');
  });

  it('is not known where no file has a domain, and asks nobody', async () => {
    const system = fakeSystem({ files: { '/etc/hosts': '127.0.1.1 web-01\n', '/etc/resolv.conf': 'search .\n' } });
    expect(await fullHostName(system, never)).to.equal(undefined);
    expect(system.ran).to.deep.equal([]);
    expect(await fqdn({ hostname: '' })).to.equal(undefined);
    expect(await fqdn({})).to.equal(undefined);
  });

  it('reads /etc/hosts as it is written', () => {
    expect(nameInHosts('10.0.0.1 # web-01.a.example\n', 'web-01')).to.equal(undefined);
    expect(nameInHosts('10.0.0.1 web-011.a.example web-01x.b\n', 'web-01')).to.equal(undefined);
    expect(nameInHosts('  10.0.0.1\t web-01  WEB-01.A.Example. # x', 'web-01')).to.equal('WEB-01.A.Example');
    expect(nameInHosts('web-01.a.example\n\n', 'web-01')).to.equal(undefined);
  });

  it('takes the last domain or search line of resolv.conf, and its first domain', () => {
    expect(domainInResolvConf('domain a.example\nsearch b.example c.example\n')).to.equal('b.example');
    expect(domainInResolvConf('search a.example\nsearch .\n')).to.equal(undefined);
    expect(domainInResolvConf('# search a.example\n;domain b\nnameserver 10.0.0.1\n')).to.equal(undefined);
    expect(domainInResolvConf('search a.example.\n')).to.equal('a.example');
  });

  it('asks the registry on Windows', async () => {
    const query = (name: string) =>
      `C:\\Windows\\System32\\reg.exe query HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters /v ${name}`;
    const value = (name: string, text: string) => ({
      [query(name)]: `\r\nHKEY\r\n    ${name}    REG_SZ    ${text}\r\n`,
    });
    const windows = { platform: 'windows', hostname: 'WEB-01' } as const;
    expect(await fqdn({ ...windows, programs: value('Domain', 'ad.example') })).to.equal('WEB-01.ad.example');
    const both = { ...value('Domain', '\r\nEnd of search'), ...value('DhcpDomain', 'lan.example') };
    expect(await fqdn({ ...windows, programs: both })).to.equal('WEB-01.lan.example');
    expect(await fqdn(windows)).to.equal(undefined);
  });

  it('gives the patterns what the host has, and says where else it looked', async () => {
    const files = { '/etc/machine-id': 'ab'.repeat(16) };
    const all = new Set(['hostname', 'fqdn', 'machine-id', 'instance-id'] as const);
    expect([...(await placeholderValues(all, fakeSystem({ files }), never))]).to.deep.equal([
      ['hostname', { found: true, value: 'web-01' }],
      ['fqdn', { found: false, lookedIn: 'the host name, /etc/hosts and /etc/resolv.conf' }],
      ['machine-id', { found: true, value: 'ab'.repeat(16) }],
      [
        'instance-id',
        { found: false, lookedIn: '/run/cloud-init/instance-data.json and /var/lib/cloud/data/instance-id' },
      ],
    ]);
    const windows = fakeSystem({ platform: 'windows' });
    expect((await placeholderValues(new Set(['hostname'] as const), windows, never)).size).to.equal(1);
    expect(windows.ran).to.deep.equal([]);
  });
});
