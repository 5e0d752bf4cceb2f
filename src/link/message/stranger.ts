import { printable } from '../../model/printable.js';
import type { Service, Stranger } from '../link-evidence.js';

/** How many of the first bytes of a stranger are looked at, at most. */
export const FIRST_BYTES = 256;

const SHOWN = 80;
/** Change of cipher, alert, handshake, application data. */
const TLS_RECORDS: readonly number[] = [0x14, 0x15, 0x16, 0x17];

/** What answers, by its first bytes, which are not those of a message. */
export function strangerOf(bytes: Uint8Array): Stranger {
  const text = Buffer.from(bytes.subarray(0, FIRST_BYTES)).toString('latin1');
  const service = serviceOf(bytes, text);
  const said = printable(text.replace(/[\r\n].*/s, '')).slice(0, SHOWN);
  return { service, ...(service === 'tls' || service === 'unknown' || said === '' ? {} : { said }) };
}

function serviceOf(bytes: Uint8Array, text: string): Service {
  if (isTlsRecord(bytes)) return 'tls';
  if (text.startsWith('SSH-')) return 'ssh';
  // Web servers leave out the status line where they take a request for one of HTTP 0.9.
  if (text.startsWith('HTTP/') || /^\s*<(!doctype html|html|head)\b/i.test(text)) return 'http';
  return /^[\x20-\x7e]{4,}(\r?\n|$)/.test(text) ? 'text' : 'unknown';
}

function isTlsRecord([type, major, minor]: Uint8Array): boolean {
  return type !== undefined && TLS_RECORDS.includes(type) && major === 3 && minor !== undefined && minor <= 4;
}
