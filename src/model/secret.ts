import { inspect } from 'node:util';

const HIDDEN = '[secret]';

/**
 * A password or key, as text or as bytes, that cannot be printed by accident: converted to a string, to JSON, or shown
 * by `console.log` it reads "[secret]", and a copy by `structuredClone` holds nothing. Only `reveal()` gives what it
 * holds, so a search for that word finds every use.
 */
export class Secret<T extends string | Uint8Array = string> {
  // Private to the language and not to the compiler alone: no inspector option, clone or list of keys reaches it.
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}

/** The bytes of a secret; of a text its UTF-8. */
export function bytesOf(secret: Secret<string | Uint8Array>): Uint8Array {
  const value = secret.reveal();
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
}
