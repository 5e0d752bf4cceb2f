import { readFileSync } from 'node:fs';

const FILES = ['ossec', 'wazuh4', 'wazuh5', 'wazuh5-conf', 'rest-api'] as const;
/** What is longer is a page of a manual, and no message. */
const LONGEST = 16_384;

/** What real managers and agents have said and written, as far as it fits: each text of the recordings once. */
export function recorded(fits: RegExp): readonly Buffer[] {
  const found = FILES.flatMap((file) => {
    const parsed: unknown = JSON.parse(readFileSync(new URL(`../vectors/${file}.json`, import.meta.url), 'utf8'));
    return [...textsIn(parsed)];
  });
  const texts = [...new Set(found)].filter((text) => text.length <= LONGEST && fits.test(text));
  if (texts.length === 0) throw new Error(`Nothing that is recorded fits ${fits}.`);
  return texts.map((text) => Buffer.from(text));
}

/** Answers of managers that are JSON objects, also where the recordings hold them unpacked. */
export function recordedObjects(fits: RegExp): readonly Buffer[] {
  const found = FILES.flatMap((file) => {
    const parsed: unknown = JSON.parse(readFileSync(new URL(`../vectors/${file}.json`, import.meta.url), 'utf8'));
    return [...objectsIn(parsed)].map((object) => JSON.stringify(object));
  });
  const texts = [...new Set(found)].filter((text) => text.length <= LONGEST && fits.test(text));
  return [...texts.map((text) => Buffer.from(text)), ...recorded(/^\s*\{/)];
}

function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) yield* textsIn(part);
}

function* objectsIn(value: unknown): Generator<object> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value;
  for (const part of Object.values(value)) yield* objectsIn(part);
}
