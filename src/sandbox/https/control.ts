import { isObject, memberOf, parseJson } from '../../model/json.js';
import { type AgentState, viewOf } from '../agent-table.js';
import { isNewer } from '../versions.js';
import { flatRefusal, type HttpsAnswer, json, NO_DATABASE } from './answers.js';
import { authenticateAgent } from './authentication.js';
import { newSecret } from './enroll.js';
import { type HttpsRequest, type HttpsState, headerOf } from './exchange.js';

/** `POST /control`: what an agent says of itself. An unknown type leaves nothing behind, and asks no database (Wazuh 5.0). */
export function answerControl(request: HttpsRequest, state: HttpsState): HttpsAnswer {
  const fault = faultOf(request);
  if (fault !== undefined) return fault;
  const authenticated = authenticateAgent('control', request, state);
  if (!authenticated.ok) return authenticated.answer;
  const id = authenticated.who;
  const message = parseJson(request.body ?? '');
  if (!isObject(message)) return flatRefusal(400, 'invalid_json');
  switch (memberOf(message, 'type')) {
    case 'startup':
      return withDatabase(state, () => startUp(id, memberOf(message, 'version'), state));
    case 'shutdown':
      return withDatabase(state, () => {
        enter(id, 'disconnected', state);
        return json(200, {});
      });
    case 'notify':
      return withDatabase(state, () => {
        enter(id, 'active', state);
        return json(200, { tasks: [] });
      });
    default:
      return flatRefusal(400, 'unknown_message_type');
  }
}

/** `POST /enroll/secret`: a re-enrollment secret for an agent whose key is good; the key stays as it is. */
export function answerSecret(request: HttpsRequest, state: HttpsState): HttpsAnswer {
  const fault = faultOf(request);
  if (fault !== undefined) return fault;
  const authenticated = authenticateAgent('secret', request, state);
  if (!authenticated.ok) return authenticated.answer;
  const id = authenticated.who;
  const agent = state.store.get(id);
  // remoted may still have the key of an agent that authd has removed.
  if (agent === undefined) return flatRefusal(503, 'authd_unavailable');
  state.emit({ type: 'secret issued', agent: viewOf(agent) });
  return json(200, { id, reenroll_secret: newSecret(id, state).reveal() });
}

function faultOf(request: HttpsRequest): HttpsAnswer | undefined {
  if (request.body === undefined) return flatRefusal(413, 'payload_too_large');
  if (headerOf(request, 'protocol-version') !== '1') return flatRefusal(400, 'invalid_protocol_version');
  return request.headers['content-encoding'] === undefined ? undefined : flatRefusal(415, 'unsupported_encoding');
}

function withDatabase({ databaseUp, generation }: HttpsState, answer: () => HttpsAnswer): HttpsAnswer {
  if (databaseUp) return answer();
  return generation === 'tokens' ? NO_DATABASE : flatRefusal(500, 'database_error');
}

// The version is kept also where it is refused.
function startUp(id: string, version: unknown, state: HttpsState): HttpsAnswer {
  const text = typeof version === 'string' ? version : '';
  state.versions.set(id, text);
  if (!/^v\d+\.\d+\.\d+/.test(text) || isNewer(text, state.version)) {
    return flatRefusal(state.generation === 'tokens' ? 409 : 400, 'invalid_version');
  }
  enter(id, 'pending', state);
  const groups = state.store.get(id)?.groups ?? [];
  const agent = { groups: groups.length > 0 ? groups : ['default'] };
  return json(200, { agent, cluster: { name: 'wazuh' }, limits: {} });
}

function enter(id: string, to: AgentState, { store, emit }: HttpsState): void {
  const entered = store.setState(id, to);
  if (entered === undefined || entered.before === to) return;
  emit({ type: 'state', agent: viewOf(entered.agent), before: entered.before });
}
