import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { Agent, request } from 'node:https';
import type { HttpsSandbox } from '../../../src/sandbox/https/manager.js';

/** An answer as it came: header names in lower case. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  /** The port that it was asked from: of one connection. */
  readonly from: number;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | undefined;
}

/** Asks a manager as a program would that shares nothing with this one. */
export class Client {
  #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #sandbox: HttpsSandbox;

  constructor(sandbox: HttpsSandbox) {
    this.#sandbox = sandbox;
  }

  /** `path` behind the prefix of the manager; `undefined`: the connection ended without an answer. */
  ask(path: string, asked: Asked = {}): Promise<Reply | undefined> {
    return this.askAt(new URL(`${this.#sandbox.url}/${path}`), asked);
  }

  askAt(url: URL, { method, headers, body }: Asked = {}): Promise<Reply | undefined> {
    return new Promise((resolve) => {
      const sent = request(
        url,
        {
          agent: this.#agent,
          ca: this.#sandbox.ca,
          method: method ?? (body === undefined ? 'GET' : 'POST'),
          headers: { ...headers },
        },
        (response) => {
          let text = '';
          const from = response.socket.localPort ?? 0;
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text, from }),
          );
          response.on('error', () => resolve(undefined));
        },
      );
      sent.on('error', () => resolve(undefined));
      sent.end(body);
    });
  }

  enroll(members: object, authorization?: string, more: Asked = {}): Promise<Reply | undefined> {
    return this.ask('enroll', {
      body: JSON.stringify(members),
      headers: { ...posted(authorization), ...more.headers },
    });
  }

  control(message: object, authorization?: string): Promise<Reply | undefined> {
    return this.ask('control', { body: JSON.stringify(message), headers: posted(authorization) });
  }

  secret(authorization?: string): Promise<Reply | undefined> {
    return this.ask('enroll/secret', { body: '{}', headers: posted(authorization) });
  }

  /** Takes a new connection for what comes next. */
  reconnect(): void {
    this.close();
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1 });
  }

  close(): void {
    this.#agent.destroy();
  }
}

export const WEB_01 = { name: 'web-01', version: 'v5.0.0' };

function posted(authorization: string | undefined): Record<string, string> {
  return {
    'protocol-version': '1',
    'Content-Type': 'application/json',
    ...(authorization === undefined ? {} : { Authorization: authorization }),
  };
}

export interface Claims {
  /** Unix time in s. */
  readonly iat?: number;
  readonly jti?: Uint8Array;
}

/** The key that signs, by the note: of the password, of a token's secret, or of a re-enrollment secret. */
export function derived(label: string, material: Uint8Array): Uint8Array {
  const info = Buffer.concat([Buffer.from(label), Buffer.from([1])]);
  return Buffer.from(hkdfSync('sha256', material, Buffer.alloc(32), info, 32));
}

export function enrollJwt(key: Uint8Array, kid: string | undefined, claims: Claims = {}): string {
  const { iat, jti } = filled(claims);
  return signed(
    key,
    { alg: 'HS256', ...(kid === undefined ? {} : { kid }), typ: 'wazuh-enroll+jwt' },
    { exp: iat + 60, iat, jti, nbf: iat },
  );
}

export function agentJwt(key: string, id: string, claims: Claims = {}): string {
  const { iat, jti } = filled(claims);
  const members = { exp: iat + 60, iat, iss: `wazuh-agent/${id}`, jti, nbf: iat, sub: id };
  return signed(Buffer.from(key, 'hex'), { alg: 'HS256', kid: id, typ: 'wazuh-agent+jwt' }, members);
}

/** `Bearer` and the JWT of a token's text. */
export function bearerOfToken(text: string, claims: Claims = {}): string {
  const key = Buffer.from(String(membersOf(Buffer.from(text, 'base64url').toString())['key']), 'base64url');
  const kid = key.subarray(0, 16).toString('base64url');
  return enrollJwt(derived('WAZUH-ENROLL-TOKEN-KEY', key.subarray(16)), kid, claims);
}

export function bearerOfPassword(password: string, claims: Claims = {}): string {
  return enrollJwt(derived('WAZUH-ENROLL-JWT-KEY', Buffer.from(password)), undefined, claims);
}

export function bearerOfSecret(secret: string, id: string, claims: Claims = {}): string {
  return enrollJwt(derived('WAZUH-REENROLL-KEY', Buffer.from(secret, 'hex')), id, claims);
}

/** The members of a JSON object. */
export function membersOf(text: string | undefined): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(text ?? '');
  if (typeof value !== 'object' || value === null) throw new Error(`no object: ${text}`);
  return { ...value };
}

function filled({ iat = Math.floor(Date.now() / 1000), jti = randomBytes(16) }: Claims) {
  return { iat, jti: Buffer.from(jti).toString('base64url') };
}

function signed(key: Uint8Array, header: object, claims: object): string {
  const parts = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `Bearer ${parts}.${createHmac('sha256', key).update(parts).digest('base64url')}`;
}
