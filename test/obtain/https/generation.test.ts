import { expect } from 'chai';
import { describe, it } from 'mocha';
import { MEANINGS } from '../../../src/errors.js';
import { generationError } from '../../../src/obtain/https/generation.js';
import { told } from './refusal-words.js';

const CMAC = 'It is a pre-release of Wazuh 5 that signs with AES-CMAC, which nothing else speaks';

describe('a pre-release that cannot be asked for a key', () => {
  it('is told by its 401, whatever the request was signed with', () => {
    const body = JSON.stringify({ error: 'Invalid client authentication', code: 401 });
    expect(told({ status: 401, body }, 'password')).to.deep.equal({
      code: 'MANAGER_UNSUPPORTED',
      message: `The manager cannot be asked for a key. ${CMAC}. It said: "Invalid client authentication" (HTTP 401, 401).`,
    });
  });

  it('is upgraded where it signs with AES-CMAC', () => {
    const error = generationError('cmac', 'manager:1517', false);
    expect(error).to.include({
      code: 'MANAGER_UNSUPPORTED',
      message: `manager:1517 cannot be asked for a key. ${CMAC}: upgrade it.`,
      hint: MEANINGS.MANAGER_UNSUPPORTED.hint,
    });
  });

  it('is none where it can be asked as it is to be', () => {
    expect(generationError('password', 'manager:1517', false)).to.equal(undefined);
    expect(generationError('tokens', 'manager:1517', true)).to.equal(undefined);
    expect(generationError('tokens', 'manager:1517', false)).to.equal(undefined);
  });

  it('is asked by its password where it knows no tokens', () => {
    expect(generationError('password', 'manager:1517', true)).to.include({
      code: 'MANAGER_UNSUPPORTED',
      message: 'manager:1517 is a pre-release of Wazuh 5 that is too old for enrollment tokens.',
      hint: 'Upgrade it, or enroll with its password and its CA: --password-file and --ca.',
    });
  });
});
