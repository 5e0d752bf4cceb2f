import { expect } from 'chai';
import { describe, it } from 'mocha';
import { takeEnvironment } from '../../src/cli/environment.js';
import { OPTION_ROWS } from '../../src/settings/options.js';

describe('the environment of the program', () => {
  it('is kept whole, and leaves its children nothing that is a setting', () => {
    const settings = [...OPTION_ROWS.values()].flatMap(({ environment }) => environment);
    const named = [...settings, 'AGENT_ENROLL_API_PASSWORD', 'WAZUH_ENROLLMENT_TOKEN', 'CREDENTIALS_DIRECTORY'];
    expect(named).to.include.members(['WAZUH_REGISTRATION_PASSWORD', 'HTTPS_PROXY', 'https_proxy']);
    const others = { PATH: '/bin', LD_LIBRARY_PATH: '/lib', RES_OPTIONS: 'timeout:1', SystemRoot: 'C:\\Windows' };
    const inherited: Record<string, string | undefined> = { ...others };
    for (const name of named) inherited[name] = 'xyzzy';
    const given = takeEnvironment(inherited, 'linux');
    for (const name of named) expect(given[name], name).to.equal('xyzzy');
    expect(given).to.include(others);
    expect(inherited).to.deep.equal(others);
  });

  it('has its names in any case on Windows, and nowhere else', () => {
    const given = { Wazuh_Manager: 'siem.example.org', Https_Proxy: 'http://proxy:3128' };
    const windows = takeEnvironment({ ...given }, 'win32');
    expect(windows).to.include({ WAZUH_MANAGER: given.Wazuh_Manager, HTTPS_PROXY: given.Https_Proxy });
    expect(windows['https_proxy']).to.equal(given.Https_Proxy);
    expect(takeEnvironment({ ...given }, 'linux')['WAZUH_MANAGER']).to.equal(undefined);
  });
});
