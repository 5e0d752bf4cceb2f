import { asEnrollError } from '../errors.js';
import type { AgentKey, KeyRequest, KeySource } from '../obtain/key-source.js';
import type { PreparedJourney } from './context.js';

/**
 * Asks for the key. An address that nobody has chosen but this program, and that the manager has for another agent (the
 * host was renamed, the address was another host's), is left out the second time.
 */
export async function askFor(
  request: KeyRequest,
  source: KeySource,
  { settings, signal }: Pick<PreparedJourney, 'settings' | 'signal'>,
): Promise<AgentKey> {
  try {
    return await source.obtain(request, signal);
  } catch (thrown) {
    const { ip, present } = request;
    if (settings.ip.kind !== 'auto' || ip.kind !== 'address' || ip.address === present?.ip) throw thrown;
    if (signal.aborted || asEnrollError(thrown).code !== 'IP_DUPLICATE') throw thrown;
    const key = await source.obtain({ ...request, ip: { kind: 'any' } }, signal);
    const text = `The manager has another agent with the address ${ip.address} of this host, so this one was registered without an address (any). Remove the other one there if it is an old record of this host.`;
    return { ...key, warnings: [text, ...key.warnings] };
  }
}
