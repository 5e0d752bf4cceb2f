import { EnrollError } from '../../errors.js';
import type { ManagerAnswer } from '../../model/manager-answer.js';
import { type Generation, signsWithCmac } from '../../model/manager-generation.js';
import type { Refusal } from './refusal-meaning.js';

const CMAC = 'It is a pre-release of Wazuh 5 that signs with AES-CMAC, which nothing else speaks';

/** What a 401 means that comes of the generation alone; `undefined`: it does not. */
export function unsignable(answer: ManagerAnswer): Refusal | undefined {
  return signsWithCmac(answer)
    ? { code: 'MANAGER_UNSUPPORTED', message: `The manager cannot be asked for a key. ${CMAC}.` }
    : undefined;
}

/**
 * Why a manager of this generation cannot be asked for a key; `undefined`: it can.
 * @param where `host:port`
 * @param withToken whether an enrollment token is to be used
 */
export function generationError(
  generation: Generation | 'unclear',
  where: string,
  withToken: boolean,
): EnrollError | undefined {
  if (generation === 'cmac') {
    return new EnrollError('MANAGER_UNSUPPORTED', `${where} cannot be asked for a key. ${CMAC}: upgrade it.`);
  }
  if (generation === 'password' && withToken) {
    return new EnrollError(
      'MANAGER_UNSUPPORTED',
      `${where} is a pre-release of Wazuh 5 that is too old for enrollment tokens.`,
      { hint: 'Upgrade it, or enroll with its password and its CA: --password-file and --ca.' },
    );
  }
  return undefined;
}
