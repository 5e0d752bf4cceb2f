import type { CipherSetting } from '../link/message/candidates.js';
import type { CommandName, OptionName } from './options.js';
import { DEFAULT_ORIGIN, type Sourced } from './origin.js';
import type { Settings } from './settings.js';
import { type Shown, shownDuration } from './shown.js';
import type { Sources } from './sources.js';
import { oneOf, parseDuration, parseSetting, refuse } from './values.js';

type RunSettings = Pick<
  Settings,
  | 'cipher'
  | 'deadlineMs'
  | 'force'
  | 'handshake'
  | 'machineBinding'
  | 'reenroll'
  | 'retries'
  | 'splayMs'
  | 'timeoutMs'
  | 'waitMs'
  | 'writeConfig'
>;

/**
 * How a run goes: what it does and leaves out, and how long each part of it may take.
 * @throws EnrollError with `SETTING_INVALID`, the origin named
 */
export function readRunning(
  sources: Sources,
  command: CommandName,
): { readonly settings: RunSettings; readonly shown: Shown } {
  const timeout = duration(sources, 'timeout', '10s');
  const wait = duration(sources, 'wait', command === 'check' ? '15s' : '60s');
  const cipher = readCipher(sources);
  const deadlineMs = readDeadline(sources);
  return {
    settings: {
      cipher: cipher.value,
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      force: sources.switch('force')?.value ?? false,
      handshake: proves(sources),
      machineBinding: sources.switch('machine-binding')?.value ?? true,
      reenroll: readReenroll(sources),
      retries: readRetries(sources),
      splayMs: readSplay(sources, deadlineMs),
      timeoutMs: timeout.value,
      waitMs: wait.value,
      writeConfig: sources.switch('write-config')?.value ?? false,
    },
    shown: [
      ['cipher', cipher],
      ['timeout', shownDuration(timeout)],
      ['wait', shownDuration(wait)],
    ],
  };
}

/** Whether the run ends with a proof of the link. */
export function proves(sources: Sources): boolean {
  return sources.switch('handshake')?.value ?? true;
}

/**
 * How long the whole run may take, in milliseconds; `undefined`: as long as it takes. It is asked for before all else,
 * because it holds for the reading of the settings as well.
 *
 * @throws EnrollError with `SETTING_INVALID`
 */
export function readDeadline(sources: Sources): number | undefined {
  return sources.text('deadline') === undefined ? undefined : duration(sources, 'deadline', '').value;
}

function readReenroll(sources: Sources): Settings['reenroll'] {
  const text = sources.text('reenroll') ?? { value: 'certain', origin: DEFAULT_ORIGIN };
  return parseSetting(text, oneOf('certain', 'likely', 'never'), 'certain, likely or never').value;
}

function readSplay(sources: Sources, deadlineMs: number | undefined): number {
  const { value, origin } = duration(sources, 'splay', '0s', { zero: true });
  if (deadlineMs !== undefined && deadlineMs <= value) {
    throw refuse(
      origin,
      `a host whose turn comes after ${value / 1000} s would have none left of --deadline (${deadlineMs / 1000} s).`,
      'Give a deadline that is longer than the splay.',
    );
  }
  return value;
}

function readCipher(sources: Sources): Sourced<CipherSetting> {
  const given = sources.text('cipher') ?? sources.cryptoMethod;
  if (given === undefined) return { value: 'auto', origin: DEFAULT_ORIGIN };
  return parseSetting(given, oneOf('auto', 'aes', 'blowfish'), 'auto, aes or blowfish');
}

function readRetries(sources: Sources): number {
  const text = sources.text('retries') ?? { value: '3', origin: DEFAULT_ORIGIN };
  const whole = (word: string) => (/^\d{1,4}$/.test(word) ? Number(word) : undefined);
  return parseSetting(text, whole, 'a number (0 to 9999)').value;
}

function duration(sources: Sources, name: OptionName, otherwise: string, allowed = { zero: false }): Sourced<number> {
  const text = sources.text(name) ?? { value: otherwise, origin: DEFAULT_ORIGIN };
  const parsed = parseSetting(text, parseDuration, 'a length of time (10, 10s, 500ms, 2m)');
  if (parsed.value === 0 && !allowed.zero) throw refuse(text.origin, 'it must be longer than 0.');
  return parsed;
}
