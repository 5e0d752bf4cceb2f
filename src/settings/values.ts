import ipaddr from 'ipaddr.js';
import type { EnrollError } from '../errors.js';
import { printable } from '../model/printable.js';
import { bareHost } from '../model/zone.js';
import { looksLikeToken } from '../obtain/https/token.js';
import { describeOrigin, type Origin, RefusedSetting, type Sourced } from './origin.js';
import { isHostPlaceholder, isPlaceholder } from './placeholder.js';

/** Turns a setting's text into its value; `undefined` where it cannot be one. */
type Parser<T> = (text: string) => T | undefined;

/**
 * Parses a setting, and refuses what cannot be right with its origin named.
 * @throws EnrollError with `SETTING_INVALID`
 */
export function parseSetting<T>(text: Sourced<string>, parser: Parser<T>, expected: string): Sourced<T> {
  const value = parser(text.value.trim());
  if (value === undefined) throw refuse(text.origin, `${misfit(text.value, expected)}.`);
  return { value, origin: text.origin };
}

/**
 * Parses each part of a setting that is a list. All that cannot be right is named at once.
 * @throws EnrollError with `SETTING_INVALID`
 */
export function parseEach<T>(parts: readonly string[], origin: Origin, parser: Parser<T>, expected: string): T[] {
  const values: T[] = [];
  const misfits: string[] = [];
  for (const part of parts) {
    const value = parser(part);
    if (value === undefined) misfits.push(misfit(part, expected));
    else values.push(value);
  }
  if (misfits.length > 0) throw refuse(origin, `${misfits.join('; ')}.`);
  return values;
}

/** What is wrong with a value, in words: that it is nothing of the kind, or that nobody has filled it in. */
export function misfit(value: string, expected: string): string {
  // It is a secret, and is not repeated.
  if (looksLikeToken(value)) return `it is an enrollment token, not ${expected}`;
  const what = isPlaceholder(value) ? 'is a placeholder, not' : 'is not';
  return value.trim() === '' ? `it is empty, not ${expected}` : `"${printable(value)}" ${what} ${expected}`;
}

/** The error for a setting that cannot be right. */
export function refuse(origin: Origin, what: string, hint?: string): EnrollError {
  const details = hint === undefined ? {} : { hint };
  return new RefusedSetting(origin, 'SETTING_INVALID', `${describeOrigin(origin)}: ${what}`, details);
}

/** A port: 1 to 65535. */
export const parsePort: Parser<number> = (text) => {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port >= 1 && port <= 65535 ? port : undefined;
};

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** The longest wait that a timer can hold. */
const LONGEST_MS = 2 ** 31 - 1;

/** A length of time in milliseconds: `10` and `10s` are seconds, `500ms`, `2m`, `1h`, `1d`. */
export const parseDuration: Parser<number> = (text) => {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(text);
  if (match === null) return undefined;
  const ms = Math.round(Number(match[1]) * (UNITS[match[2] ?? 's'] ?? Number.NaN));
  return ms >= 0 && ms <= LONGEST_MS ? ms : undefined;
};

/** One of several words, in any case. */
export function oneOf<const W extends string>(...words: readonly W[]): Parser<W> {
  return (text) => words.find((word) => word === text.toLowerCase());
}

/** `yes`, `no` and their like, as ossec.conf and variables write them. */
export const parseYesNo: Parser<boolean> = (text) => {
  const word = oneOf('yes', 'no', 'true', 'false', '1', '0', 'on', 'off')(text);
  return word === undefined ? undefined : ['yes', 'true', '1', 'on'].includes(word);
};

// RFC 1123 labels; the underscore is no part of it but stands in many internal names.
const HOST_NAME =
  /^(?=.{1,253}\.?$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/;

/** A host name, an IPv4 address in four parts, or an IPv6 address (with or without brackets, a zone allowed). */
export const parseHost: Parser<string> = (text) => {
  const bare = /^\[(.*)\]$/.exec(text)?.[1];
  if (bare !== undefined) return isIpv6(bare) ? bare : undefined;
  if (text.includes(':')) return isIpv6(text) ? text : undefined;
  // All digits and dots can only be meant as an address, so it has to be one.
  if (/^[\d.]+$/.test(text)) return ipaddr.IPv4.isValidFourPartDecimal(text) ? text : undefined;
  return HOST_NAME.test(text) ? text : undefined;
};

/** Whether a text is an IPv6 address, perhaps with the zone that it belongs to (RFC 4007): a name or number of an interface. */
function isIpv6(text: string): boolean {
  const [address = '', zone, ...rest] = text.split('%');
  const hasZone = zone === undefined || /^[A-Za-z0-9._~@-]{1,64}$/.test(zone);
  return rest.length === 0 && hasZone && address.includes(':') && ipaddr.IPv6.isValid(address);
}

/**
 * As {@link parseHost}, of a host that one can connect to: no placeholder such as `MANAGER_IP` or `0.0.0.0`, and no
 * address of a group of hosts.
 */
export const parseManagerHost: Parser<string> = (text) => {
  const host = isHostPlaceholder(text) ? undefined : parseHost(text);
  return host === undefined || isOfMany(host) ? undefined : host;
};

function isOfMany(host: string): boolean {
  const address = bareHost(host);
  return ipaddr.isValid(address) && ['multicast', 'broadcast'].includes(ipaddr.process(address).range());
}

/** `HOST`, `HOST:PORT` or `[IPv6]:PORT`; the port is absent where none was given. */
export const parseHostPort: Parser<{ host: string; port?: number }> = (text) => {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(text);
  if (match === null) {
    const host = parseManagerHost(text);
    return host === undefined ? undefined : { host };
  }
  const host = parseManagerHost(match[1] ?? '');
  if (host === undefined) return undefined;
  if (match[2] === undefined) return { host };
  const port = parsePort(match[2]);
  return port === undefined ? undefined : { host, port };
};

/** SHA-256 of a public key as `sha256:` or bare, hex in any case and with or without colons, or base64 as browsers give. */
export const parsePin: Parser<string> = (text) => {
  // Base64 may begin with a slash itself, so which of them belong to the prefix shows only in what is left.
  const forms = [/^/, /^sha-?256:/i, /^sha-?256\//i, /^sha-?256\/\//i].map((prefix) => text.replace(prefix, ''));
  for (const form of forms) {
    const hex = form.replaceAll(':', '').toLowerCase();
    if (/^[0-9a-f]{64}$/.test(hex)) return hex;
    if (/^[A-Za-z0-9+/]{43}=$/.test(form)) return Buffer.from(form, 'base64').toString('hex');
  }
  return undefined;
};

/** The parts of a list as people write it: separated by commas, blanks around them dropped, empty ones left out. */
export function splitList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/**
 * The parts of a list of managers, or of their protocols: separated by commas or semicolons, and in a variable by blanks
 * too, as agents' packages take it.
 */
export function splitManagers({ value, origin }: Sourced<string>): string[] {
  // What was not filled in may have blanks of its own.
  if (isPlaceholder(value)) return [value.trim()];
  const separator = origin.kind === 'environment' ? /[\s,;]+/ : /[,;]/;
  return value
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
