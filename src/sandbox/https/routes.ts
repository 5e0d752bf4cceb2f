import { flatRefusal, type HttpsAnswer, json, type Route } from './answers.js';
import { answerControl, answerSecret } from './control.js';
import { answerEnroll } from './enroll.js';
import type { HttpsRequest, HttpsState } from './exchange.js';

const ROUTES: Readonly<Record<Route, { readonly method: string; readonly path: string }>> = {
  probe: { method: 'GET', path: '' },
  cacerts: { method: 'GET', path: 'cacerts' },
  enroll: { method: 'POST', path: 'enroll' },
  secret: { method: 'POST', path: 'enroll/secret' },
  control: { method: 'POST', path: 'control' },
};
const ROUTE_NAMES = ['probe', 'cacerts', 'enroll', 'secret', 'control'] as const satisfies readonly Route[];
const SINCE_TOKENS: readonly Route[] = ['cacerts', 'secret'];

/** The route of a request; `undefined`: there is none, by its path, its method, or in this generation. */
export function routeOf(
  method: string,
  path: string,
  prefix: string,
  generation: HttpsState['generation'],
): Route | undefined {
  const base = prefix === '' ? '/' : `/${prefix}/`;
  const route = ROUTE_NAMES.find((name) => ROUTES[name].method === method && `${base}${ROUTES[name].path}` === path);
  return route !== undefined && generation !== 'tokens' && SINCE_TOKENS.includes(route) ? undefined : route;
}

/** What a manager answers. */
export function answerOf(route: Route, request: HttpsRequest, state: HttpsState): HttpsAnswer {
  switch (route) {
    case 'probe':
      return json(200, { status: 'ok', module: 'remoted' });
    case 'cacerts':
      return answerCacerts(state);
    case 'enroll':
      return answerEnroll(request, state);
    case 'secret':
      return answerSecret(request, state);
    case 'control':
      return answerControl(request, state);
  }
}

function answerCacerts({ publishedCa }: HttpsState): HttpsAnswer {
  const published = publishedCa();
  if (published === 'absent') return flatRefusal(404, 'not_found');
  if (published === 'mismatch') return flatRefusal(503, 'ca_mismatch');
  const { pem, generation } = published;
  const headers = { 'Content-Type': 'application/x-pem-file', 'Wazuh-CA-Generation': String(generation) };
  return { status: 200, body: pem, headers };
}
