import { randomBytes } from 'node:crypto';
import { Secret } from '../../model/secret.js';
import { type Agent, viewOf } from '../agent-table.js';
import { authdRefusal, enrollRefusal, type HttpsAnswer, json, rateLimited } from './answers.js';
import { authenticateEnrollment, type Enrolling } from './authentication.js';
import { type EnrollRequest, readEnrollRequest } from './enroll-request.js';
import { type HttpsRequest, type HttpsState, headerOf } from './exchange.js';

const LONGEST_ID = 99_999_999;

/** `POST /enroll`: a key for a host that may have one, in the order in which a manager looks (Wazuh 5.0). */
export function answerEnroll(request: HttpsRequest, state: HttpsState): HttpsAnswer {
  if (!state.limit.take()) return rateLimited('enroll');
  const { body } = request;
  if (body === undefined) return enrollRefusal(413, 0, 'Request body too large');
  if (headerOf(request, 'protocol-version') === undefined) {
    return enrollRefusal(400, 0, 'Missing required header: protocol-version');
  }
  if (headerOf(request, 'protocol-version') !== '1') return enrollRefusal(400, 0, 'Unsupported protocol-version');
  if (request.headers['content-encoding'] !== undefined) return enrollRefusal(415, 0, 'Unsupported Content-Encoding');
  if (state.mode === 'disabled') return enrollRefusal(403, 0, 'Enrollment is disabled on this manager');
  const authenticated = authenticateEnrollment(request, state);
  if (!authenticated.ok) return authenticated.answer;
  const read = readEnrollRequest(body, request.source, state);
  if (!read.ok) return read.answer;
  const { who } = authenticated;
  return who.by === 're-enrollment secret' ? rotate(who.agent, read.wanted, state) : register(who, read.wanted, state);
}

/** A new re-enrollment secret of an agent; the one before is void. */
export function newSecret(id: string, { secrets }: HttpsState): Secret {
  const secret = new Secret(randomBytes(32).toString('hex'));
  secrets.set(id, secret);
  return secret;
}

function register(who: Enrolling, wanted: EnrollRequest, state: HttpsState): HttpsAnswer {
  const { store, tokens, emit, agentLimit } = state;
  // The use of a token is counted by authd alone, which says so in its own way.
  if (who.by === 'token' && who.token.uses < 1) return authdRefusal(9024);
  if (store.list().length >= agentLimit) return authdRefusal(9013);
  const outcome = store.register(wanted);
  if (!outcome.ok) return authdRefusal(outcome.why === 'duplicate IP' ? 9007 : 9008);
  const { agent, replaced } = outcome;
  if (who.by === 'token') tokens.spend(who.token.id);
  for (const old of replaced) {
    state.secrets.delete(old.id);
    emit({ type: 'replaced', agent: viewOf(agent), old: viewOf(old) });
  }
  emit({ type: 'registered', agent: viewOf(agent) });
  return issued(agent, state);
}

// The id stays, the key and the secret are new; the rules for duplicates are not asked about the agent itself.
function rotate(agent: Agent, { name, ip, groups }: EnrollRequest, state: HttpsState): HttpsAnswer {
  const { store, emit } = state;
  if (Number(agent.id) > LONGEST_ID) return authdRefusal(9027);
  const others = store.list().filter(({ id }) => id !== agent.id);
  if (ip !== 'any' && others.some((other) => other.ip === ip)) return authdRefusal(9007);
  if (others.some((other) => other.name === name)) return authdRefusal(9008);
  const now = store.rotate(agent.id, { name, ip, groups });
  if (now === undefined) return authdRefusal(9001);
  emit({ type: 'rotated', agent: viewOf(now) });
  return issued(now, state);
}

function issued({ record: { id, ip, key, name } }: Agent, state: HttpsState): HttpsAnswer {
  const secret = state.generation === 'tokens' ? { reenroll_secret: newSecret(id, state).reveal() } : {};
  return json(200, { id, ip, key: key.reveal(), name, ...secret });
}
