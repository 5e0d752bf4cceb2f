import { EnrollError, type ErrorCode } from '../../../src/errors.js';
import type { LinkLook } from '../../../src/journey/checks/link-look.js';
import type { Conclusion, LinkEvidence, Sighting } from '../../../src/link/link-evidence.js';
import type { AgentRecord } from '../../../src/model/agent-record.js';
import type { AgentInstallation } from '../../../src/model/host.js';
import { Secret } from '../../../src/model/secret.js';

/** An agent of Wazuh as the packages install it, with its account. */
export const agent: AgentInstallation = {
  platform: 'unix',
  home: '/var/ossec',
  keysFile: '/var/ossec/etc/client.keys',
  counterFile: '/var/ossec/queue/rids/sender_counter',
  configFile: '/var/ossec/etc/ossec.conf',
  passwordFile: '/var/ossec/etc/authd.pass',
  account: { user: 'wazuh', group: 'wazuh', uid: 998, gid: 997 },
};

const { account: _, ...rest } = agent;
/** The same where neither account is known. */
export const withoutAccount: AgentInstallation = rest;

export const record: AgentRecord = { id: '001', name: 'web-01', ip: 'any', key: new Secret('a'.repeat(64)) };

/** A manager that answered. */
export const proved: LinkLook = {
  kind: 'proved',
  link: { endpoint: { host: 'siem.example', port: 1514 }, protocol: 'tcp', cipher: 'aes', attempts: 1, ms: 3 },
};

/** The word of an agent daemon that counts. */
export const byDaemon: LinkLook = {
  kind: 'daemon',
  daemon: { name: 'wazuh-agentd', facts: {}, status: 'connected' },
};

/** No look at all. */
export const none: LinkLook = { kind: 'none', why: 'Not looked at: no manager is named.' };

/** An error of the link, with advice of its own. */
export function errorOf(code: ErrorCode): EnrollError {
  return new EnrollError(code, 'It failed.', { hint: 'Look.' });
}

/** What was seen of TCP where nothing answered. */
const SILENT: Sighting = { last: 'silent', endings: { silent: 1 }, answered: false, refusals: 0 };

/** Evidence of a look that came to this. */
export function evidenceOf(conclusion: Conclusion, tcp: Sighting | undefined = SILENT): LinkEvidence {
  return { conclusion, messages: 1, waitedMs: 1000, ...(tcp === undefined ? {} : { tcp }) };
}

/** A link that failed; without a conclusion it was not the manager that did. */
export function failed(code: ErrorCode, conclusion?: Conclusion): Extract<LinkLook, { kind: 'failed' }> {
  return {
    kind: 'failed',
    error: errorOf(code),
    ...(conclusion === undefined ? {} : { evidence: evidenceOf(conclusion) }),
  };
}

/** A look at the agent port that no message of the agent was sent for. */
export function looked(conclusion: Conclusion): LinkLook {
  return {
    kind: 'looked',
    at: { host: 'siem.example', port: 1514 },
    evidence: evidenceOf(conclusion),
    why: 'Not tested: there is no key to be used.',
  };
}
