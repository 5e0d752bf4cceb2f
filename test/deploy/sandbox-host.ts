import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/manager.js';
import type { SandboxEvent } from '../../src/sandbox/sandbox-events.js';

/** A manager on loopback that learns keys at once, and what was asked of it. */
export interface Manager extends Sandbox {
  /** The names that were asked for, in order. */
  asked(): readonly string[];
  /** WAZUH_MANAGER and the port of authd, as lines of an environment file. */
  readonly environment: { readonly WAZUH_MANAGER: string; readonly WAZUH_REGISTRATION_PORT: string };
}

/** Starts a manager on loopback. */
export async function startManager(options: Partial<SandboxOptions> = {}): Promise<Manager> {
  const names: string[] = [];
  const onEvent = (event: SandboxEvent) => {
    if (event.type === 'request') names.push(event.name);
  };
  const sandbox = await startSandbox({ family: 'wazuh-4', keyReloadMs: 300, ...options, onEvent });
  const { agent, authd } = sandbox.endpoints;
  return Object.assign(sandbox, {
    asked: () => names,
    environment: {
      WAZUH_MANAGER: `${agent.host}:${agent.port}`,
      WAZUH_REGISTRATION_PORT: String(authd.port),
    },
  });
}
