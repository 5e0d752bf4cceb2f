import { expect } from 'chai';
import { describe, it } from 'mocha';
import { failure } from '../net/expect-error.js';
import { settled } from './in-memory.js';

const MANAGER = ['manager', 'manager.example'] as const;

/** How the proxy is shown, and where it is said to come from. */
async function shown(...given: Parameters<typeof settled>): Promise<unknown> {
  return (await settled(...given)).shown.find(({ name }) => name === 'proxy');
}

async function proxyOf(url: string) {
  return (await settled([MANAGER], { HTTPS_PROXY: url })).settings.proxy;
}

describe('The proxy setting', () => {
  it('is none unless it is given', async () => {
    expect((await settled([MANAGER], { HTTPS_PROXY: '' })).settings.proxy).to.equal(undefined);
    expect(await shown([MANAGER])).to.equal(undefined);
  });

  const FORMS: readonly (readonly [url: string, secure: boolean, host: string, port: number])[] = [
    ['http://proxy.example:3128', false, 'proxy.example', 3128],
    ['http://proxy.example:3128/', false, 'proxy.example', 3128],
    ['proxy.example:3128', false, 'proxy.example', 3128],
    [' HTTP://Proxy.Example ', false, 'proxy.example', 80],
    ['https://proxy.example', true, 'proxy.example', 443],
    ['https://proxy.example:80', true, 'proxy.example', 80],
    ['http://[2001:db8::1]:8080', false, '2001:db8::1', 8080],
    ['192.0.2.1:8080', false, '192.0.2.1', 8080],
  ];
  for (const [url, secure, host, port] of FORMS) {
    it(`takes ${url}`, async () => {
      expect(await proxyOf(url)).to.deep.include({ secure, endpoint: { host, port } });
    });
  }

  it('takes user and password with what a URL cannot hold escaped', async () => {
    const proxy = await proxyOf('http://jill:p%40ss%3A%2F%23w@proxy.example:3128');
    expect(proxy?.credentials?.reveal()).to.equal('jill:p@ss:/#w');
    expect((await proxyOf('jill@proxy.example:3128'))?.credentials?.reveal()).to.equal('jill:');
  });

  it('prefers the flag, and its word none, to the environment', async () => {
    const environment = { HTTPS_PROXY: 'http://one.example', https_proxy: 'http://two.example', NO_PROXY: 'a,b' };
    const named = await settled([MANAGER, ['proxy', 'http://three.example']], environment);
    expect(named.settings.proxy).to.deep.include({ explicit: true, except: [] });
    expect(named.settings.proxy?.endpoint.host).to.equal('three.example');
    const found = await settled([MANAGER], environment);
    expect(found.settings.proxy).to.deep.include({ explicit: false, except: ['a', 'b'] });
    expect(found.settings.proxy?.endpoint.host).to.equal('one.example');
    const without = await settled([MANAGER, ['proxy', 'none']], environment);
    expect(without.settings.proxy).to.equal(undefined);
    expect(await shown([MANAGER, ['proxy', 'None']], environment)).to.deep.include({ value: 'none' });
  });

  it('reads no_proxy where there is no NO_PROXY', async () => {
    const { settings } = await settled([MANAGER], { https_proxy: 'http://one.example', no_proxy: '10.0.0.0/8 x' });
    expect(settings.proxy?.except).to.deep.equal(['10.0.0.0/8', 'x']);
  });

  it('is shown without its user and password', async () => {
    const url = 'http://jill:s3cret@proxy.example:3128';
    const origin = { kind: 'environment', name: 'HTTPS_PROXY' };
    expect(await shown([MANAGER], { HTTPS_PROXY: url })).to.deep.equal({
      name: 'proxy',
      value: 'http://***@proxy.example:3128',
      origin,
    });
    for (const command of ['check', 'import', 'detect', 'enroll'] as const) {
      const { shown: lines, warnings, settings } = await settled([MANAGER], { HTTPS_PROXY: url }, {}, command);
      expect(settings.proxy, command).not.to.equal(undefined);
      expect(JSON.stringify([lines, warnings, settings]), command).not.to.match(/s3cret|jill/);
    }
  });

  it('warns of a password in the process list', async () => {
    const { warnings } = await settled([MANAGER, ['proxy', 'http://jill:s3cret@proxy.example']]);
    expect(warnings.join()).to.include('process list').and.not.to.include('s3cret');
    expect((await settled([MANAGER, ['proxy', 'http://proxy.example']])).warnings).to.deep.equal([]);
  });

  const WRONG = [
    'http://',
    'socks5://jill:s3cret@proxy.example:1080',
    'http://jill:s3cret@proxy.example:99999',
    'http://jill:s3cret@proxy.example:0',
    'http://jill:s3cret/x@proxy.example:3128',
    'http://jill:12#s3cret@proxy.example:3128',
    'http://jill:12/s3cret@proxy.example:3128',
    'http://jill:s3cret%zz@proxy.example:3128',
    'http://ji%3All:s3cret@proxy.example:3128',
    'http://proxy.example:3128/s3cret',
    'http://300.1.1.1:3128',
    'two words',
  ];
  for (const url of WRONG) {
    it(`refuses ${url} with its origin named and nothing of it shown`, async () => {
      const { message, hint } = await failure('SETTING_INVALID', () => settled([MANAGER], { https_proxy: url }));
      expect(message).to.match(/^https_proxy: /);
      expect(message + hint).not.to.match(/s3cret|jill/);
    });
  }

  it('contradicts UDP where it was named for this run', async () => {
    const udp = [MANAGER, ['protocol', 'udp']] as const;
    const proxy = ['proxy', 'http://proxy.example'] as const;
    expect((await failure('SETTING_INVALID', () => settled([...udp, proxy]))).message).to.match(/^--proxy: UDP cannot/);
    expect((await settled([...udp, proxy, ['handshake', false]])).settings.proxy).not.to.equal(undefined);
    const { settings } = await settled(udp, { HTTPS_PROXY: 'http://proxy.example' });
    expect(settings.managers[0]?.protocol).to.equal('udp');
  });
});
