import type { EnrollError } from '../../errors.js';

/**
 * What `check` looks at, in the order in which one thing leads to the next: the first cross names the cause, and what
 * only follows from it is not looked at.
 */
export const CHECK_IDS = [
  'key-file',
  'key-access',
  'machine',
  'ossec-conf',
  'manager-name',
  'route',
  'agent-port',
  'remoted',
  'address',
  'version',
  'counter',
  'key',
  'daemon',
  'agent-log',
  'enrollment',
  'api',
  'clock',
] as const;

/** What one check is about. */
export type CheckId = (typeof CHECK_IDS)[number];

/** What one look has found. */
export interface Check {
  readonly id: CheckId;
  /** `null`: it could not be looked at, or tells nothing here; `detail` says why. */
  readonly ok: boolean | null;
  /** What was seen, in sentences. */
  readonly detail: string;
  /** What to do about it. */
  readonly hint?: string;
}

/** A check, with what the run ends with for it. */
export interface Finding extends Check {
  /** Absent: the link may work all the same. */
  readonly error?: EnrollError;
}

/** It is as it should be. */
export function right(id: CheckId, detail: string): Finding {
  return { id, ok: true, detail };
}

/** It is wrong, and the link may work all the same. */
export function wrong(id: CheckId, detail: string, hint: string): Finding {
  return { id, ok: false, detail, hint };
}

/** It is wrong, and the run ends with it. */
export function broken(id: CheckId, error: EnrollError): Finding {
  return { id, ok: false, detail: error.message, hint: error.hint, error };
}

/** It was not looked at, or tells nothing; `error`: and the run ends with that. */
export function untold(id: CheckId, detail: string, error?: EnrollError): Finding {
  return { id, ok: null, detail, ...(error === undefined ? {} : { hint: error.hint, error }) };
}

/** The findings as they are shown: in order, without what they end the run with. */
export function inOrder(findings: readonly Finding[]): readonly Check[] {
  return CHECK_IDS.flatMap((id) => {
    const found = findings.find((finding) => finding.id === id);
    if (found === undefined) return [];
    const { ok, detail, hint } = found;
    return [{ id, ok, detail, ...(hint === undefined ? {} : { hint }) }];
  });
}

/** What the run ends with; `undefined`: the manager answered this key. */
export function endOf(findings: readonly Finding[]): EnrollError | undefined {
  for (const id of CHECK_IDS) {
    const error = findings.find((finding) => finding.id === id)?.error;
    if (error !== undefined) return error;
  }
  return undefined;
}
