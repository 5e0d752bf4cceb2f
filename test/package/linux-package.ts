import { expect } from 'chai';

/** A file of a package: its mode, its owner, where it is installed. */
export interface Listed {
  readonly mode: string;
  readonly owner: string;
  readonly path: string;
}

/** What a package for Linux holds, wherever its system keeps the units, the completions of zsh and the licences. */
export function expectedFiles(places: { units: string; zsh: string; documents: readonly string[] }): readonly Listed[] {
  const file = (path: string, mode = '-rw-r--r--'): Listed => ({ mode, owner: 'root/root', path });
  return [
    file('/etc/agent-enroll/environment', '-rw-------'),
    file(`${places.units}/agent-enroll.service`),
    file('/usr/bin/agent-enroll', '-rwxr-xr-x'),
    file('/usr/share/bash-completion/completions/agent-enroll'),
    file('/usr/share/fish/vendor_completions.d/agent-enroll.fish'),
    file('/usr/share/man/man1/agent-enroll.1.gz'),
    file(`${places.zsh}/_agent-enroll`),
    ...places.documents.map((path) => file(path)),
  ];
}

/** That the file of settings settles nothing: it is for the administrator to fill in. */
export function expectComments(environment: string): void {
  const lines = environment.split('\n').filter((line) => line !== '');
  expect(lines).to.include('#WAZUH_MANAGER=siem.example.org');
  expect(lines.filter((line) => !line.startsWith('#'))).to.deep.equal([]);
}
