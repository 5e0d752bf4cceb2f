import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import { type Manager, startManager } from '../deploy/sandbox-host.js';
import { type ScratchRoot, scratchRoot } from '../deploy/scratch-root.js';
import { needs, skip } from '../deploy/tool.js';
import { built, onPath, skipped } from './binaries.js';
import { DEB } from './order.js';

const PASSWORD = 'correct horse';
const missing = skipped({ ...built(DEB), 'systemd-nspawn': onPath('systemd-nspawn'), dpkg: onPath('dpkg') });
/** Notes the outcome once the service has run, and powers the system off. */
const END = `[Unit]
After=agent-enroll.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'systemctl show agent-enroll --property=Result,ActiveState > /var/log/outcome'
ExecStart=/bin/sh -c 'journalctl --no-pager --output=cat --unit=agent-enroll > /var/log/said'
ExecStart=/bin/systemctl exit 0
`;
// The target of the usual start, as `systemctl enable` hangs the service into it, with nothing else of this machine.
const ENDED = '[Unit]\nWants=multi-user.target end.service\n';

(missing === '' ? describe : describe.skip)(`the package on a system that starts${missing}`, function () {
  this.timeout(120_000);
  let root: ScratchRoot;
  let manager: Manager;

  before(async function () {
    needs(this, 'systemd-nspawn');
    root = await scratchRoot(this);
    const tried = await root.boots();
    if (tried !== undefined) skip(this, `no system can be booted here: ${tried}`);
    manager = await startManager({ password: new Secret(PASSWORD) });
    await root.sh('rm -rf /var/ossec /etc/systemd/system/*.wants /usr/local/bin/agent-enroll');
    await root.sh('cat > /agent-enroll.deb', await readFile(DEB));
    await root.sh('dpkg --install /agent-enroll.deb');
  });
  after(async () => {
    await root?.close();
    await manager?.close();
  });

  const boot = async () => {
    await root.sh('rm -rf /var/log/outcome /var/log/said /var/log/journal');
    const { stdout, stderr } = await root.boot('ended.target');
    const read = (file: string) => root.sh(`cat /var/log/${file} 2> /dev/null || true`);
    const outcome = await read('outcome');
    if (outcome === '') throw new Error(`The system did not come up: ${stdout}${stderr}`);
    return { outcome, said: await read('said') };
  };

  it('leaves the service out of the start until it is enabled; then the host is enrolled at the next one', async () => {
    const units = '/etc/systemd/system';
    await root.sh(`cat > ${units}/end.service`, END);
    await root.sh(`cat > ${units}/ended.target`, ENDED);
    // A host that is alone need not wait for its turn.
    const drop = '[Service]\nExecStart=\nExecStart=/usr/bin/agent-enroll --splay 1s\n';
    await root.sh(`mkdir ${units}/agent-enroll.service.d; cat > ${units}/agent-enroll.service.d/alone.conf`, drop);
    const { WAZUH_MANAGER, WAZUH_REGISTRATION_PORT } = manager.environment;
    const lines = `WAZUH_MANAGER=${WAZUH_MANAGER}\nWAZUH_REGISTRATION_PORT=${WAZUH_REGISTRATION_PORT}\n`;
    await root.sh('cat >> /etc/agent-enroll/environment', lines);
    await root.sh('mkdir -p /etc/credstore; umask 077; cat > /etc/credstore/agent-enroll.password', PASSWORD);
    expect((await boot()).outcome).to.contain('ActiveState=inactive');
    expect(manager.asked()).to.deep.equal([]);

    await root.sh('systemctl enable agent-enroll.service');
    const { outcome, said } = await boot();
    expect(said).to.contain('is enrolled, and the manager answered.');
    expect(outcome).to.contain('Result=success').and.to.contain('ActiveState=active');
    // No agent is installed here yet.
    expect(await root.sh('cat /var/ossec/etc/client.keys')).to.match(/^001 /);
    expect(await root.sh('stat -c "%a %U" /var/ossec /var/ossec/.agent-enroll')).to.equal('750 root\n700 root\n');
  });

  it('has a manual page and completions where they are looked for', async function () {
    needs(this, 'man', 'bash');
    expect(await root.sh('man --where agent-enroll')).to.equal('/usr/share/man/man1/agent-enroll.1.gz\n');
    const completion = '/usr/share/bash-completion/completions/agent-enroll';
    expect(await root.sh(`bash -c '. ${completion}; complete -p agent-enroll'`)).to.contain('_agent_enroll');
  });
});
