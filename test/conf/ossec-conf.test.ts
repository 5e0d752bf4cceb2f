import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { readOssecConf } from '../../src/conf/ossec-conf.js';
import { LOAD } from '../load.js';
import { conf, refused, settled } from '../settings/scene.js';

const addresses = (text: string) =>
  readOssecConf(text).servers.map(({ address }) => `${address.value}@${address.line}`);

describe('ossec.conf', () => {
  it('has its servers in order, from all of its roots', () => {
    const text = `${conf('    <server>\n      <address>one</address>\n    </server>')}
<ossec_config>
  <client>
    <server><address>two</address><port>1600</port></server>
  </client>
</ossec_config>
<agent_config><client><server><address>not this</address></server></client></agent_config>`;
    expect(addresses(text)).to.deep.equal(['one@4', 'two@11']);
    expect(readOssecConf(text).servers[1]?.port).to.deep.equal({ value: '1600', line: 11 });
    expect(readOssecConf(text).faults).to.deep.equal([]);
  });

  it("has OSSEC's servers, and what stands beside them holds for all", () => {
    const text = conf('<server-ip>10.0.0.1</server-ip>\n<server-hostname>mgr</server-hostname>\n<port>1600</port>');
    expect(addresses(text)).to.deep.equal(['10.0.0.1@3', 'mgr@4']);
    expect(readOssecConf(text).servers.map(({ port }) => port?.value)).to.deep.equal(['1600', '1600']);
  });

  it('may have comments with -- in them and a bare &', () => {
    const text = `<!-- a -- b
--- -->
${conf('<!-- <server><address>old</address></server> -- gone -->\n<server><address>new</address></server><enrollment><groups>a&b</groups></enrollment>')}`;
    const read = readOssecConf(text);
    expect(read.faults).to.deep.equal([]);
    expect(addresses(text)).to.deep.equal(['new@6']);
    expect(read.enrollment.get('groups')).to.deep.equal({ value: 'a&b', line: 6 });
  });

  it('says on which line it is not well-formed, and is read all the same', async () => {
    const text = `<ossec_config>
  <localfile>
    <location>/var/log/x</locatoin>
  </localfile>
  <client><server><address>m</address></server></client>
</ossec_config>`;
    const { faults, servers } = readOssecConf(text);
    expect(faults[0]?.line).to.equal(3);
    expect(servers[0]?.address.value).to.equal('m');
    const { warnings } = await settled({ files: { 'ossec.conf': text } });
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.match(
      /^\/var\/ossec\/etc\/ossec\.conf, line 3: .*What could be read of the file was used\.$/,
    );
  });

  it('says where it ends too early', () => {
    const { faults, servers } = readOssecConf('<ossec_config>\n<client>\n<server>\n<address>m</address>\n');
    expect(servers).to.deep.equal([]);
    expect(faults.map(({ what }) => what).join()).to.contain('unclosed tag: server');
  });

  it('counts lines alike with either line end', () => {
    const text = conf('<!-- two\nlines -->\n<server>\n<address>m</address></server>');
    expect(addresses(text)).to.deep.equal(['m@6']);
    expect(addresses(text.replaceAll('\n', '\r\n'))).to.deep.equal(['m@6']);
  });

  it('may say that the agent is not to enroll itself, which is told', async () => {
    const files = {
      'ossec.conf': conf('<server><address>m</address></server><enrollment><enabled>no</enabled></enrollment>'),
    };
    expect((await settled({ files })).warnings.join()).to.contain("line 3: the agent's own enrollment is switched off");
  });

  it('names its lines in errors', async () => {
    const files = { 'ossec.conf': conf('<server>\n<address>10.0.0.999</address></server>') };
    expect((await refused({ files })).message).to.contain('/var/ossec/etc/ossec.conf, line 4: "10.0.0.999"');
  });

  it('is read in bounded time and without failing, whatever it holds', () => {
    const piece = fc.constantFrom(
      '<client>',
      '</client>',
      '<server>',
      '</server>',
      '<address>',
      '</address>',
      '<ossec_config>',
      '</ossec_config>',
      '<!--',
      '-->',
      '&',
      '&lt;',
      '<',
      '>',
      '"',
      '\0',
      '<?',
      ']]>',
      'm',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 40 }), (pieces) => {
        const { faults } = readOssecConf(pieces.join(''));
        expect(faults.length).to.be.at.most(20);
      }),
    );
    const started = performance.now();
    readOssecConf('<!-- '.repeat(50_000));
    readOssecConf('<ossec_config>'.repeat(10_000));
    readOssecConf('&'.repeat(100_000));
    expect(performance.now() - started).to.be.below(3000 * LOAD);
  });
});
