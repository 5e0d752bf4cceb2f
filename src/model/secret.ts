import { inspect } from 'node:util';

const HIDDEN = '[secret]';

/**
 * A password or key that cannot be printed by accident: converted to a string, to JSON, or shown by `console.log`
 * it reads "[secret]". Only `reveal()` gives the text, so a search for that word finds every use.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
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
