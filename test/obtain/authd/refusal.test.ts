import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type EnrollError, type ErrorCode, MEANINGS } from '../../../src/errors.js';
import { Secret } from '../../../src/model/secret.js';
import { closedSilently, isWholeRefusal, type ReplyContext, refusal } from '../../../src/obtain/authd/refusal.js';
import type { KeyRequest } from '../../../src/obtain/key-source.js';
import { passwordOf } from '../password.js';

const bare: KeyRequest = { name: 'web-01', ip: { kind: 'any' }, groups: ['a', 'b'] };
const present = { id: '003', name: 'web-01', ip: 'any', key: new Secret('ab'.repeat(32)) };
const context: ReplyContext = { clientCertificateSent: false, tlsVersion: 'TLSv1.2', confirmed: true };
const password = passwordOf('hunter2hunter2');

/** No hint: that of the code. */
interface Told {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

function told({ code, message, hint }: EnrollError): Told {
  return { code, message, ...(hint === MEANINGS[code].hint ? {} : { hint }) };
}

const NAME_HINT =
  "Choose another name with --name. A manager refuses its own host name too, and an OSSEC manager a name of which it has 255 numbered duplicates. 2 to 128 letters, digits, '.', '_' and '-' are allowed.";
const ID_HINT =
  'Remove agent 1031 on the manager (manage_agents -r 1031) if it is an old record of this host. An OSSEC manager that was started with -i takes one agent an address.';
const MASTER_HINT =
  'Look for the agent on the master before you enroll again, there if possible, and check that all nodes run one version.';
const PRESENT_HINT =
  'A Wazuh manager (4.2 and later) answers like this too when the key that is installed here is still good: try it with agent-enroll check. Otherwise remove the old agent on the manager, or choose another name with --name.';
const GROUPS = 'The manager does not have every group that was asked for (a, b).';

type Setting = { readonly request?: KeyRequest; readonly context?: ReplyContext };

const TEXTS: readonly (readonly [said: string, wanted: Told, setting?: Setting])[] = [
  [
    'Invalid password',
    { code: 'PASSWORD_REFUSED', message: 'The manager wants an enrollment password, and none was given.' },
  ],
  [
    'Invalid password',
    { code: 'PASSWORD_REFUSED', message: 'The manager did not accept the enrollment password.' },
    { context: { ...context, password } },
  ],
  [
    'Invalid request for new agent',
    { code: 'REQUEST_REFUSED', message: 'The manager did not understand the request.' },
  ],
  [
    'Invalid request for new agent',
    {
      code: 'PASSWORD_NOT_WANTED',
      message: 'The manager did not understand the request: it probably wants no enrollment password.',
    },
    { context: { ...context, password } },
  ],
  [
    'Invalid agent name: web-01',
    {
      code: 'NAME_REFUSED',
      message: 'The manager did not accept web-01 as the name of an agent.',
      hint: NAME_HINT,
    },
  ],
  [
    'Agent version must be lower or equal to manager version',
    { code: 'VERSION_REFUSED', message: 'The agent is newer than the manager allows.' },
  ],
  [
    'Invalid IP address: 1031',
    {
      code: 'IP_DUPLICATE',
      message: 'The agent with id 1031 is already registered on the manager with the address of this host.',
      hint: ID_HINT,
    },
  ],
  [
    'Invalid IP address:1031',
    {
      code: 'IP_DUPLICATE',
      message: 'The agent with id 1031 is already registered on the manager with the address of this host.',
      hint: ID_HINT,
    },
  ],
  [
    'Invalid IP address: 10.0.0.300',
    { code: 'IP_REFUSED', message: 'The manager did not accept the address for this agent.' },
  ],
  [
    'Invalid IP address: 10',
    {
      code: 'IP_DUPLICATE',
      message: 'The agent with id 10 is already registered on the manager with the address of this host.',
      hint: ID_HINT.replaceAll('1031', '10'),
    },
  ],
  [
    'Invalid IP address: 10x',
    { code: 'IP_REFUSED', message: 'The manager did not accept the address for this agent.' },
  ],
  [
    'Duplicate IP: 10.0.0.9',
    { code: 'IP_DUPLICATE', message: 'The manager has another agent with the address 10.0.0.9.' },
  ],
  [
    'Duplicated IP address:10.0.0.9',
    { code: 'IP_DUPLICATE', message: 'The manager has another agent with the address 10.0.0.9.' },
  ],
  ['Duplicate IP', { code: 'IP_DUPLICATE', message: 'The manager has another agent with the address asked for.' }],
  ['Duplicate IP:', { code: 'IP_DUPLICATE', message: 'The manager has another agent with the address asked for.' }],
  ['Invalid IP: 10.0.0.300', { code: 'IP_REFUSED', message: 'The manager did not accept the address for this agent.' }],
  [
    'Duplicate agent name: web-01',
    { code: 'NAME_DUPLICATE', message: 'The manager already has an agent called web-01.' },
  ],
  ['Duplicated name', { code: 'NAME_DUPLICATE', message: 'The manager already has an agent called web-01.' }],
  [
    'Duplicate agent name: web-01',
    { code: 'NAME_DUPLICATE', message: 'The manager already has an agent called web-01.', hint: PRESENT_HINT },
    { request: { ...bare, present } },
  ],
  ['Invalid group name: a b', { code: 'GROUP_REFUSED', message: 'The manager did not accept the name of a group.' }],
  ['Invalid group: a', { code: 'GROUP_UNKNOWN', message: 'The manager has no group called a.' }],
  ['Invalid group:a', { code: 'GROUP_UNKNOWN', message: 'The manager has no group called a.' }],
  ['Invalid group:', { code: 'GROUP_UNKNOWN', message: GROUPS }],
  ['Invalid Group(s) Name(s)', { code: 'GROUP_UNKNOWN', message: GROUPS }],
  ['Maximum multigroup reached: Limit is 128', { code: 'GROUP_LIMIT', message: 'The manager takes no more groups.' }],
  [
    'Internal manager error adding agent: web-01',
    { code: 'MANAGER_FAULT', message: 'The manager failed while it added the agent.' },
  ],
  [
    'Cannot comunicate with master',
    { code: 'CLUSTER_UNREACHABLE', message: 'This cluster worker could not reach its master.' },
  ],
  [
    'Cannot communicate with master',
    { code: 'CLUSTER_UNREACHABLE', message: 'This cluster worker could not reach its master.' },
  ],
  [
    'Invalid message format',
    {
      code: 'REQUEST_REFUSED',
      message: "This cluster worker did not understand its master's answer.",
      hint: MASTER_HINT,
    },
  ],
];

/** What holds the words of a refusal, and is none of those. */
const OTHERS = [
  'No Invalid password',
  'No Invalid request for new agent',
  'No Invalid agent name',
  'No Agent version must be lower',
  'No Invalid IP address: 1031',
  'No Duplicate IP: x',
  'Duplicate IPs',
  'No Invalid IP',
  'No Duplicate name',
  'No Invalid group name',
  'No Invalid group: x',
  'Invalid group(s) name(s) and more',
  'Invalid grouping',
  'No Maximum multigroup reached',
  'No Internal manager error',
  'No Cannot communicate with master',
  'No Invalid message format',
];

describe('what authd says of a refusal', () => {
  for (const [said, wanted, setting = {}] of TEXTS) {
    const where = Object.keys(setting).join();
    it(`"${said}"${where === '' ? '' : `, with another ${where},`} is ${wanted.code}`, () => {
      const error = refusal(`ERROR: ${said}. Unable to add agent`, setting.request ?? bare, setting.context ?? context);
      expect(told(error)).to.deep.equal({ ...wanted, message: `${wanted.message} It said: "${said}".` });
      expect(error.managerSaid).to.equal(said);
    });
  }

  it('is known by how it begins, and by no words within', () => {
    for (const said of OTHERS) {
      expect(told(refusal(`ERROR: ${said}`, bare, context)), said).to.deep.equal({
        code: 'REQUEST_REFUSED',
        message: `The manager refused the request. It said: "${said}".`,
      });
    }
  });

  it('is shown without the present key', () => {
    const error = refusal(`ERROR: odd ${'ab'.repeat(32)}`, { ...bare, present }, context);
    expect(error.managerSaid).to.equal('odd [secret]');
  });
});

describe('the end of a refusal', () => {
  for (const [what, reply, whole] of [
    ['of 4.13 and later', 'ERROR: x. Unable to add agent', true],
    ['of 4.0 to 4.12', 'ERROR: xERROR: Unable to add agent', true],
    ['of 3.x, in a line of its own', 'ERROR: x\n\nERROR: Unable to add agent.\n\n', true],
    ['without its last line end', 'ERROR: x\n\nERROR: Unable to add agent.\n', true],
    ['that is still to come', 'ERROR: x', false],
    ['that has begun', 'ERROR: x. Unable to add', false],
    ['with three line ends', 'ERROR: x. Unable to add agent\n\n\n', false],
    ['with something behind it', 'ERROR: x. Unable to add agent: y', false],
    ['that is nothing else', 'ERROR: Unable to add agent', true],
  ] as const) {
    it(`${what} ${whole ? 'is one' : 'is none'}`, () => expect(isWholeRefusal(Buffer.from(reply))).to.equal(whole));
  }

  it('is not looked for further than its length', () => {
    expect(refusal(`ERROR: ERROR: Unable to add agent${' '.repeat(60)}x`, bare, context).managerSaid).to.match(
      /^ERROR: Unable to add agent/,
    );
  });
});

describe('what is told of a silent close', () => {
  const closed = 'The manager closed the connection without an answer.';
  const wants = 'The manager may want a client certificate: --cert and --key.';
  const compares =
    'The manager may compare the client certificate with the address that this host has there (ssl_verify_host): it must name that address.';
  const lost = {
    code: 'ANSWER_LOST',
    message: `${closed} It had the request by then, or could have had it.`,
  } as const;
  const lostHint = `${MEANINGS.ANSWER_LOST.hint} The manager's log (ossec.log) has the reason: its authd may have ended.`;
  const early = { tlsVersion: 'TLSv1.3', confirmed: false } as const;

  const CLOSES: readonly (readonly [what: string, known: Partial<ReplyContext>, wanted: Told])[] = [
    ['TLS 1.3, the handshake over', { tlsVersion: 'TLSv1.3' }, { ...lost, hint: `${lostHint} ${wants}` }],
    [
      'TLS 1.3, the handshake over, a certificate sent',
      { tlsVersion: 'TLSv1.3', clientCertificateSent: true },
      { ...lost, hint: `${lostHint} ${compares}` },
    ],
    [
      'TLS 1.3, within the handshake',
      early,
      {
        code: 'CLOSED_SILENTLY',
        message: `${closed} It probably wants a client certificate.`,
        hint: `${wants} The manager's log (ossec.log) has the reason.`,
      },
    ],
    [
      'TLS 1.3, within the handshake, a certificate sent',
      { ...early, clientCertificateSent: true },
      {
        code: 'CLOSED_SILENTLY',
        message: `${closed} It probably did not accept the client certificate for this host.`,
        hint: `${compares} The manager's log (ossec.log) has the reason.`,
      },
    ],
    [
      'TLS 1.2, no password',
      {},
      {
        code: 'CLOSED_SILENTLY',
        message: `${closed} It probably wants an enrollment password.`,
        hint: `An OSSEC manager answers like this when it wants a password and gets none: give it with --password-file. ${wants}`,
      },
    ],
    [
      'TLS 1.2, a password and a certificate sent',
      { password, clientCertificateSent: true },
      {
        code: 'CLOSED_SILENTLY',
        message: `${closed} It probably did not accept the enrollment password.`,
        hint: `An OSSEC manager answers like this to a wrong password, and to any password if it wants none. It drops the last character of the first line of its etc/authd.pass: a file that was written without a line end has a password one character shorter, and of a line of two bytes none is left. ${compares}`,
      },
    ],
  ];
  for (const [what, known, wanted] of CLOSES) {
    it(what, () => expect(told(closedSilently({ ...context, ...known }))).to.deep.equal(wanted));
  }
});
