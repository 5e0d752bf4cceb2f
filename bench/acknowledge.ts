/**
 * How long after the manager has learned a key its acknowledgement arrives, beside the time of one round trip with a
 * key that it knows already. Both in one run, on loopback: the ratio is what counts.
 *
 *   npm run bench:acknowledge
 */
import { nodeJourneyEdge } from '../src/journey/journey-edge.js';
import type { MessageProof } from '../src/link/link-proof.js';
import { prove } from '../src/link/message/handshake.js';
import { opener } from '../src/link/message/open.js';
import { directDial } from '../src/net/connect.js';
import { authdSource } from '../src/obtain/authd/source.js';
import { startSandbox } from '../src/sandbox/manager.js';
import { issueStockCertificate } from '../src/sandbox/own-certificate.js';

const RUNS = 15;
const TIMEOUT_MS = 10_000;
const edge = nodeJourneyEdge({});
const never = new AbortController().signal;
const certificate = await issueStockCertificate();

const median = (of: readonly number[]) => [...of].sort((a, b) => a - b)[Math.floor(of.length / 2)] ?? Number.NaN;
const shown = (ms: number) => `${ms.toFixed(1)} ms`;

console.log(`family   protocol cipher    learned → acknowledged (median, max of ${RUNS})   known key (median)   ratio`);
for (const family of ['wazuh-4', 'wazuh-3', 'ossec'] as const) {
  for (const protocol of family === 'ossec' ? (['udp'] as const) : (['tcp', 'udp'] as const)) {
    const late: number[] = [];
    const known: number[] = [];
    let cipher = '';
    for (let run = 0; run < RUNS; run++) {
      let learned = Number.NaN;
      // A new key is learned at no moment that the client could know.
      const keyReloadMs = 300 + Math.floor(Math.random() * 300);
      const sandbox = await startSandbox({
        family,
        certificate,
        keyReloadMs,
        verifyMsgId: true,
        onEvent: ({ type }) => {
          if (type === 'keys loaded') learned = performance.now();
        },
      });
      try {
        const { authd, agent } = sandbox.endpoints;
        const source = authdSource({
          endpoint: authd,
          trust: { insecure: false },
          dial: directDial(TIMEOUT_MS),
          timeoutMs: TIMEOUT_MS,
        });
        const { record, family: told } = await source.obtain(
          { name: `bench-${run}`, ip: { kind: 'any' }, groups: [] },
          never,
        );
        let local = 0;
        const proveIt = (): Promise<MessageProof> =>
          prove(
            {
              record,
              endpoint: agent,
              protocol,
              cipher: 'auto',
              waitMs: 20_000,
              timeoutMs: TIMEOUT_MS,
              ...(told === undefined ? {} : { family: told }),
            },
            {
              open: opener(agent, { dial: directDial(TIMEOUT_MS), timeoutMs: TIMEOUT_MS }),
              counters: { next: async () => ({ global: 0, local: ++local }) },
              random: edge.random,
              now: edge.now,
            },
            never,
          );
        const proof = await proveIt();
        late.push(performance.now() - learned);
        cipher = proof.cipher;
        known.push((await proveIt()).ms);
      } finally {
        await sandbox.close();
      }
    }
    const ratio = median(late) / Math.max(1, median(known));
    console.log(
      `${family.padEnd(8)} ${protocol.padEnd(8)} ${cipher.padEnd(9)} ${`${shown(median(late))}, ${shown(Math.max(...late))}`.padEnd(50)} ${shown(median(known)).padEnd(20)} ${ratio.toFixed(1)}`,
    );
  }
}
