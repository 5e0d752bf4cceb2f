/**
 * Whether an agent's version is above the manager's, as Wazuh 4.14 compares them: major and minor alone (a higher patch
 * is taken), with or without the `v`, and what is no number counts as 0.
 */
export function isNewer(agent: string, manager: string): boolean {
  const [agentMajor, agentMinor] = majorMinor(agent);
  const [managerMajor, managerMinor] = majorMinor(manager);
  return agentMajor > managerMajor || (agentMajor === managerMajor && agentMinor > managerMinor);
}

function majorMinor(version: string): readonly [number, number] {
  const [major = '', minor = ''] = version.replace(/^v/, '').split('.');
  return [number(major), number(minor)];
}

function number(text: string): number {
  return /^\d{1,9}/.test(text) ? Number.parseInt(text, 10) : 0;
}
