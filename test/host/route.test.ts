import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { plainAddress, routingTable } from '../../src/host/route.js';
import type { Lookup } from '../../src/net/lookup.js';
import { never } from './fake-system.js';

const to = (host: string) => ({ host, port: 1514 });

async function failure(work: Promise<unknown>): Promise<EnrollError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof EnrollError) return error;
  throw new Error('no EnrollError was thrown', { cause: error });
}

describe('host/address', () => {
  it('finds loopback from loopback, IPv4 and mapped', async () => {
    expect(await routingTable(5000)(to('127.0.0.1'), never)).to.deep.equal([
      { local: '127.0.0.1', manager: '127.0.0.1' },
    ]);
    const mapped = await routingTable(5000)(to('::ffff:127.0.0.1'), never);
    expect(mapped).to.deep.equal([{ local: '127.0.0.1', manager: '127.0.0.1' }]);
    expect((await routingTable(5000)({ host: '127.0.0.1', port: 0 }, never))[0].local).to.equal('127.0.0.1');
  });

  it('writes addresses as records have them', () => {
    expect(plainAddress('fe80::1%eth0')).to.equal('fe80::1');
    expect(plainAddress('FD00:0:0:0::5')).to.equal('fd00::5');
    expect(plainAddress('::ffff:10.0.0.5')).to.equal('10.0.0.5');
  });

  it('tries the next address of a name when there is no route to the first', async () => {
    // A socket that was not made for broadcasts is refused this address.
    const names: Lookup = async () => ['255.255.255.255', '127.0.0.1'].map((address) => ({ address, family: 4 }));
    const [route] = await routingTable(5000, names)(to('manager.example'), never);
    expect(route.manager).to.equal('127.0.0.1');
  });

  it('knows a way to each address of a name', async () => {
    const found = ['127.0.0.1', '127.0.0.2', '255.255.255.255'];
    const names: Lookup = async () => found.map((address) => ({ address, family: 4 }));
    const routes = await routingTable(5000, names)(to('manager.example'), never);
    expect(routes.map(({ manager }) => manager)).to.deep.equal(['127.0.0.1', '127.0.0.2']);
  });

  it('says that a name has no address', async () => {
    const unknown: Lookup = async () => {
      throw Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' });
    };
    expect((await failure(routingTable(5000, unknown)(to('no.example'), never))).code).to.equal('HOST_UNRESOLVED');
    const none = routingTable(5000, async () => []);
    expect((await failure(none(to('no.example'), never))).code).to.equal('HOST_UNRESOLVED');
  });

  it('gives up a silent name server in time, and at once when it is aborted', async () => {
    const silent: Lookup = () => new Promise(() => {});
    expect((await failure(routingTable(20, silent)(to('slow.example'), never))).code).to.equal('CONNECTION_TIMED_OUT');
    const user = new AbortController();
    const waiting = failure(routingTable(60_000, silent)(to('slow.example'), user.signal));
    user.abort(new EnrollError('TERMINATED', 'Terminated.'));
    expect((await waiting).code).to.equal('TERMINATED');
    expect((await failure(routingTable(60_000, silent)(to('x'), user.signal))).code).to.equal('TERMINATED');
  });
});

// Ten interfaces in a network namespace of its own: nothing in it leads outside.
const NETWORK = `
ip link set lo up
for n in 1 2 3 4 5; do
  ip link add v$n type veth peer name p$n && ip link set v$n up && ip link set p$n up || exit 1
  ip addr add 10.77.$n.5/24 dev v$n
  ip -6 addr add fd77:$n::5/64 dev v$n nodad
done
ip addr add 10.77.1.50/24 dev v1
ip route add 203.0.113.7/32 via 10.77.3.1
ip route add 203.0.113.8/32 via 10.77.1.1 src 10.77.1.50
ip route add default via 10.77.4.1
ip -6 route add 2001:db8:7::/48 via fd77:5::1
`;
const ROUTES: readonly [string, string][] = [
  ['10.77.2.9', '10.77.2.5'],
  ['10.77.5.9', '10.77.5.5'],
  ['203.0.113.7', '10.77.3.5'],
  ['203.0.113.8', '10.77.1.50'],
  ['198.51.100.1', '10.77.4.5'],
  ['fd77:2::9', 'fd77:2::5'],
  ['2001:db8:7::9', 'fd77:5::5'],
];

function namespaceFault(): string | undefined {
  try {
    const probe = 'ip link set lo up && ip link add v1 type veth peer name p1 && ip -6 addr add fd77::5/64 dev v1';
    execFileSync('unshare', ['--net', 'sh', '-c', probe], { stdio: 'pipe', timeout: 5000 });
    return undefined;
  } catch {
    return 'network namespaces with veth and IPv6 are not permitted here';
  }
}

describe('host/address, on a host with ten interfaces', () => {
  const fault = namespaceFault();
  if (fault !== undefined) {
    it.skip(`finds the address that each manager is reached by (${fault})`);
    return;
  }

  it('finds the address that each manager is reached by, and sends nothing', async () => {
    const script = `
      import { readFileSync } from 'node:fs';
      import { routingTable } from './src/host/route.js';
      const find = routingTable(5000);
      const found = {};
      for (const host of ${JSON.stringify(ROUTES.map(([manager]) => manager))})
        found[host] = (await find({ host, port: 1514 }, new AbortController().signal))[0].local;
      const sent = [readFileSync('/proc/net/snmp', 'utf8').match(/^Udp: \\d.*/m)?.[0].split(' ')[4] ?? '?',
        readFileSync('/proc/net/snmp6', 'utf8').match(/^Udp6OutDatagrams\\s+(\\d+)/m)?.[1] ?? '?'];
      process.stdout.write(JSON.stringify({ found, sent }));`;
    const shell = `${NETWORK}\nexec "$0" --import tsx --input-type=module -e "$1"`;
    const { stdout } = await promisify(execFile)('unshare', ['--net', 'sh', '-c', shell, process.execPath, script], {
      timeout: 9000,
    });
    const answer: unknown = JSON.parse(stdout);
    expect(answer).to.deep.equal({ found: Object.fromEntries(ROUTES), sent: ['0', '0'] });
  });

  it('says that there is no route', async () => {
    const script = `
      import { routingTable } from './src/host/route.js';
      await routingTable(5000)({ host: '198.51.100.1', port: 1514 }, new AbortController().signal)
        .catch((error) => process.stdout.write(error.code + ' ' + error.message));`;
    const args = ['--net', process.execPath, '--import', 'tsx', '--input-type=module', '-e', script];
    const { stdout } = await promisify(execFile)('unshare', args, { timeout: 9000 });
    expect(stdout).to.equal('CONNECTION_FAILED This host has no route to 198.51.100.1:1514.');
  });
});
