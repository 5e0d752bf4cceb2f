/** The head of a proxy's answer to CONNECT. */
export interface ConnectHead {
  readonly status: number;
  /** The words behind the status, as they came. */
  readonly reason: string;
  /** The schemes of `Proxy-Authenticate`, such as `Basic` or `Negotiate`. */
  readonly schemes: readonly string[];
  /** How many bytes it takes, the interim answers (1xx) before it and the empty line included. */
  readonly length: number;
}

const END = '\r\n\r\n';

/**
 * Reads the head of an answer to CONNECT from the bytes so far (RFC 9112 §4 and §5). A body is none of its business: an
 * answer that grants the connection has none, whatever its headers say (RFC 9110 §9.3.6).
 *
 * @returns `undefined` while more is needed
 */
export function headOf(bytes: Uint8Array): ConnectHead | 'not http' | undefined {
  const text = Buffer.from(bytes).toString('latin1');
  for (let start = 0; ; ) {
    const opening = text.slice(start, start + 5);
    if (!'HTTP/'.startsWith(opening)) return 'not http';
    const end = text.indexOf(END, start);
    const line = /^HTTP\/1\.\d (\d{3})(?: ([^\r\n]*))?\r\n/.exec(text.slice(start, end === -1 ? undefined : end + 2));
    if (end === -1) return line === null && text.indexOf('\n', start) !== -1 ? 'not http' : undefined;
    if (line === null) return 'not http';
    const length = end + END.length;
    const status = Number(line[1]);
    if (status < 100) return 'not http';
    if (status >= 200) {
      return { status, reason: line[2] ?? '', schemes: schemesOf(text.slice(start + line[0].length, end)), length };
    }
    start = length;
  }
}

function schemesOf(headers: string): string[] {
  const schemes = headers
    .split('\r\n')
    .map((header) => /^proxy-authenticate:[ \t]*([A-Za-z0-9!#$%&'*+.^_`|~-]{1,40})/i.exec(header)?.[1])
    .filter((scheme) => scheme !== undefined);
  return [...new Set(schemes)].slice(0, 8);
}
