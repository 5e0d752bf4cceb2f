import type { HttpsOddity } from '../oddities.js';
import { rateLimited } from './answers.js';
import type { CertificateFault } from './certificates.js';
import type { TokenTerms } from './enrollment-tokens.js';
import type { HttpsSandboxOptions } from './options.js';

/** What oddities make of a manager, and of the token that it hands out. */
export interface HttpsPlan {
  readonly options: HttpsSandboxOptions;
  readonly certificates?: CertificateFault;
  readonly token: TokenTerms & { readonly revoked?: boolean };
}

type Change = (plan: HttpsPlan) => HttpsPlan;

const HOUR_MS = 3_600_000;

const CHANGES: Readonly<Record<HttpsOddity, Change>> = {
  'skewed-clock': withOptions(({ clock = () => new Date() }) => ({
    clock: () => new Date(clock().getTime() + HOUR_MS),
  })),
  'database-down': withOptions(() => ({ databaseUp: false })),
  'rate-limited': withOptions(({ faults = [] }) => ({
    faults: [...faults, { route: 'enroll', answer: rateLimited('enroll', 2) }],
  })),
  'lost-answer': withOptions(({ faults = [] }) => ({
    faults: [...faults, { route: 'enroll', answer: 'lost', when: 'after' }],
  })),
  'no-ca': withOptions(() => ({ cacerts: 'absent' })),
  'ca-mismatch': withOptions(() => ({ cacerts: 'mismatch' })),
  'other-leaf': (plan) => ({ ...plan, certificates: 'other-leaf' }),
  'hostile-bundle': (plan) => ({ ...plan, certificates: 'hostile' }),
  'token-revoked': (plan) => ({ ...plan, token: { ...plan.token, revoked: true } }),
  'token-expired': (plan) => ({ ...plan, token: { ...plan.token, lifetimeMs: 0 } }),
  'token-used-up': (plan) => ({ ...plan, token: { ...plan.token, uses: 0 } }),
  'jwt-generation': withOptions(() => ({ generation: 'jwt' })),
  'cmac-generation': withOptions(() => ({ generation: 'cmac' })),
};

/** The options of a manager that has these oddities, and what else follows from them. */
export function planOf(options: HttpsSandboxOptions): HttpsPlan {
  const { oddities = [] } = options;
  return oddities.reduce((plan, oddity) => CHANGES[oddity](plan), { options, token: {} });
}

function withOptions(change: (options: HttpsSandboxOptions) => HttpsSandboxOptions): Change {
  return (plan) => ({ ...plan, options: { ...plan.options, ...change(plan.options) } });
}
