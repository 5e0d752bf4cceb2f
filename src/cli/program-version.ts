import { readFileSync } from 'node:fs';

/** Set where the program is bundled to one file, beside which no package.json lies. */
declare const AGENT_ENROLL_VERSION: string | undefined;

/** The version of the package that this file belongs to. */
export function programVersion(): string {
  if (typeof AGENT_ENROLL_VERSION === 'string') return AGENT_ENROLL_VERSION;
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) return String(manifest.version);
  return 'unknown';
}
