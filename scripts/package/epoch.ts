import { ROOT } from './config.js';
import { run } from './run.js';

/**
 * The time that all files in the packages bear, in seconds since 1970: `SOURCE_DATE_EPOCH`, else that of the commit that
 * is checked out.
 * @returns why there is none, where it is neither set nor a commit is there
 */
export async function sourceDate(): Promise<number | string> {
  const set = process.env['SOURCE_DATE_EPOCH'];
  if (set !== undefined) {
    return /^\d{1,11}$/.test(set) ? Number(set) : `SOURCE_DATE_EPOCH=${set} is no number of seconds`;
  }
  try {
    return Number(await run('git', ['log', '-1', '--format=%ct'], { cwd: ROOT }));
  } catch {
    return 'no commit is checked out here to take the time from; set SOURCE_DATE_EPOCH';
  }
}
