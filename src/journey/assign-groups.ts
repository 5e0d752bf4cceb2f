import { abortReason } from '../errors.js';
import type { AgentKey } from '../obtain/key-source.js';
import type { Journey } from './context.js';
import { notAcknowledged } from './not-acknowledged.js';

/**
 * Asks the manager for what it still owes a key that lies in its place by now: groups, with the REST API. What it does
 * not do is a warning.
 *
 * @throws EnrollError as the run ends where it is to stop meanwhile: the reason of the signal, and once its deadline has
 * passed `LINK_SILENT`, since a key is installed that nobody has acknowledged
 */
export async function assignGroups(
  { settings, observe, signal }: Journey,
  { key }: { readonly key: AgentKey },
): Promise<void> {
  if (key.complete === undefined) return;
  observe({ kind: 'grouping', groups: settings.groups });
  observe({ kind: 'grouped', ...(await key.complete(signal)) });
  if (signal.aborted) throw notAcknowledged(abortReason(signal));
}
