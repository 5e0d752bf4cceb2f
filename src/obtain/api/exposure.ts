import type { Telling } from '../key-source.js';
import type { ApiHttp } from './http.js';
import type { ApiAddress } from './url.js';

/**
 * HTTP that tells of credentials which others can read: once, with the first request that carries them and was not kept
 * from being sent.
 */
export function tellingOfExposure(http: ApiHttp, address: ApiAddress, { onWarning }: Telling): ApiHttp {
  let told = false;
  return {
    get verdict() {
      return http.verdict;
    },
    async request(request, authorization, signal) {
      const sent = () => {
        if (told || authorization === undefined) return;
        told = true;
        const text = exposure(address, http);
        if (text !== undefined) onWarning?.(text);
      };
      try {
        const exchange = await http.request(request, authorization, signal);
        sent();
        return exchange;
      } catch (thrown) {
        // Cut off, it may have been sent.
        if (signal.aborted) sent();
        throw thrown;
      }
    },
    close: () => http.close(),
  };
}

function exposure({ secure }: ApiAddress, { verdict }: ApiHttp): string | undefined {
  if (!secure) return 'The API credentials were sent over plain http: everybody on the way could read them.';
  if (verdict?.by !== 'nothing') return undefined;
  return `The API credentials were sent to a server whose certificate was not checked. Use --ca or --pin ${verdict.fingerprint}.`;
}
