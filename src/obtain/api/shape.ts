/** A JSON object whose members are still unknown. */
export type Fields = Readonly<Record<string, unknown>>;

/** The value as a JSON object; an empty one where it is none. */
export function fields(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** Whether a value is a JSON object: no array, no null. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value as an array; an empty one where it is none. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value where it is a text, else `undefined`. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A code, which 3.x sometimes writes as a text (`"607"`); `undefined` where the value is none. */
export function code(value: unknown): number | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  return typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : undefined;
}
