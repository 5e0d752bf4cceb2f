import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Sighting } from '../../../src/link/link-evidence.js';
import { conclude, type Seen } from '../../../src/link/message/conclusion.js';

const saw = (sighting: Partial<Sighting>): Sighting => ({
  endings: sighting.last === undefined ? {} : { [sighting.last]: 1 },
  answered: false,
  refusals: 0,
  ...sighting,
});
const refused = saw({ last: 'refused' });
const silent = saw({ last: 'silent' });
const closed = saw({ last: 'closed' });
const refusing = saw({ last: 'closed', refusals: 3 });
const ssh = saw({ last: 'closed', stranger: { service: 'ssh', said: 'SSH-2.0-x' } });

describe('link/conclusion', () => {
  const cases: readonly (readonly [string, Seen, string, boolean?])[] = [
    ['a pong at both ends', { tcp: saw({ last: 'closed', pong: 'now' }) }, 'remoted'],
    ['a pong at both ends over UDP', { tcp: refused, udp: saw({ last: 'silent', pong: 'now' }) }, 'remoted'],
    ['a pong before anything has ended', { tcp: saw({ pong: 'now' }) }, 'remoted'],
    ['a pong at the beginning alone', { tcp: saw({ last: 'refused', pong: 'then' }) }, 'closed'],
    ['a pong at the beginning alone, behind a balancer', { tcp: saw({ last: 'closed', pong: 'then' }) }, 'closes'],
    [
      'a pong at the end of a manager that has only just come',
      { tcp: saw({ last: 'refused', pong: 'now' }) },
      'closed',
    ],
    ['an answer under the key', { tcp: saw({ last: 'closed', answered: true }) }, 'remoted'],
    ['three refused messages', { tcp: refusing }, 'refused-message'],
    ['three refused messages, and UDP', { tcp: refusing, udp: silent }, 'refused-message'],
    ['two refused messages', { tcp: saw({ last: 'closed', refusals: 2 }) }, 'closes'],
    ['refused messages of what is gone by now', { tcp: saw({ last: 'refused', refusals: 3 }) }, 'closed'],
    ['refused messages of what has spoken', { tcp: { ...ssh, refusals: 3 } }, 'other-service'],
    ['refused messages on the enrollment port', { tcp: refusing }, 'other-service', true],
    ['a connection that is closed', { tcp: closed }, 'closes'],
    ['a connection that is closed, and silence on UDP', { tcp: closed, udp: silent }, 'closes'],
    [
      'connections closed once and silent now',
      { tcp: saw({ last: 'silent', endings: { closed: 4, silent: 1 } }) },
      'closes',
    ],
    ['a connection that is closed on the enrollment port', { tcp: closed }, 'other-service', true],
    ['silence on UDP beside a refused TCP', { tcp: refused, udp: silent }, 'silent-udp'],
    ['silence on UDP alone', { udp: silent }, 'silent'],
    ['silence on UDP beside a TCP that leads nowhere', { tcp: saw({ last: 'unreachable' }), udp: silent }, 'silent'],
    ['a stranger', { tcp: ssh }, 'other-service'],
    [
      'a stranger on UDP',
      { tcp: refused, udp: saw({ last: 'silent', stranger: { service: 'unknown' } }) },
      'other-service',
    ],
    ['a remoted on UDP beside a stranger', { tcp: ssh, udp: saw({ last: 'silent', pong: 'now' }) }, 'remoted'],
    ['closed ports', { tcp: refused, udp: refused }, 'closed'],
    ['a closed port, where it alone was tried', { tcp: refused }, 'closed'],
    ['a connection that is taken and not answered', { tcp: silent }, 'silent'],
    ['a name without an address', { tcp: saw({ last: 'unresolved' }), udp: saw({ last: 'unresolved' }) }, 'unresolved'],
    ['a name that was found in the end, and no answer', { tcp: saw({ last: 'unreachable' }) }, 'silent'],
    ['a name that was lost on UDP alone', { tcp: silent, udp: saw({ last: 'unresolved' }) }, 'silent'],
    ['a name that is found for UDP, which is silent', { tcp: saw({ last: 'unresolved' }), udp: silent }, 'silent'],
    ['a refused TCP, and UDP that leads nowhere', { tcp: refused, udp: saw({ last: 'unreachable' }) }, 'silent'],
    [
      'a TCP that is refused now and was open, beside a silent UDP',
      { tcp: saw({ last: 'refused', endings: { silent: 1, refused: 3 } }), udp: silent },
      'closed',
    ],
    [
      'a TCP that is refused now and closed connections, beside a silent UDP',
      { tcp: saw({ last: 'refused', endings: { closed: 1, silent: 1, refused: 3 } }), udp: silent },
      'closed',
    ],
    [
      'a TCP that is refused now and answered #ping, beside a silent UDP',
      { tcp: saw({ last: 'refused', pong: 'then' }), udp: silent },
      'closed',
    ],
    ['UDP that is silent on the port of authd', { udp: silent }, 'silent', true],
    ['nothing', {}, 'silent'],
  ];
  for (const [what, seen, kind, authd = false] of cases) {
    it(`takes ${what} for ${kind}`, () => {
      expect(conclude(seen, authd).kind).to.equal(kind);
    });
  }

  it('names the service, what it said and where', () => {
    expect(conclude({ tcp: ssh }, false)).to.deep.equal({
      kind: 'other-service',
      protocol: 'tcp',
      service: 'ssh',
      said: 'SSH-2.0-x',
    });
    const tls = saw({ last: 'closed', stranger: { service: 'tls' } });
    expect(conclude({ tcp: tls }, false)).to.include({ service: 'tls' });
    expect(conclude({ tcp: tls }, true)).to.include({ service: 'authd' });
    const kept = saw({ last: 'silent', stranger: { service: 'tls' } });
    expect(conclude({ tcp: kept }, true)).to.include({ kind: 'other-service', service: 'authd' });
    expect(conclude({ tcp: kept }, false)).to.include({ kind: 'other-service', service: 'tls' });
    expect(conclude({ tcp: { ...kept, stranger: { service: 'ssh' } } }, true)).to.include({ service: 'ssh' });
  });

  it('says what proves a remoted', () => {
    expect(conclude({ tcp: saw({ pong: 'now', last: 'closed' }) }, false)).to.include({ by: 'pong' });
    expect(conclude({ tcp: saw({ answered: true, pong: 'now' }) }, false)).to.include({ by: 'answer' });
  });
});
