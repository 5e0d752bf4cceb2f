/*
 * Where a connection can break, and how: the dimensions of the fault matrix, and what of them can be put together.
 */

/** What a host speaks with a manager. The links prove a key; the others ask for one. */
export const CHANNELS = [
  'authd',
  'API',
  'HTTPS',
  'HTTPS link',
  'TCP link',
  'UDP link, Wazuh',
  'UDP link, OSSEC',
] as const;

/**
 * When it breaks. `before accept`: nothing of the manager is heard; `in TLS`: with the manager's part of the handshake;
 * `before request`: after the handshake, and the manager hears nothing; `in request`: the manager hears a part of it;
 * `after request`: it hears all, and the host no reply; `in reply`: the host hears half of it.
 */
export const PHASES = [
  'before accept',
  'in TLS',
  'before request',
  'in request',
  'after request',
  'in reply',
  'after reply',
] as const;

/** What breaks. `close`: a bare FIN, without TLS's word; `truncation`: an orderly end too early; `slow`: a byte a second. */
export const FAULTS = [
  'refused',
  'black hole',
  'reset',
  'close',
  'half-close',
  'stall',
  'slow',
  'garbage',
  'truncation',
  'duplication',
  'reordering',
  'loss of 30 %',
  'loss of 60 %',
  'delayed by 2 s',
  'answered twice',
] as const;

/** `once`: the first time only, and the host may try again. */
export const TIMES = ['always', 'once'] as const;

export type Channel = (typeof CHANNELS)[number];
export type Phase = (typeof PHASES)[number];
export type Fault = (typeof FAULTS)[number];

export interface Cell {
  readonly channel: Channel;
  readonly phase: Phase;
  readonly fault: Fault;
  readonly times: (typeof TIMES)[number];
}

const NOBODY: ReadonlySet<Fault> = new Set(['refused', 'black hole']);
const CUT: readonly Fault[] = ['reset', 'close', 'half-close', 'stall'];
const BENT: readonly Fault[] = ['slow', 'garbage', 'truncation', 'duplication', 'delayed by 2 s'];

const STREAM: Readonly<Record<Phase, readonly Fault[]>> = {
  'before accept': ['refused', 'black hole', ...CUT, 'slow', 'garbage', 'delayed by 2 s'],
  'in TLS': [...CUT, ...BENT],
  'before request': [...CUT, 'garbage'],
  'in request': [...CUT, ...BENT],
  'after request': [...CUT, 'garbage', 'delayed by 2 s'],
  'in reply': [...CUT, ...BENT],
  'after reply': [...CUT, 'garbage', 'answered twice'],
};

const LOSSY: readonly Fault[] = ['loss of 30 %', 'loss of 60 %'];
const BENT_DATAGRAM: readonly Fault[] = ['garbage', 'truncation', 'duplication', 'reordering', 'delayed by 2 s'];

const DATAGRAMS: Readonly<Partial<Record<Phase, readonly Fault[]>>> = {
  'before accept': ['refused', 'black hole'],
  'in request': [...BENT_DATAGRAM, ...LOSSY],
  'after request': ['black hole', 'garbage'],
  'in reply': [...BENT_DATAGRAM, ...LOSSY],
  'after reply': ['garbage', 'answered twice'],
};

/** Whether a channel carries datagrams. */
export function isUdp(channel: Channel): boolean {
  return channel.startsWith('UDP');
}

/** Whether it is a key that is proven over it, and not one asked for. */
export function isLink(channel: Channel): boolean {
  return channel.includes('link');
}

/** Every cell of the matrix. */
export function* cells(): Generator<Cell> {
  for (const channel of CHANNELS) {
    for (const phase of PHASES) {
      for (const fault of faultsOf(channel, phase)) {
        for (const times of TIMES) {
          // A port that is closed or dead stays so, and a network that loses packets goes on losing them.
          const lasting = NOBODY.has(fault) || fault.startsWith('loss');
          if (times === 'always' || !lasting) yield { channel, phase, fault, times };
        }
      }
    }
  }
}

function faultsOf(channel: Channel, phase: Phase): readonly Fault[] {
  if (isUdp(channel)) return DATAGRAMS[phase] ?? [];
  // Without TLS nothing lies between the connection and the request.
  if (channel === 'TCP link' && (phase === 'in TLS' || phase === 'before request')) return [];
  // The port has just been enrolled at.
  if (channel === 'HTTPS link' && phase === 'before accept') return STREAM[phase].filter((fault) => !NOBODY.has(fault));
  return STREAM[phase];
}
