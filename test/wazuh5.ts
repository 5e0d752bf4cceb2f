import { readFileSync } from 'node:fs';
import { jsonIn } from '../src/model/json.js';
import type { ManagerAnswer } from '../src/model/manager-answer.js';

/** What the known answers of Wazuh 5 hold, as far as the tests read it. */
export interface Wazuh5Vectors {
  readonly hkdf: readonly {
    readonly name: string;
    readonly ikm_utf8?: string;
    readonly ikm_hex?: string;
    readonly file_text?: string;
    readonly label: string;
    readonly okm_hex: string;
  }[];
  readonly jwt_make: readonly JwtVector[];
  readonly jwt_refused: readonly (JwtVector & { readonly client_keys_hex?: string })[];
  readonly time_policy: readonly {
    readonly iat: number;
    readonly exp: number;
    readonly now: number;
    readonly expect: string;
  }[];
  readonly clock: readonly {
    readonly local_unix: number;
    readonly date_header: string | null;
    readonly correct_clock: 'yes' | 'no';
    readonly sign_with_iat: number;
  }[];
  readonly kid: readonly { readonly kid: string; readonly expect: string }[];
  readonly pin: readonly {
    readonly name: string;
    readonly ca_pem?: string;
    readonly pin_hex: string;
    readonly pin_b64url: string;
  }[];
  readonly pin_bundle: readonly {
    readonly name: string;
    readonly pin_b64url: string;
    readonly body: string;
    readonly expect: string;
    readonly installed_pem: string | null;
  }[];
  readonly token_valid: readonly {
    readonly name: string;
    readonly json: string;
    readonly token: string;
    readonly target: { readonly host: string; readonly port: number; readonly prefix: string };
    readonly pin_hex?: string;
    readonly credential?: { readonly kid: string; readonly secret_hex: string } | null;
  }[];
  readonly token_invalid: readonly { readonly name: string; readonly token: string; readonly expect: string }[];
  readonly token_file: readonly { readonly name: string; readonly file_text: string; readonly expect: string }[];
  readonly adr_valid: readonly {
    readonly adr: string;
    readonly host: string;
    readonly port: number;
    readonly prefix: string;
    readonly normalised: string;
  }[];
  readonly adr_invalid: readonly { readonly adr: string }[];
  readonly key_hash: readonly {
    readonly id: string;
    readonly name: string;
    readonly key: string;
    readonly sha1_hex: string;
  }[];
  readonly files: readonly {
    readonly answer: { readonly id: string; readonly name: string; readonly reenroll_secret: string };
    readonly 'client.keys': string;
    readonly 'reenroll.secret': string;
  }[];
  readonly reenroll_secret_file: readonly { readonly name: string; readonly text: string; readonly expect: string }[];
  readonly enroll_answer: readonly {
    readonly name: string;
    readonly asked_name: string;
    readonly status: number;
    readonly body: string;
    readonly expect: string;
  }[];
  readonly exchange: readonly ExchangeVector[];
  readonly discovery: readonly {
    readonly name: string;
    readonly seen: Readonly<Record<string, string | AnswerVector>>;
    readonly conclude: string;
  }[];
  readonly journey: readonly JourneyVector[];
}

/** An answer of a manager. */
export interface AnswerVector {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An answer of a manager, and what is to be concluded. */
export interface ExchangeVector extends AnswerVector {
  readonly step: 'enroll' | 'control' | 'cacerts' | 'secret';
  readonly credential_sent: string;
  readonly conclude: string;
  readonly retry: string;
  readonly exit: number;
}

interface JwtVector {
  readonly name: string;
  readonly profile: string;
  readonly iat: number;
  readonly jti_bytes_hex: string;
  readonly kid?: string | null;
  readonly agent_id?: string;
  readonly key_hex: string;
  readonly password?: string;
  readonly token_secret_hex?: string;
  readonly reenroll_secret_hex?: string;
  readonly header_json: string;
  readonly payload_json: string;
  readonly jwt: string;
}

/** A whole journey: what is asked, and what is answered, in order. */
export interface JourneyVector {
  readonly token: string;
  readonly agent_name: string;
  readonly clock: readonly number[];
  readonly jti_hex: readonly string[];
  readonly steps: readonly {
    readonly what: string;
    readonly tls_verified: boolean;
    readonly request: {
      readonly method: string;
      readonly path: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string | null;
    };
    readonly response: AnswerVector;
  }[];
  readonly files_after: Readonly<Record<string, string>>;
}

/** The known answers of Wazuh 5. */
export const wazuh5: Wazuh5Vectors = JSON.parse(
  readFileSync(new URL('./vectors/wazuh5.json', import.meta.url), 'utf8'),
);

/** An answer as the program reads it. */
export function answerOf({ status, headers, body }: AnswerVector): ManagerAnswer {
  const byName = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return { status, header: (name) => byName.get(name), body: jsonIn(Buffer.from(body)) };
}
