const GROUP_LIMIT = 128;
const NAME_LIMIT = 255;

/**
 * What authd says of the value of `G:`, in its own form; `undefined` where every group is there
 * (authd, Wazuh 4.14; a 3.13 manager gives the same text for a group that does not exist).
 */
export function groupFault(text: string, existing: ReadonlySet<string>): string | undefined {
  if (text === '') return 'Invalid group name: Empty Group';
  if (text.includes(',,')) return `Invalid group name: ${shown(text)}... consecutive ',' are not allowed`;
  if (text.startsWith(',') || text.endsWith(',')) {
    return `Invalid group name: ${shown(text)}... cannot start or end with ','`;
  }
  const groups = [...new Set(text.split(','))];
  if (groups.length > GROUP_LIMIT) return `Maximum multigroup reached: Limit is ${GROUP_LIMIT}`;
  for (const group of groups) {
    const fault = oneGroupFault(group, existing);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function oneGroupFault(group: string, existing: ReadonlySet<string>): string | undefined {
  if (group.length > NAME_LIMIT) return `Invalid group name: ${shown(group)}... group is too large`;
  if (group === '.' || group === '..') return `Invalid group name: ${group}`;
  if (/[\s\\/:*?"<>|]/.test(group)) {
    return `Invalid group name: ${group}... characters '\\/:*?"<>|,' are prohibited`;
  }
  return existing.has(group) ? undefined : `Invalid group: ${group}`;
}

function shown(text: string): string {
  return text.slice(0, NAME_LIMIT);
}
