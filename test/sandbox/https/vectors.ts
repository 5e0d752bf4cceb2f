import { readFileSync } from 'node:fs';

export interface Exchange {
  readonly step: 'enroll' | 'control' | 'cacerts' | 'secret';
  readonly credential_sent: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly conclude: string;
}

export interface Recorded {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface JourneyStep {
  readonly what: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string | null;
  };
  readonly response: Recorded & { readonly headers: Readonly<Record<string, string>>; readonly body: string };
}

export interface JwtVector {
  readonly name: string;
  readonly profile: 'wazuh-enroll+jwt' | 'wazuh-agent+jwt';
  readonly jwt: string;
  readonly expect: string;
  readonly answer?: string;
  readonly iat?: number;
  readonly kid?: string | null;
  readonly agent_id?: string;
  readonly key_hex?: string;
  readonly client_keys_hex?: string;
}

interface Vectors {
  readonly hkdf: readonly {
    readonly name: string;
    readonly ikm_utf8?: string;
    readonly ikm_hex?: string;
    readonly label: string;
    readonly okm_hex: string;
  }[];
  readonly jwt_make: readonly JwtVector[];
  readonly jwt_refused: readonly JwtVector[];
  readonly time_policy: readonly { readonly iat: number; readonly now: number; readonly expect: string }[];
  readonly kid: readonly { readonly kid: string; readonly expect: string }[];
  readonly token_valid: readonly { readonly name: string; readonly json: string; readonly token: string }[];
  readonly exchange: readonly Exchange[];
  readonly discovery: readonly {
    readonly name: string;
    readonly seen: Readonly<Record<string, string | Recorded>>;
  }[];
  readonly journey: readonly {
    readonly token: string;
    readonly clock: readonly number[];
    readonly steps: readonly JourneyStep[];
  }[];
}

export const VECTORS: Vectors = JSON.parse(readFileSync(new URL('../../vectors/wazuh5.json', import.meta.url), 'utf8'));
