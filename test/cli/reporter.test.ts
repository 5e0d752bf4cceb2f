import { Writable } from 'node:stream';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { createReporter } from '../../src/cli/create-reporter.js';
import { PlainReporter } from '../../src/cli/plain-reporter.js';

/** The reporter for a terminal of so many columns. */
function reporterFor(columns: number) {
  const stream = () => new Writable({ write: (_chunk, _encoding, done) => done() });
  const printing = { interactive: true, color: false, json: false, quiet: false, verbose: false };
  return createReporter({ out: stream(), err: stream(), columns, ...printing });
}

describe('the reporter', () => {
  it('is one with a spinner on a terminal', async () => {
    expect(await reporterFor(80)).not.to.be.instanceOf(PlainReporter);
  });
  it('is a plain one on a terminal without a width, where clearing lines would never end', async () => {
    expect(await reporterFor(0)).to.be.instanceOf(PlainReporter);
  });
});
