import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type ConfDialect, pointAt } from '../../src/conf/edit.js';
import { readOssecConf } from '../../src/conf/ossec-conf.js';
import type { ConfTarget } from '../../src/conf/target.js';

const TARGET: ConfTarget = { host: 'new.example', port: 1514, protocol: 'tcp' };

function pointed(text: string, target: ConfTarget = TARGET, dialect?: ConfDialect): string {
  const edited = pointAt(text, target, dialect);
  if (!edited.ok) throw new Error(`line ${edited.line}: ${edited.what}`);
  const again = pointAt(edited.text, target, dialect);
  expect(again, 'the second time').to.deep.equal(edited);
  return edited.text;
}

const root = (inner: string) => `<ossec_config>\n${inner}</ossec_config>\n`;
const agent = (manager: string) => root(`  <agent>\n    <manager>\n      ${manager}\n    </manager>\n  </agent>\n`);

describe('pointing the ossec.conf of a Wazuh 5 agent at a manager', () => {
  it('changes the endpoint, and nothing else', () => {
    const text = agent('<endpoint>old.example</endpoint> <!-- the manager -->');
    expect(pointed(text)).to.equal(text.replace('old.example', 'new.example'));
    const crlf = text.replaceAll('\n', '\r\n');
    expect(pointed(crlf)).to.equal(crlf.replace('old.example', 'new.example'));
  });

  it('leaves port, prefix and form of an endpoint that has this host already', () => {
    for (const same of [
      'new.example',
      'https://NEW.example:8443/gw',
      'new.example/',
      'new.example:1517/wazuh-manager',
    ]) {
      const text = agent(`<endpoint>${same}</endpoint>`);
      expect(pointed(text)).to.equal(text);
    }
    const other = agent('<endpoint>https://old.example:8443/gw</endpoint>');
    expect(pointed(other)).to.equal(agent('<endpoint>https://new.example</endpoint>'));
  });

  it('writes the port and the prefix that it is told, as far as they need words', () => {
    const text = agent('<endpoint>old.example</endpoint>');
    for (const [https, written] of [
      [{ port: 1517, prefix: 'wazuh-manager' }, 'new.example'],
      [{ port: 8443, prefix: 'gw' }, 'new.example:8443/gw'],
      [{ port: 1517, prefix: '' }, 'new.example/'],
    ] as const) {
      expect(pointed(text, { ...TARGET, https })).to.equal(agent(`<endpoint>${written}</endpoint>`));
    }
    expect(pointed(text, { ...TARGET, host: 'fe80::1%eth0' })).to.equal(agent('<endpoint>[fe80::1%25eth0]</endpoint>'));
  });

  it('changes the address where there is no endpoint', () => {
    const old = agent('<address>10.0.0.5</address>\n      <port>1600</port>');
    expect(pointed(old, { host: '10.0.0.5', port: 1514 })).to.equal(old);
    expect(pointed(old)).to.equal(old.replace('10.0.0.5', 'new.example').replace('1600', '1517'));
    expect(pointed(agent('<address>MANAGER_IP</address>'))).to.equal(agent('<address>new.example</address>'));
    const prefixed = pointed(old, { ...TARGET, https: { port: 1517, prefix: 'gw' } });
    expect(readOssecConf(prefixed).manager?.endpoint?.value).to.equal('new.example/gw');
  });

  it('changes the last manager, which is the one that counts', () => {
    const text = root(
      '<agent><manager><endpoint>a</endpoint></manager></agent>\n<agent><manager><endpoint>b</endpoint></manager></agent>\n',
    );
    expect(pointed(text)).to.equal(text.replace('>b<', '>new.example<'));
  });

  it('adds no second manager beside it, in whichever form the first one is', () => {
    for (const text of [
      agent('<endpoint>old.example</endpoint>'),
      agent('<address>old.example</address>'),
      root('  <client>\n    <manager>\n      <address>old.example</address>\n    </manager>\n  </client>\n'),
      root('  <client>\n    <server>\n      <address>old.example</address>\n    </server>\n  </client>\n'),
      root(
        '<client><server><address>left</address></server></client><agent><manager><endpoint>x</endpoint></manager></agent>\n',
      ),
      root('  <agent/>\n'),
      root('  <agent>\n    <enrollment/>\n  </agent>\n'),
    ]) {
      for (const dialect of ['wazuh', 'wazuh-5'] as const) {
        const count = (one: string) => (one.match(/<(?:server|manager)>/g) ?? []).length;
        const after = pointed(text, TARGET, dialect);
        expect(count(after), after).to.equal(Math.max(1, count(text)));
        expect(after).to.contain('new.example');
      }
    }
  });

  it('leaves what 4.x has left behind as it is, where there is an <agent> with a manager', () => {
    const text = root(
      '<client><server><address>left</address></server></client>\n<agent><manager><endpoint>x</endpoint></manager></agent>\n',
    );
    expect(pointed(text)).to.equal(text.replace('>x<', '>new.example<'));
  });

  it('turns no form of 4.x into that of a Wazuh 5 agent by itself', () => {
    const https = { ...TARGET, https: { port: 1517, prefix: 'wazuh-manager' } };
    for (const server of [
      '<server>\n<address>old</address></server>',
      '<manager>\n<address>old</address></manager>',
      '<server-ip>old</server-ip>',
      '<server>\n<address>MANAGER_IP</address></server>',
    ]) {
      const edited = pointAt(root(`<client>\n${server}</client>\n`), https, 'wazuh-5');
      expect(edited.ok, server).to.equal(false);
      if (edited.ok) continue;
      expect(edited.line).to.equal(3);
      expect(edited.what).to.match(/^<(server|manager|server-ip)> of <client> is what agents before Wazuh 5 go by/);
    }
  });

  it("changes the 5.0 betas' manager in <client> as a server", () => {
    const text = root('  <client>\n    <manager>\n      <address>old</address>\n    </manager>\n  </client>\n');
    expect(pointed(text)).to.equal(
      text.replace(
        '<address>old</address>',
        '<address>new.example</address>\n      <port>1514</port>\n      <protocol>tcp</protocol>',
      ),
    );
  });

  it('adds an <agent> where a Wazuh 5 agent has none', () => {
    const block = '  <agent>\n    <manager>\n      <endpoint>new.example</endpoint>\n    </manager>\n  </agent>\n';
    expect(pointed('', TARGET, 'wazuh-5')).to.equal(root(block));
    expect(pointed(root('  <syscheck/>\n'), TARGET, 'wazuh-5')).to.equal(root(`${block}  <syscheck/>\n`));
    expect(pointed(root('  <client>\n  </client>\n'), TARGET, 'wazuh-5')).to.equal(
      root(`${block}  <client>\n  </client>\n`),
    );
  });

  it('writes name and groups where they are read at the next enrollment', () => {
    const target = { ...TARGET, enrollment: { name: 'Web-01', groups: ['a', 'b'] } };
    const lines = '<agent_name>Web-01</agent_name>\n      <groups>a,b</groups>';
    expect(pointed(agent('<endpoint>new.example</endpoint>'), target)).to.equal(
      root(
        `  <agent>\n    <manager>\n      <endpoint>new.example</endpoint>\n    </manager>\n    <enrollment>\n      ${lines}\n    </enrollment>\n  </agent>\n`,
      ),
    );
    const there = root(
      '  <agent>\n    <enrollment>\n      <enabled>yes</enabled>\n      <agent_name>web-01</agent_name>\n    </enrollment>\n  </agent>\n',
    );
    const after = pointed(there, target);
    expect(after).to.contain(`<enabled>yes</enabled>\n      ${lines}\n    </enrollment>`);
    expect([...readOssecConf(after).enrollment].map(([name, { value }]) => `${name}=${value}`)).to.deep.equal([
      'enabled=yes',
      'agent_name=Web-01',
      'groups=a,b',
    ]);
    expect(pointed('', target, 'wazuh-5')).to.contain('    <enrollment>\n      <agent_name>Web-01</agent_name>');
  });

  it('refuses a file that is not well-formed there, and says where', () => {
    const text = agent('<endpoint>old.example</endpont>');
    expect(pointAt(text, TARGET)).to.deep.include({ ok: false, line: 4 });
    expect(pointAt(agent('<endpoint><b>x</b></endpoint>'), TARGET)).to.deep.include({ ok: false, line: 4 });
  });

  it('keeps the interface of a link-local address apart in a server', () => {
    const server = (inner: string) => root(`  <client>\n    <server>\n      ${inner}\n    </server>\n  </client>\n`);
    const target = { host: 'fe80::1%eth0', port: 1514, interfaceIndex: 3 };
    expect(pointed(server('<address>old</address>'), target)).to.equal(
      server('<address>fe80::1</address>\n      <interface_index>3</interface_index>\n      <port>1514</port>'),
    );
    const there = server(
      '<address>fe80::1</address>\n      <port>1514</port>\n      <interface_index>3</interface_index>',
    );
    expect(pointed(there, target)).to.equal(there);
  });
});
