import { isNoRoute, type ManagerAnswer, refusalOf } from './manager-answer.js';

/**
 * The generations of Wazuh 5, of which only the last is meant to be released. What tells the pre-releases apart is
 * inferred in part, and stands in this file alone.
 *
 * - `tokens`: signed tokens, enrollment tokens, a published CA.
 * - `password`: signed tokens (JWT), and the enrollment password alone (about 27 August to 8 September 2026).
 * - `cmac`: requests signed with AES-CMAC (August 2026), which nothing else speaks.
 */
export type Generation = 'tokens' | 'password' | 'cmac';

/**
 * Which generation a remoted is, from what it answers to everybody.
 *
 * @param cacerts the answer to `GET cacerts`
 * @param control the answer to a `POST control` that is not signed; needed only where the other does not tell
 */
export function generationOf(cacerts: ManagerAnswer, control: ManagerAnswer | undefined): Generation | 'unclear' {
  if (!isNoRoute(cacerts)) return 'tokens';
  if (control === undefined || control.status !== 401) return 'unclear';
  // A proxy before it may have taken the Server away, by which a CA that is not published is told from an old manager.
  if (typeof refusalOf(control).code === 'string') return 'tokens';
  return signsWithCmac(control) ? 'cmac' : 'password';
}

/** Whether a 401 is that of a manager that signs with AES-CMAC: a number for a word, and no challenge. */
export function signsWithCmac(answer: ManagerAnswer): boolean {
  return refusalOf(answer).code === 401 && answer.header('www-authenticate') === undefined;
}
