import type { AgentInstallation } from '../model/host.js';
import { readTrust } from './credentials.js';
import { type FoundEnrollment, servicesOf } from './enrollment.js';
import type { FoundManager } from './managers.js';
import { readMethod } from './method.js';
import { DEFAULT_ORIGIN } from './origin.js';
import type { Warn } from './settings.js';
import type { SettingsEdge } from './settings-edge.js';
import type { Sources } from './sources.js';
import { findHearsay } from './vouching.js';

/**
 * By whom the manager is asked to delete an agent: the REST API alone does that, so without its credentials nobody is.
 * @throws EnrollError with `SETTING_INVALID` or `FILE_UNREADABLE`, the origin named
 */
export async function readRetirement(
  sources: Sources,
  managers: readonly FoundManager[],
  agent: AgentInstallation,
  edge: SettingsEdge,
  warn: Warn,
): Promise<FoundEnrollment> {
  const { trust, vouchers } = await readTrust(sources, edge);
  const byCredentials = { value: 'auto', origin: DEFAULT_ORIGIN } as const;
  const nobody = { token: undefined, managers: undefined };
  const method = await readMethod(sources, byCredentials, nobody, trust.insecure, edge, warn);
  const { api, secret } = method;
  const asked = {
    services: api === undefined ? [] : servicesOf(managers, method),
    secrets: secret === undefined ? [] : [secret],
    vouchers,
    isOfOthers: sources.isOfOthers.bind(sources),
    account: agent.account,
  };
  const hearsay = findHearsay(asked, edge);
  return {
    settings: {
      method: method.method,
      ...(api === undefined ? {} : { api }),
      trust,
      ...(hearsay.length === 0 ? {} : { hearsay }),
    },
    shown: [['method', method.shown]],
  };
}
