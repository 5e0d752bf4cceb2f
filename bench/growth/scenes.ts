import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentRecord } from '../../src/model/agent-record.js';
import type { Endpoint } from '../../src/model/endpoint.js';

/** A host that has its key, and the manager that knows it. */
export interface GrowthHost {
  readonly home: string;
  readonly record: AgentRecord;
  readonly agent: Endpoint;
  readonly authd: Endpoint;
}

/** One thing that can be large on a host. */
export interface GrowthScene {
  readonly name: string;
  readonly of: string;
  readonly sizes: readonly number[];
  /** Puts so much of it there; what comes back are the arguments of a run. */
  readonly prepare: (host: GrowthHost, size: number) => Promise<readonly string[]>;
}

export const SCENES: readonly GrowthScene[] = [
  {
    name: 'client.keys',
    of: 'lines',
    sizes: [1, 10, 100, 1000, 10_000, 100_000],
    prepare: async (host, size) => {
      await keys(host, size);
      return manager(host);
    },
  },
  {
    name: 'ossec.conf',
    of: 'KiB',
    sizes: [1, 16, 128, 1024, 4095],
    prepare: async (host, size) => {
      await keys(host, 1);
      await writeFile(join(host.home, 'etc', 'ossec.conf'), config(host, size * 1024), { mode: 0o640 });
      return [];
    },
  },
  {
    name: '--manager',
    of: 'managers',
    sizes: [1, 2, 5, 10, 20, 50],
    prepare: async (host, size) => {
      await keys(host, 1);
      const others = Array.from({ length: size - 1 }, (_, at) => `127.0.1.${at + 1}:${host.agent.port}`);
      return [...manager(host), ...others.flatMap((other) => ['--manager', other])];
    },
  },
  {
    name: 'ossec.conf',
    of: 'servers',
    sizes: [1, 10, 100, 1000, 10_000],
    prepare: async (host, size) => {
      await keys(host, 1);
      await writeFile(join(host.home, 'etc', 'ossec.conf'), servers(host, size), { mode: 0o640 });
      return [];
    },
  },
  {
    name: 'notes',
    of: 'managers',
    sizes: [1, 10, 100, 1000],
    prepare: async (host, size) => {
      await keys(host, 1);
      await notes(host, size);
      return manager(host);
    },
  },
];

function manager({ agent, authd }: GrowthHost): readonly string[] {
  return ['--manager', `${agent.host}:${agent.port}`, '--enrollment-port', String(authd.port)];
}

/** The host's own key is the first one, which is what an agent uses. */
async function keys({ home, record }: GrowthHost, lines: number): Promise<void> {
  const own = `${record.id} ${record.name} ${record.ip} ${record.key.reveal()}\n`;
  const others = Array.from({ length: lines - 1 }, (_, at) => `${at + 1000} other-${at} any ${'0'.repeat(64)}\n`);
  await writeFile(join(home, 'etc', 'client.keys'), own + others.join(''), { mode: 0o640 });
}

/** The manager first, and then what a long configuration is full of: files to watch, comments and log files. */
function config({ agent, authd }: GrowthHost, bytes: number): string {
  const client = `<ossec_config>
  <client>
    <server><address>${agent.host}</address><port>${agent.port}</port><protocol>tcp</protocol></server>
    <enrollment><port>${authd.port}</port></enrollment>
  </client>
`;
  const end = '</ossec_config>\n';
  const parts = [client];
  let length = client.length + end.length;
  for (let at = 0; ; at += 1) {
    const part = `  <!-- log ${at} & more -->\n  <localfile>\n    <log_format>syslog</log_format>\n    <location>/var/log/service-${at}.log</location>\n  </localfile>\n`;
    length += part.length;
    if (length > bytes) break;
    parts.push(part);
  }
  return parts.join('') + end;
}

/** The manager that knows the key is the first of them. */
function servers({ agent, authd }: GrowthHost, count: number): string {
  const lines = Array.from({ length: count }, (_, at) => {
    const address = at === 0 ? agent.host : `127.1.${Math.floor(at / 250)}.${(at % 250) + 1}`;
    return `    <server><address>${address}</address><port>${agent.port}</port><protocol>tcp</protocol></server>\n`;
  });
  return `<ossec_config>\n  <client>\n${lines.join('')}    <enrollment><port>${authd.port}</port></enrollment>\n  </client>\n</ossec_config>\n`;
}

async function notes({ home, record, agent }: GrowthHost, count: number): Promise<void> {
  const managers: Record<string, unknown> = {};
  const links: Record<string, unknown> = { [`${agent.host}:${agent.port}`]: { protocol: 'tcp', cipher: 'aes' } };
  for (let at = 0; at < count; at += 1) {
    const fingerprint = `sha256:${String(at).padStart(64, '0')}`;
    managers[`manager-${at}.example:1515`] = { fingerprint, firstSeen: '2026-01-02T03:04:05.000Z' };
  }
  await mkdir(join(home, '.agent-enroll'), { recursive: true, mode: 0o700 });
  const text = JSON.stringify({ version: 2, managers, links, acknowledged: `${record.id} ${record.name}` });
  await writeFile(join(home, '.agent-enroll', 'notes.json'), text, { mode: 0o600 });
}
