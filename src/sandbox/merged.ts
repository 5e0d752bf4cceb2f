import { createHash } from 'node:crypto';
import type { SandboxFamily } from './authd-protocol.js';

/** The shared file of a group, as remoted sends it to agents. */
export interface SharedFile {
  readonly md5: string;
  /** The payloads that carry it, in order. */
  readonly payloads: readonly string[];
}

// A group with an empty agent.conf: `#group`, then each file as `!size name` and its bytes (merged.mg, Wazuh).
const AGENT_CONF = '<agent_config>\n</agent_config>\n';
const WAZUH = sharedFile(`#default\n!${AGENT_CONF.length} agent.conf\n${AGENT_CONF}`);

/** The merged.mg of a fresh manager: OSSEC's is empty. */
export const MERGED: Readonly<Record<SandboxFamily, SharedFile>> = {
  'wazuh-4': WAZUH,
  'wazuh-3': WAZUH,
  ossec: sharedFile(''),
};

/** `#!-up file`, the bytes if there are any, `#!-close file`: one message each (remoted, OSSEC 4.3, Wazuh 4.14). */
function sharedFile(content: string): SharedFile {
  const md5 = createHash('md5').update(content).digest('hex');
  const body = content === '' ? [] : [content];
  return { md5, payloads: [`#!-up file ${md5} merged.mg\n`, ...body, '#!-close file '] };
}
