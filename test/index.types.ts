import {
  check,
  type EnrollError,
  enroll,
  exportKey,
  importKey,
  type OptionsOf,
  type Report,
  retire,
  Secret,
} from '../src/index.js';

/*
 * What the compiler must accept and refuse of the library. It is compiled with the tests and never run.
 */
export async function accepted(signal: AbortSignal): Promise<readonly Report[]> {
  const options: OptionsOf<'enroll'> = {
    manager: ['a.example', 'b.example:1514'],
    passwordFile: '/run/secrets/pw',
    enrollmentPort: 1515,
    groups: 'web,db',
    handshake: false,
    force: true,
    name: undefined,
  };
  return [
    await enroll(options),
    await enroll({ manager: 'a.example' }, { signal, onEvent: ({ kind }) => kind, environment: {} }),
    await check({ manager: 'a.example', wait: '5s' }, { signal: undefined }),
    await importKey(new Secret('MDAx'), { id: 1, yes: true }),
    await exportKey({ agentHome: '/var/ossec' }),
    await retire({ apiUser: 'retire', apiPasswordFile: '/run/secrets/api', yes: true, deadline: '30s' }),
  ];
}

export async function refused(error: EnrollError): Promise<void> {
  // @ts-expect-error: camel case
  await enroll({ 'password-file': '/run/secrets/pw' });
  // @ts-expect-error: a switch is true or false
  await enroll({ force: 'yes' });
  // @ts-expect-error: what concerns printing is the program's
  await enroll({ json: true });
  // @ts-expect-error: a dry run is no enrollment
  await enroll({ dryRun: true });
  // @ts-expect-error: check asks nobody for a key
  await check({ passwordFile: '/run/secrets/pw' });
  // @ts-expect-error: one place
  await check({ agentHome: ['/var/ossec'] });
  // @ts-expect-error: a closed union
  if (error.code === 'NO_SUCH_CODE') throw error;
  // @ts-expect-error: a report has no key
  (await check({})).key.toString();
}
