import { expect } from 'chai';
import { describe, it } from 'mocha';
import { protocolThrough } from '../../src/journey/link-by-messages.js';
import type { ProxySettings } from '../../src/net/proxy-settings.js';

const proxy = (explicit: boolean): ProxySettings => ({
  endpoint: { host: 'proxy.example', port: 3128 },
  secure: false,
  explicit,
  except: [],
});

describe('over what a link is proven where a proxy applies', () => {
  for (const [what, given, protocol, family, chosen] of [
    ['there is no proxy', undefined, 'auto', 'wazuh-4', 'auto'],
    ['there is no proxy, of an OSSEC', undefined, 'auto', 'ossec', 'auto'],
    ['it was said', proxy(true), 'udp', 'wazuh-4', 'udp'],
    ['a proxy carries TCP only', proxy(false), 'auto', 'wazuh-4', 'tcp'],
    ['the family is not known', proxy(false), 'auto', undefined, 'tcp'],
    ['an OSSEC knows UDP only, and nobody named the proxy for this run', proxy(false), 'auto', 'ossec', 'udp'],
    ['somebody named the proxy for this run, be it an OSSEC', proxy(true), 'auto', 'ossec', 'tcp'],
  ] as const) {
    it(`is ${chosen} where ${what}`, () => {
      expect(protocolThrough(given, protocol, family)).to.equal(chosen);
    });
  }
});
