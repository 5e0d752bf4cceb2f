import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { type CodeBlock, codeBlocks, pagePaths, readPage } from './code-blocks.js';
import { runDemo } from './example-host.js';
import { complaintAbout } from './examples.js';

/** How many examples run at a time. */
const SIDE_BY_SIDE = 4;

const pages = await Promise.all((await pagePaths()).map(async (page) => ({ page, text: await readPage(page) })));
const blocks = pages.flatMap(({ page, text }) => codeBlocks(page, text));

/** A block as it would stand in a page. */
function planted(language: string, text: string, mark?: string): Promise<string | undefined> {
  const page = [...(mark === undefined ? [] : [`<!-- ${mark} -->`]), `\`\`\`${language}`, text, '```'].join('\n');
  const [block] = codeBlocks('planted.md', page);
  if (block === undefined) throw new Error('There is no block in it.');
  return complaintAbout(block);
}

describe('the examples of the pages', function () {
  this.timeout(60_000);
  const complaints = new Map<CodeBlock, Promise<string | undefined>>();

  before(() => {
    const lanes = Array.from({ length: SIDE_BY_SIDE }, () => Promise.resolve<unknown>(undefined));
    blocks.forEach((block, index) => {
      const complaint = (lanes[index % SIDE_BY_SIDE] ?? Promise.resolve()).then(() => complaintAbout(block));
      complaints.set(block, complaint);
      lanes[index % SIDE_BY_SIDE] = complaint.catch(() => {});
    });
  });

  it('are the demo as well, which runs to its end', async () => {
    const { code, said } = await runDemo();
    expect(code, said).to.equal(0);
    expect(said).to.contain('was enrolled already, and the manager answered');
  });

  for (const block of blocks) {
    const { page, line, language, mark } = block;
    const kind = [language, ...(mark === undefined ? [] : [mark.how])].filter((word) => word !== '').join(', ');
    it(`${page}:${line} (${kind})`, async () => {
      const complaint = await complaints.get(block);
      if (complaint !== undefined) expect.fail(`${page}:${line}: ${complaint}`);
    });
  }
});

describe('what looks at the examples', function () {
  this.timeout(30_000);

  it('finds a command that ends otherwise', async () => {
    expect(await planted('sh', 'agent-enroll --manager siem.example.org --no-such-option')).to.contain(
      'ended with 2, not with 0',
    );
    expect(await planted('sh', 'agent-enroll --manager siem.example.org', 'run: exit 7')).to.contain(
      'ended with 0, not with 7',
    );
    expect(await planted('sh', 'agent-enroll check', 'run: exit 0')).to.equal(undefined);
    expect(await planted('sh', 'agent-enroll sandbox --family nobody')).to.contain('ended with 2');
  });

  it('finds what it cannot run, and has no word of why', async () => {
    for (const text of [
      'apt install agent-enroll',
      'agent-enroll check; reboot',
      'agent-enroll $(cat options)',
      '# nothing',
    ]) {
      expect(await planted('sh', text), text).to.contain('cannot be run');
      expect(await planted('sh', text, 'not run: it restarts the host')).to.equal(undefined);
    }
    expect(await planted('', 'agent-enroll check')).to.contain('cannot be run');
    expect(await planted('sh', 'agent-enroll check', 'run: quickly')).to.contain('words that nobody knows: quickly');
  });

  it('finds the name of a test that is not there', async () => {
    expect(await planted('yaml', 'a: b', 'run by: test/docs/examples.test.ts')).to.equal(undefined);
    expect(await planted('yaml', 'a: b', 'run by: test/no-such.test.ts, README.md')).to.contain(
      'no-such.test.ts, README.md',
    );
  });

  it('finds what is not well-formed, and what the compiler does not take', async () => {
    expect(await planted('json', '{"a": 1}\n{"b": }')).to.contain('JSON');
    expect(await planted('xml', '<auth>\n  <force>\n</auth>')).to.contain('unexpected close tag');
    expect(
      await planted('js', "import { enroll } from 'agent-enroll';\nawait enroll({ managers: 'a.example' });"),
    ).to.contain('managers');
  });

  it('finds a block without an end', () => {
    expect(() => codeBlocks('planted.md', 'text\n\n```sh\nagent-enroll\n')).to.throw('line 3 of planted.md');
  });
});
