import { readFileSync } from 'node:fs';
import { memberOf, parseJson, textOf } from '../model/json.js';

/** Set where the program is bundled: whether for a single binary, beside which no package.json lies. */
declare const AGENT_ENROLL_VERSION: string | undefined;
declare const AGENT_ENROLL_BINARY: boolean | undefined;

/** Whether this is one of the single binaries, whose runtime runs nothing but them. */
export function isBinary(): boolean {
  return typeof AGENT_ENROLL_BINARY === 'boolean' && AGENT_ENROLL_BINARY;
}

/** The version of the package that this file belongs to. */
export function programVersion(): string {
  if (typeof AGENT_ENROLL_VERSION === 'string') return AGENT_ENROLL_VERSION;
  const manifest = parseJson(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return textOf(memberOf(manifest, 'version')) ?? 'unknown';
}
