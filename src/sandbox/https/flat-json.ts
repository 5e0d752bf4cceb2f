const STRING = String.raw`"(?:[^"\\\u0000-\u001f]|\\.)*"`;
const MEMBER = new RegExp(String.raw`\s*(${STRING})\s*:\s*(${STRING}|-?(?:0|[1-9]\d*))\s*(,|$)`, 'y');

/**
 * The members of a JSON object that holds texts and whole numbers alone; `undefined` for everything else, and for a
 * member that is there twice. Unlike `JSON.parse` it tells `1` from `1.0`.
 */
export function flatObject(text: string): ReadonlyMap<string, string | number> | undefined {
  const inner = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1];
  if (inner === undefined) return undefined;
  const members = new Map<string, string | number>();
  MEMBER.lastIndex = 0;
  for (;;) {
    const match = MEMBER.exec(inner);
    if (match === null) return undefined;
    const [, name = '', value = '', comma] = match;
    const [key, held] = [parsed(name), parsed(value)];
    if (typeof key !== 'string' || members.has(key)) return undefined;
    if (typeof held !== 'string' && !Number.isSafeInteger(held)) return undefined;
    if (typeof held === 'string' || typeof held === 'number') members.set(key, held);
    if (comma === '') return members;
    if (comma === undefined) return undefined;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // An escape that JSON does not have.
    return undefined;
  }
}
