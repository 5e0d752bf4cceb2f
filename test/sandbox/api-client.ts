import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

/** A request as the recordings have it. */
export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** An answer as the recordings have it: header names in lower case, a JSON body parsed. */
export interface RecordedResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: unknown;
}

/** One recorded request with its answer. */
export interface Pair {
  readonly request: RecordedRequest;
  readonly response: RecordedResponse;
}

const recorded: { pairs: Record<string, Record<string, Pair>> } = JSON.parse(
  readFileSync(new URL('../vectors/rest-api.json', import.meta.url), 'utf8'),
);

/** All that was recorded from one API server, by name, in the order of the file. */
export function pairsOf(server: string): readonly (readonly [string, Pair])[] {
  return Object.entries(recorded.pairs[server] ?? {});
}

/** An HTTP client that knows nothing of the API; connections are kept until `close`. */
export class ApiClient {
  readonly #url: string;
  readonly #agent: HttpAgent;

  constructor(url: string) {
    this.#url = url;
    const Agent = url.startsWith('https:') ? HttpsAgent : HttpAgent;
    this.#agent = new Agent({ keepAlive: true, maxSockets: 4 });
  }

  send({ method, path, headers, body }: RecordedRequest): Promise<RecordedResponse> {
    const text = body === null ? '' : typeof body === 'string' ? body : JSON.stringify(body);
    const request = this.#url.startsWith('https:') ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const sent = request(
        `${this.#url}${path}`,
        {
          method,
          agent: this.#agent,
          rejectUnauthorized: false,
          headers: { ...headers, ...(text === '' ? {} : { 'content-length': Buffer.byteLength(text) }) },
        },
        (response) => {
          let answer = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            answer += chunk;
          });
          response.on('error', reject);
          response.on('end', () => {
            const type = response.headers['content-type'] ?? '';
            const seen = Object.fromEntries(
              Object.entries(response.headers).map(([name, value]) => [name, value?.toString()]),
            );
            const read: unknown = type.includes('json') ? JSON.parse(answer) : answer;
            resolve({ status: response.statusCode ?? 0, headers: seen, body: read });
          });
        },
      );
      sent.on('error', reject);
      sent.end(text);
    });
  }

  async logIn(user: string, password: string): Promise<string> {
    const { status, body } = await this.send({
      method: 'POST',
      path: '/security/user/authenticate?raw=true',
      headers: { Authorization: basic(user, password) },
      body: null,
    });
    if (status !== 200 || typeof body !== 'string') throw new Error(`login: HTTP ${status}`);
    return body;
  }

  close(): void {
    this.#agent.destroy();
  }
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
