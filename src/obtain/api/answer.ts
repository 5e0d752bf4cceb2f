import { code, fields, isFields, list, text } from './shape.js';

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

/**
 * Reads an answer.
 *
 * The HTTP status alone says little: 3.x puts the refusals of its framework into HTTP 200 with an `error` other than 0,
 * and the lists of 4.x come as HTTP 200 with `error` 1 (all failed) or 2 (some) and the codes in `data.failed_items`.
 */
export function readAnswer(status: number, body: unknown): Answer {
  if (!isFields(body)) return status >= 400 ? { kind: 'refused', status, said: '' } : { kind: 'foreign', status };
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
  const { affected_items: affected, items } = fields(data);
  return list(affected ?? items);
}

function failuresOf(data: unknown): Failure[] {
  return list(fields(data)['failed_items']).map((item) => {
    const { error, id } = fields(item);
    return {
      code: code(fields(error)['code']) ?? 0,
      said: text(fields(error)['message']) ?? '',
      ids: list(id).filter((one) => typeof one === 'string'),
    };
  });
}

// problem+json of 4.x, `message` of 3.x.
function saidBy(body: Readonly<Record<string, unknown>>): string {
  const detail = text(body['detail']) ?? text(body['message']);
  const parts = [detail ?? text(body['title']), text(body['remediation'])];
  return parts.filter((part) => part !== undefined && part !== '').join('. ');
}
