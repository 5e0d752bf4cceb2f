import { type ApiAnswer, type ApiRequest, matchRoute, segmentsOf } from './exchange.js';
import { list, readKey } from './v4-agents.js';
import { badRequest, docsOf, done, plain, problem, type V4Call, type V4State } from './v4-answer.js';
import { assign, createGroup, listGroups } from './v4-groups.js';
import { addAgent, insertAgent, insertQuick } from './v4-register.js';
import { remove } from './v4-remove.js';

interface Route {
  readonly method: string;
  readonly path: string;
  /** Parameters of the query that it takes, beside those that every route takes. */
  readonly query?: readonly string[];
  run(call: V4Call, values: readonly string[]): ApiAnswer;
}

const LOGIN = '/security/user/authenticate';
const EVERYWHERE = ['pretty', 'wait_for_complete'];

const ROUTES: readonly Route[] = [
  { method: 'GET', path: '/', run: ({ state }) => done({ data: serverInfo(state) }) },
  {
    method: 'GET',
    path: '/agents',
    query: ['agents_list', 'offset', 'limit', 'select', 'search', 'status', 'name', 'ip', 'registerIP', 'group'],
    run: list,
  },
  { method: 'POST', path: '/agents', run: addAgent },
  { method: 'DELETE', path: '/agents', query: ['agents_list', 'status', 'older_than', 'purge', 'name'], run: remove },
  { method: 'POST', path: '/agents/insert', run: insertAgent },
  { method: 'POST', path: '/agents/insert/quick', query: ['agent_name'], run: insertQuick },
  { method: 'GET', path: '/agents/:id/key', run: readKey },
  { method: 'PUT', path: '/agents/:id/group/:group', query: ['force_single_group'], run: assign },
  { method: 'GET', path: '/groups', query: ['groups_list'], run: listGroups },
  { method: 'POST', path: '/groups', run: createGroup },
];

/** The 4.x API, as 4.14.7 answers: the limit first, then the block of logins, the route, the token, the request. */
export function answerV4(request: ApiRequest, state: V4State): ApiAnswer {
  if (!state.requests.take()) {
    return problem(429, 'Too Many Requests', 'Maximum number of requests per minute reached', {
      code: 6001,
      remediation: `This limit can be changed in api.yaml file. More information here: ${docsOf(state.version)}/user-manual/api/configuration.html#configuration-file`,
    });
  }
  if (request.path === LOGIN) return logIn(request, state);
  const segments = segmentsOf(request.path) ?? [];
  const fitting = ROUTES.flatMap((route) => {
    const values = matchRoute(route.path, segments);
    return values === undefined ? [] : [{ route, values }];
  });
  if (fitting.length === 0) return problem(404, 'Not Found', '404: Not Found');
  const found = fitting.find(({ route }) => route.method === request.method);
  if (found === undefined) return wrongMethod();

  const token = /^Bearer +(\S+)$/i.exec(request.authorization ?? '')?.[1];
  if (token === undefined) return unauthorized('No authorization token provided');
  const user = state.users.named(state.tokens.userOf(token) ?? '');
  if (user === undefined) return unauthorized('Invalid token');
  const { query = [], run } = found.route;
  const answer = queryFault(request, query) ?? run({ request, state, user }, found.values);
  return { ...answer, user: user.name };
}

function logIn(request: ApiRequest, state: V4State): ApiAnswer {
  const { method, source, authorization, query } = request;
  if (method !== 'GET' && method !== 'POST') return wrongMethod();
  if (state.logins.isBlocked(source)) {
    return problem(
      403,
      'Permission Denied',
      'Limit of login attempts reached. The current IP has been blocked due to a high number of login attempts',
      { code: 6000 },
    );
  }
  const user = state.users.withBasic(authorization);
  if (user === undefined) {
    const detail = /^Basic /i.test(authorization ?? '') ? 'Invalid credentials' : 'No authorization token provided';
    const blocks = state.logins.failed(source);
    return { ...unauthorized(detail), events: blocks ? [{ type: 'address blocked', address: source }] : [] };
  }
  const fault = queryFault(request, ['raw']);
  if (fault !== undefined) return fault;
  const token = state.tokens.issue(user).reveal();
  const answer = query.get('raw') === 'true' ? plain(token) : done({ data: { token } });
  return { ...answer, user: user.name };
}

function queryFault({ query }: ApiRequest, allowed: readonly string[]): ApiAnswer | undefined {
  const extra = [...query.keys()].filter((name) => !allowed.includes(name) && !EVERYWHERE.includes(name));
  return extra.length === 0 ? undefined : badRequest(`Extra query parameter(s) ${extra.join(', ')} not in spec`);
}

function unauthorized(detail: string): ApiAnswer {
  return problem(401, 'Unauthorized', detail);
}

function wrongMethod(): ApiAnswer {
  return problem(405, 'Method Not Allowed', '405: Method Not Allowed');
}

function serverInfo({ version, hostName, clock }: V4State): object {
  return {
    title: 'Wazuh API REST',
    api_version: version.replace(/^v/, ''),
    revision: 'sandbox',
    license_name: 'GPL 2.0',
    license_url: `https://github.com/wazuh/wazuh/blob/${version}/LICENSE`,
    hostname: hostName,
    timestamp: `${clock().toISOString().slice(0, 19)}Z`,
  };
}
