import { EnrollError, type ErrorCode, type ErrorDetails } from '../errors.js';

/** Where a setting comes from. */
export type Origin =
  /** `given`: in an object by a program that uses the library; absent: among the arguments. */
  | { readonly kind: 'flag'; readonly name: string; readonly given?: 'in memory' }
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'credential'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string; readonly line?: number }
  | { readonly kind: 'default' };

/** Of a value that nobody gave. */
export const DEFAULT_ORIGIN: Origin = { kind: 'default' };

/** A value that knows its origin. */
export interface Sourced<T> {
  readonly value: T;
  readonly origin: Origin;
}

/** The origin in words, as `detect` and errors show it. */
export function describeOrigin(origin: Origin): string {
  switch (origin.kind) {
    case 'flag':
      return origin.given === undefined ? `--${origin.name}` : `the option ${origin.name}`;
    case 'environment':
      return origin.name;
    case 'credential':
      return `systemd credential ${origin.path}`;
    case 'file':
      return origin.line === undefined ? origin.path : `${origin.path}, line ${origin.line}`;
    case 'default':
      return 'default';
  }
}

/** The refusal of a value, that knows whose word it was. */
export class RefusedSetting extends EnrollError {
  readonly origin: Origin;

  constructor(origin: Origin, code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(code, message, details);
    this.origin = origin;
  }
}

/** What a reader throws that knows its field but not where the text stands, with the origin in front. */
export function withOrigin(origin: Origin, thrown: unknown): unknown {
  if (!(thrown instanceof EnrollError)) return thrown;
  const { code, message, hint } = thrown;
  return new RefusedSetting(origin, code, `${describeOrigin(origin)}: ${message}`, { hint, cause: thrown });
}

/** As {@link withOrigin}, for an error that names its place by itself. */
export function ofOrigin(origin: Origin, thrown: unknown): unknown {
  if (!(thrown instanceof EnrollError)) return thrown;
  const { code, message, hint } = thrown;
  return new RefusedSetting(origin, code, message, { hint, cause: thrown });
}

/** Whether every user of this host can read it in the process list. */
export function isInProcessList(origin: Origin): boolean {
  return origin.kind === 'flag' && origin.given === undefined;
}
