/**
 * Whether a variable is one that Kubernetes sets for a Service, or Docker for a link, which happens to have the name of
 * one that means something here: beside a Service called wazuh-manager `WAZUH_MANAGER_PORT` is `tcp://10.96.12.7:1514`,
 * in every container. Docker calls a container linked as wazuh-agent `/web/wazuh-agent` in `WAZUH_AGENT_NAME`.
 */
export function isServiceLink(name: string, value: string): boolean {
  if (name.endsWith('_PORT')) return /^(?:tcp|udp|sctp):\/\/[^/\s]+:\d{1,5}$/i.test(value);
  return name.endsWith('_NAME') && /^\/[^/\s]+\/[^/\s]+$/.test(value);
}
