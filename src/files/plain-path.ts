import { isAbsolute, resolve, sep } from 'node:path';

/**
 * Paths that are plain already, as almost all are, put together without going through them by character: every look at a
 * file takes several, and V8 would take node:path for worth compiling once more.
 */

/** An absolute path without empty names, `.` and `..`: what `resolve` makes of it. */
export function absolutePath(path: string): string {
  return sep === '/' && isAbsolute(path) && path.split('/').slice(1).every(isPlain) ? path : resolve(path);
}

/** The path of a name, of one word, in a directory whose own path is absolute. */
export function pathBelow(directory: string, name: string): string {
  if (sep !== '/' || !isPlain(name)) return resolve(directory, name);
  return directory.endsWith('/') ? `${directory}${name}` : `${directory}/${name}`;
}

function isPlain(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..';
}
