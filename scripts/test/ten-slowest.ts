import Mocha, { type MochaOptions, type Runner, type Test } from 'mocha';

const COUNT = 10;

/** What mocha prints, and then the tests that took longest: a slow test is something to mend. */
export default class TenSlowest extends Mocha.reporters.Spec {
  constructor(runner: Runner, options?: MochaOptions) {
    super(runner, options);
    const ended: { readonly title: string; readonly file: string; readonly ms: number }[] = [];
    const note = (test: Test) =>
      ended.push({ title: test.titlePath().join(': '), file: test.file ?? '', ms: test.duration ?? 0 });
    runner.on('pass', note);
    runner.on('fail', note);
    runner.on('end', () => {
      console.log('  The slowest:\n');
      for (const { title, file, ms } of ended.toSorted((a, b) => b.ms - a.ms).slice(0, COUNT)) {
        console.log(
          `  ${(ms / 1000).toFixed(1).padStart(6)} s  ${file.replace(/^.*[/\\](?=test[/\\])/, '')}: ${title}`,
        );
      }
      console.log();
    });
  }
}
