import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { type ConfDialect, pointAt } from '../../src/conf/edit.js';
import { readOssecConf } from '../../src/conf/ossec-conf.js';
import type { ConfTarget } from '../../src/conf/target.js';

const TARGET: ConfTarget = { host: 'new.example', port: 1600, protocol: 'tcp' };

function pointed(text: string, target = TARGET, dialect?: ConfDialect): string {
  const edited = pointAt(text, target, dialect);
  if (!edited.ok) throw new Error(`line ${edited.line}: ${edited.what}`);
  return edited.text;
}

const STOCK = `<!--
  Agent -- default
-->

<ossec_config>
  <client>
    <server>
      <address>MANAGER_IP</address> <!-- the manager -->
      <port>1514</port>
      <protocol>udp</protocol>
    </server>
    <config-profile>ubuntu & co</config-profile>
  </client>
</ossec_config>
<ossec_config>
  <localfile><log_format>a</log_format></localfile>
</ossec_config>
`;

describe('pointing an ossec.conf at a manager', () => {
  it('changes address, port and protocol, and nothing else', () => {
    const expected = STOCK.replace('MANAGER_IP', 'new.example').replace('1514', '1600').replace('>udp<', '>tcp<');
    expect(pointed(STOCK)).to.equal(expected);
    expect(pointed(STOCK.replaceAll('\n', '\r\n'))).to.equal(expected.replaceAll('\n', '\r\n'));
  });

  it('leaves the protocol as it is where none is known', () => {
    expect(pointed(STOCK, { host: 'm', port: 1514 })).to.equal(STOCK.replace('MANAGER_IP', 'm'));
  });

  it('adds what a server lacks, in the form of the lines around it', () => {
    const bare =
      '<ossec_config>\r\n\t<client>\r\n\t\t<server>\r\n\t\t\t<address>m</address>\r\n\t\t</server>\r\n\t</client>\r\n</ossec_config>';
    expect(pointed(bare)).to.equal(
      bare.replace(
        '<address>m</address>',
        '<address>new.example</address>\r\n\t\t\t<port>1600</port>\r\n\t\t\t<protocol>tcp</protocol>',
      ),
    );
    const line = '<ossec_config><client><server><port>1</port></server></client></ossec_config>';
    expect(pointed(line)).to.equal(
      '<ossec_config><client><server><address>new.example</address><port>1600</port><protocol>tcp</protocol></server></client></ossec_config>',
    );
  });

  it('aligns the server that has the address already, else changes the first', () => {
    const two = `<ossec_config><client>
<server><address>one</address><port>1514</port></server>
<server><address>two</address><port>1514</port></server>
</client></ossec_config>`;
    expect(pointed(two, { host: 'TWO', port: 1600 })).to.equal(
      two.replace('two</address><port>1514', 'two</address><port>1600'),
    );
    expect(pointed(two, { host: 'three', port: 1514 })).to.equal(two.replace('one', 'three'));
  });

  it("changes OSSEC's server, whose tag depends on what it holds", () => {
    const ossec = '<ossec_config>\n  <client>\n    <server-ip>10.0.0.1</server-ip>\n  </client>\n</ossec_config>\n';
    expect(pointed(ossec, { host: '10.0.0.2', port: 1514, protocol: 'udp' })).to.equal(
      ossec.replace('10.0.0.1</server-ip>', '10.0.0.2</server-ip>\n    <port>1514</port>'),
    );
    expect(pointed(ossec)).to.equal(
      ossec.replace(
        '<server-ip>10.0.0.1</server-ip>',
        '<server-hostname>new.example</server-hostname>\n    <port>1600</port>',
      ),
    );
    const old =
      '<ossec_config><client><server-ip>10.0.0.1</server-ip><port>1</port><protocol>udp</protocol></client></ossec_config>';
    expect(pointed(old, { host: '10.0.0.1', port: 1514, protocol: 'tcp' })).to.equal(
      old.replace('<port>1<', '<port>1514<').replace('udp', 'tcp'),
    );
  });

  it('adds a server, a client, or a root where there is none', () => {
    const server = (indent: string) =>
      ['<server>', '  <address>new.example</address>', '  <port>1600</port>', '  <protocol>tcp</protocol>', '</server>']
        .map((line) => `${indent}${line}\n`)
        .join('');
    const client = '<ossec_config>\n  <client>\n    <notify_time>10</notify_time>\n  </client>\n</ossec_config>\n';
    expect(pointed(client)).to.equal(client.replace('    <notify', `${server('    ')}    <notify`));
    const root = '<ossec_config>\n  <syscheck/>\n</ossec_config>\n';
    expect(pointed(root)).to.equal(
      root.replace('  <syscheck', `  <client>\n${server('    ')}  </client>\n  <syscheck`),
    );
    expect(pointed('')).to.equal(`<ossec_config>\n  <client>\n${server('    ')}  </client>\n</ossec_config>\n`);
    expect(pointed('', { host: '10.0.0.1', port: 1514, protocol: 'udp' }, 'ossec')).to.equal(
      '<ossec_config>\n  <client>\n    <server-ip>10.0.0.1</server-ip>\n    <port>1514</port>\n  </client>\n</ossec_config>\n',
    );
  });

  it('fills elements that are empty', () => {
    const empty =
      '<ossec_config>\n  <client>\n    <server>\n      <address/>\n      <port></port>\n    </server>\n  </client>\n</ossec_config>\n';
    expect(pointed(empty, { host: 'm', port: 1 })).to.equal(
      empty.replace('<address/>', '<address>m</address>').replace('<port></port>', '<port>1</port>'),
    );
    for (const hollow of [
      '<ossec_config/>',
      '<ossec_config><client/></ossec_config>',
      '<ossec_config><client><server/></client></ossec_config>',
      '<ossec_config>\n</ossec_config>',
    ]) {
      expect(readOssecConf(pointed(hollow)).servers[0]?.address.value, hollow).to.equal('new.example');
      expect(pointed(pointed(hollow)), hollow).to.equal(pointed(hollow));
    }
  });

  it('refuses a file that is not well-formed at that place, and says where', () => {
    const unclosed = STOCK.replace('</server>', '');
    expect(pointAt(unclosed, TARGET)).to.deep.include({ ok: false, line: 13 });
    expect(pointAt(STOCK.replace('</port>', '</prot>'), TARGET)).to.deep.include({ ok: false, line: 9 });
    expect(pointAt('<ossec_config>\n<a>\n</b>\n</ossec_config>', TARGET)).to.deep.include({ ok: false, line: 3 });
    expect(pointAt(Buffer.from(STOCK, 'utf16le').toString('latin1'), TARGET).ok).to.equal(false);
    expect(pointAt(STOCK.replace('MANAGER_IP', 'MAN<!-- x -->AGER'), TARGET)).to.deep.include({ ok: false, line: 8 });
    expect(pointAt(STOCK.replace('MANAGER_IP', '<b>x</b>'), TARGET)).to.deep.include({ ok: false, line: 8 });
  });

  it('does not mind a fault elsewhere', () => {
    const text = STOCK.replace('<log_format>a', '<log_format>a < b');
    expect(readOssecConf(text).faults).not.to.have.length(0);
    expect(pointed(text)).to.contain('<address>new.example</address>').and.to.contain('a < b');
  });

  it('keeps every byte outside of what it changes, and changes nothing the second time', () => {
    const filler = fc.constantFrom(
      '',
      ' ',
      '\n',
      '\r\n    ',
      '\n\t',
      '<!-- x -- <server> -->',
      '\n  <local_ip>\u00e4 & b</local_ip>\n  ',
    );
    const value = (name: string, values: string[]) =>
      fc.option(
        fc
          .tuple(filler, fc.constantFrom(...values), filler)
          .map(([a, text, b]) => `<${name}>${a.trim() === '' ? a : ''}${text}${b.trim() === '' ? b : ''}</${name}>`),
        { nil: '' },
      );
    const server = fc
      .tuple(
        filler,
        value('address', ['one', 'two', '10.0.0.1']),
        filler,
        value('port', ['1514', '1']),
        filler,
        value('protocol', ['tcp', 'udp']),
        filler,
      )
      .map((parts) => `<server>${parts.join('')}</server>`);
    const file = fc
      .tuple(
        filler,
        fc.array(
          fc.tuple(server, filler).map((parts) => parts.join('')),
          { maxLength: 3 },
        ),
        filler,
      )
      .map(
        ([before, servers, after]) =>
          `${before}<ossec_config>${after}<client>${before}${servers.join('')}</client>${after}</ossec_config>${before}`,
      );
    const target = fc.record(
      {
        host: fc.constantFrom('one', 'two', 'three', '10.0.0.1', '2001:db8::1'),
        port: fc.integer({ min: 1, max: 65535 }),
        protocol: fc.constantFrom('tcp' as const, 'udp' as const),
      },
      { requiredKeys: ['host', 'port'] },
    );
    fc.assert(
      fc.property(file, target, (text, to) => {
        const once = pointed(text, to);
        expect(pointed(once, to)).to.equal(once);
        const before = readOssecConf(text).servers;
        const after = readOssecConf(once).servers;
        const server = after.find(({ address }) => address.value === to.host);
        expect(server?.port?.value).to.equal(String(to.port));
        if (to.protocol !== undefined) expect(server?.protocol?.value).to.equal(to.protocol);
        expect(after.length).to.be.at.least(before.length);
        // Without the values and the elements of a server, both files are the same to the letter.
        const rest = (one: string) =>
          one.replace(/\s*<(address|port|protocol)>[^<]*<\/\1>|\s*<\/?server>/g, '').replace(/\s/g, '');
        expect(rest(once)).to.equal(rest(text));
      }),
      { numRuns: 500 },
    );
  });
});
