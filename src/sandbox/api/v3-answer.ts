import type { SandboxEvent } from '../sandbox-events.js';
import type { ApiAnswer, ApiRequest, ApiState } from './exchange.js';

/** A request of the 3.x API that was let in. */
export interface V3Call {
  readonly request: ApiRequest;
  readonly state: ApiState;
}

const HEADERS = { 'x-powered-by': 'Express', 'content-type': 'application/json; charset=utf-8' };

/** It was done: HTTP 200, error 0. */
export function done(data: unknown, events: readonly SandboxEvent[] = []): ApiAnswer {
  return { status: 200, headers: HEADERS, body: { error: 0, data }, events };
}

/** The framework behind the API refused: HTTP 200 all the same (3.13). */
export function framework(code: number, message: string): ApiAnswer {
  return { status: 200, headers: HEADERS, body: { error: code, message }, code };
}

/** The API itself refused. Code 607 is a string there (3.13). */
export function fault(status: 400 | 404, code: number, message: string): ApiAnswer {
  return { status, headers: HEADERS, body: { error: code === 607 ? '607' : code, message }, code };
}
