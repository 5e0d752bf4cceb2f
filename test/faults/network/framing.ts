/** How long the first whole message of these bytes is; `undefined`: its end is not there yet. */
export type Framing = (bytes: Buffer) => number | undefined;

/** What goes over a connection, as far as the proxy has to know it: where requests and replies end. */
export interface Spoken {
  readonly request: Framing;
  readonly reply: Framing;
  /** Whether it is this request that the fault is for. */
  readonly isTarget: (request: Buffer) => boolean;
}

const always = () => true;

/** Whatever comes, as it comes. */
export const CHUNKS: Spoken = { request: (bytes) => bytes.length, reply: (bytes) => bytes.length, isTarget: always };

/** authd: a line, and a reply that ends with the connection. */
export const AUTHD: Spoken = {
  request: (bytes) => after(bytes, '\n'),
  reply: () => undefined,
  isTarget: always,
};

/** remoted: a length in front of each message. */
export const MESSAGES: Spoken = { request: framed, reply: framed, isTarget: always };

/** HTTP/1.1; the fault is for the request whose first line fits. */
export function http(target: RegExp): Spoken {
  return { request: message, reply: message, isTarget: (request) => target.test(request.toString('latin1')) };
}

function framed(bytes: Buffer): number | undefined {
  if (bytes.length < 4) return undefined;
  const length = 4 + bytes.readUInt32LE();
  return bytes.length < length ? undefined : length;
}

function message(bytes: Buffer): number | undefined {
  const head = after(bytes, '\r\n\r\n');
  if (head === undefined) return undefined;
  const text = bytes.subarray(0, head).toString('latin1');
  if (/^transfer-encoding: *chunked/im.test(text)) {
    const body = after(bytes.subarray(head), '0\r\n\r\n');
    return body === undefined ? undefined : head + body;
  }
  const length = head + Number(/^content-length: *(\d+)/im.exec(text)?.[1] ?? 0);
  return bytes.length < length ? undefined : length;
}

function after(bytes: Buffer, mark: string): number | undefined {
  const found = bytes.indexOf(mark);
  return found < 0 ? undefined : found + mark.length;
}

/** Cuts a stream into messages. */
export class Cutter {
  readonly #framing: Framing;
  readonly #take: (whole: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(framing: Framing, take: (whole: Buffer) => void) {
    this.#framing = framing;
    this.#take = take;
  }

  push(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const length = this.#rest.length === 0 ? undefined : this.#framing(this.#rest);
      if (length === undefined) return;
      const whole = this.#rest.subarray(0, length);
      this.#rest = this.#rest.subarray(length);
      this.#take(whole);
    }
  }

  /** The stream has ended: what is left is a message too. */
  end(): void {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    if (rest.length > 0) this.#take(rest);
  }
}
