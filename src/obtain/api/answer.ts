import { isObject, listOf, memberOf, objectOf, textOf } from '../../model/json.js';

/** One failure out of a list that was asked for. */
export interface Failure {
  readonly code: number;
  readonly said: string;
  readonly ids: readonly string[];
}

/** What an API answered, once HTTP and JSON are taken off. */
export type Answer =
  /** It did it, or a part of it: what it did not is in `failed`. */
  | { readonly kind: 'done'; readonly data: unknown; readonly failed: readonly Failure[] }
  /** It did not. `code` is absent on schema refusals, 401, an unknown route and 405 (4.x). */
  | { readonly kind: 'refused'; readonly status: number; readonly code?: number; readonly said: string }
  /** It is not an answer of this API. */
  | { readonly kind: 'foreign'; readonly status: number };

/** An answer that is one of this API. */
export type KnownAnswer = Exclude<Answer, { kind: 'foreign' }>;

/** Why a call was not done, or a part of it. */
export interface Fault {
  /** That of HTTP; absent where one thing of a list was not done. */
  readonly status?: number;
  readonly code?: number;
  readonly said: string;
}

/** What an answer comes to: what it brings, and the first thing that was not done. */
export interface Outcome {
  readonly data: unknown;
  readonly fault: Fault | undefined;
}

/** The outcome of a call that is for one agent or one group. */
export function outcomeOf(answer: KnownAnswer): Outcome {
  if (answer.kind === 'refused') return { data: undefined, fault: answer };
  return { data: answer.data, fault: answer.failed[0] };
}

/**
 * Reads an answer.
 *
 * The HTTP status alone says little: 3.x puts the refusals of its framework into HTTP 200 with an `error` other than 0,
 * and the lists of 4.x come as HTTP 200 with `error` 1 (all failed) or 2 (some) and the codes in `data.failed_items`.
 * Where 3.x works on agents one by one, its error is 0 even then, and the codes are in `data.failed_ids`.
 */
export function readAnswer(status: number, body: unknown): Answer {
  if (!isObject(body)) return status >= 400 ? { kind: 'refused', status, said: '' } : { kind: 'foreign', status };
  const error = code(body['error']);
  if (status === 200) {
    const failed = failuresOf(body['data']);
    if (error === 0 || ((error === 1 || error === 2) && failed.length > 0)) {
      return { kind: 'done', data: body['data'], failed };
    }
    if (error === undefined) return { kind: 'foreign', status };
  }
  if (status < 400 && status !== 200) return { kind: 'foreign', status };
  return { kind: 'refused', status, said: saidBy(body), ...(error === undefined ? {} : { code: error }) };
}

/** The entries of a list answer: `affected_items` of 4.x, `items` of 3.x. */
export function itemsOf(data: unknown): readonly unknown[] {
  const { affected_items: affected, items } = objectOf(data);
  return listOf(affected ?? items);
}

function failuresOf(data: unknown): Failure[] {
  const { failed_items: items, failed_ids: ofOne } = objectOf(data);
  return listOf(items ?? ofOne).map((item) => {
    const { error, id } = objectOf(item);
    return {
      code: code(memberOf(error, 'code')) ?? 0,
      said: textOf(memberOf(error, 'message')) ?? '',
      ids: (typeof id === 'string' ? [id] : listOf(id)).filter((one) => typeof one === 'string'),
    };
  });
}

// problem+json of 4.x, `message` of 3.x.
function saidBy(body: Readonly<Record<string, unknown>>): string {
  const detail = textOf(body['detail']) ?? textOf(body['message']);
  const parts = [detail ?? textOf(body['title']), textOf(body['remediation'])];
  return parts.filter((part) => part !== undefined && part !== '').join('. ');
}

// A code, which 3.x sometimes writes as a text (`"607"`).
function code(value: unknown): number | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  return typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : undefined;
}
