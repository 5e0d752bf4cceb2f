/**
 * Every way in which agent-enroll can fail, as one closed list.
 *
 * The exit code, the advice that a user reads and the decision to try again all follow from the code, so that the
 * command line, the JSON and the documentation cannot tell different stories.
 */

/** The exit codes that scripts depend on. */
export const EXIT = {
  ok: 0,
  internal: 1,
  usage: 2,
  unreachable: 3,
  untrusted: 4,
  refused: 5,
  file: 6,
  notAcknowledged: 7,
  answerLost: 8,
  interrupted: 130,
  terminated: 143,
} as const;

/** One of the exit codes of {@link EXIT}. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What each exit code means to a user, in words: the tables of the documentation are made of them. */
export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'enrolled (or already was), and the manager answered',
  internal: 'a fault in the program itself',
  usage: 'wrong usage or settings',
  unreachable: 'the manager cannot be reached, or did not answer in time; nothing was installed',
  untrusted: "the manager's certificate is not trusted",
  refused: 'the manager refused (password, token, name, group, version, permission, limit)',
  file: 'a local file could not be read or written',
  notAcknowledged: 'the key is installed, but the manager did not acknowledge it',
  answerLost: 'the request was sent and the answer lost: the agent may exist on the manager',
  interrupted: 'interrupted (Ctrl-C)',
  terminated: 'terminated (SIGTERM)',
};

interface Meaning {
  readonly exit: ExitCode;
  /** True where the same request can succeed later without anybody changing anything. */
  readonly retry: boolean;
  /** What to do about it, when whoever throws knows nothing better. */
  readonly hint: string;
}

/** What each code means to a user. The keys are the stable codes of the JSON output. */
export const MEANINGS = {
  INTERNAL: {
    exit: EXIT.internal,
    retry: false,
    hint: 'This is a fault in agent-enroll. Please report it together with the output of the same command with --verbose.',
  },

  SETTING_INVALID: { exit: EXIT.usage, retry: false, hint: 'Correct the setting and run the command again.' },
  MANAGER_MISSING: {
    exit: EXIT.usage,
    retry: false,
    hint: 'Name the manager with --manager HOST or WAZUH_MANAGER, or in <server><address> of ossec.conf.',
  },
  NAME_UNUSABLE: { exit: EXIT.usage, retry: false, hint: 'Give this agent a name of its own with --name.' },
  IMPORT_INVALID: {
    exit: EXIT.usage,
    retry: false,
    hint: 'Give what manage_agents -e or the API shows (base64), a line of client.keys, or a whole client.keys with --id or --name.',
  },
  KEY_PRESENT: {
    exit: EXIT.usage,
    retry: false,
    hint: 'The key that is there was left alone. To replace it, run the same command with --yes.',
  },
  KEY_IN_USE: {
    exit: EXIT.usage,
    retry: false,
    hint: 'Stop the agent first, or take the key away from under it with --yes: a daemon whose key is refused may enroll by itself again.',
  },
  API_CREDENTIALS_MISSING: {
    exit: EXIT.usage,
    retry: false,
    hint: 'Give --api-user and --api-password-file. Or set the key aside on this host alone with --yes, and delete the agent on the manager: manage_agents -r ID, or on a Wazuh 5 by its REST API.',
  },

  HOST_UNRESOLVED: {
    exit: EXIT.unreachable,
    retry: true,
    hint: "Check the manager's name, and the name servers of this host.",
  },
  CONNECTION_REFUSED: {
    exit: EXIT.unreachable,
    retry: true,
    hint: 'Check that the service runs on the manager and listens on this port.',
  },
  CONNECTION_TIMED_OUT: {
    exit: EXIT.unreachable,
    retry: true,
    hint: 'Check the address, and the firewalls between this host and the manager.',
  },
  CONNECTION_FAILED: {
    exit: EXIT.unreachable,
    retry: true,
    hint: 'Check the network between this host and the manager.',
  },
  DEADLINE_PASSED: {
    exit: EXIT.unreachable,
    retry: false,
    hint: 'Give the run more time with --deadline, or find out what takes so long: standard input, name servers, or the manager.',
  },
  PROXY_UNREACHABLE: {
    exit: EXIT.unreachable,
    retry: true,
    hint: 'Check the proxy that --proxy or HTTPS_PROXY names. --proxy none, or the manager in NO_PROXY, goes without.',
  },
  PROXY_REFUSED: {
    exit: EXIT.unreachable,
    retry: false,
    hint: 'Allow connections to this host and port on the proxy, or go without: --proxy none, or the manager in NO_PROXY.',
  },
  PROXY_CREDENTIALS_REFUSED: {
    exit: EXIT.unreachable,
    retry: false,
    hint: 'Name the user and password in the proxy setting: http://USER:PASSWORD@HOST:PORT, in HTTPS_PROXY rather than --proxy.',
  },
  NOT_PROXY: {
    exit: EXIT.unreachable,
    retry: false,
    hint: 'Check --proxy or HTTPS_PROXY: the scheme (http:// or https://), the host and the port of the proxy.',
  },
  TLS_FAILED: {
    exit: EXIT.unreachable,
    retry: false,
    hint: 'Check that the port is that of authd (1515), and that both sides allow TLS 1.2 or 1.3.',
  },
  NOT_AUTHD: {
    exit: EXIT.unreachable,
    retry: false,
    hint: 'Check --enrollment-server and --enrollment-port: authd listens on 1515 unless it was told otherwise.',
  },
  NOT_API: {
    exit: EXIT.unreachable,
    retry: false,
    hint: "Check --api-url: the manager's API listens on 55000 unless it was told otherwise, with https.",
  },
  NOT_MANAGER: {
    exit: EXIT.unreachable,
    retry: false,
    hint: "Check the manager's address, port and prefix: the remoted of a Wazuh 5 listens on 1517, below /wazuh-manager/, unless it was told otherwise.",
  },
  MANAGER_NOT_READY: {
    exit: EXIT.unreachable,
    retry: true,
    hint: 'The manager may be starting or have much to do: try again in a minute. If it stays like this, look into its log (ossec.log).',
  },
  API_STARTING: {
    exit: EXIT.unreachable,
    retry: true,
    hint: 'The manager may be starting: try again in a minute. If it stays like this, look into its ossec.log and api.log.',
  },

  CERTIFICATE_UNTRUSTED: {
    exit: EXIT.untrusted,
    retry: false,
    hint: 'Give the right CA with --ca, or name the key of this certificate with --pin once you have checked it.',
  },
  CERTIFICATE_NAME_MISMATCH: {
    exit: EXIT.untrusted,
    retry: false,
    hint: 'Use a host name that the certificate has, give the manager a certificate that names it, or use --pin.',
  },
  CERTIFICATE_EXPIRED: {
    exit: EXIT.untrusted,
    retry: false,
    hint: "Renew the manager's certificate, or check the clocks of both hosts.",
  },
  PIN_MISMATCH: {
    exit: EXIT.untrusted,
    retry: false,
    hint: "Find out why the manager's key changed. If the change was intended, name the new one with --pin.",
  },
  FIRST_USE_MISMATCH: {
    exit: EXIT.untrusted,
    retry: false,
    hint: 'Find out why this manager shows another key than at the first enrollment. If it was intended, name the new one with --pin.',
  },

  API_CREDENTIALS_REFUSED: {
    exit: EXIT.refused,
    retry: false,
    hint: 'Correct --api-user and the password before you run this again: the API blocks an address after 50 failed logins.',
  },
  API_PERMISSION_DENIED: {
    exit: EXIT.refused,
    retry: false,
    hint: 'Give this API user a role with the action agent:create on *:*:*.',
  },
  API_BLOCKED: {
    exit: EXIT.refused,
    retry: false,
    hint: 'Wait five minutes without a login from this address, and correct the credentials first: the right password is refused as well until then.',
  },
  API_RATE_LIMITED: {
    exit: EXIT.refused,
    retry: true,
    hint: "All clients of the API share its limit of requests a minute. Try again in a minute, spread the hosts with --splay, or raise max_request_per_minute in the manager's api.yaml.",
  },
  PASSWORD_REFUSED: {
    exit: EXIT.refused,
    retry: false,
    hint: "Give the manager's enrollment password (etc/authd.pass there) with --password-file.",
  },
  PASSWORD_NOT_WANTED: {
    exit: EXIT.refused,
    retry: false,
    hint: 'This manager may want no password: run again without one, or enable the password on the manager.',
  },
  TOKEN_REFUSED: {
    exit: EXIT.refused,
    retry: false,
    hint: 'Make another enrollment token on the manager: wazuh-manager-authd --create-enrollment-token --address NAME.',
  },
  REENROLL_SECRET_REFUSED: {
    exit: EXIT.refused,
    retry: false,
    hint: 'Enroll with a token or the password: the manager does not know this agent any more, so its reenroll.secret is of no use.',
  },
  CLOCK_REFUSED: {
    exit: EXIT.refused,
    retry: false,
    hint: "Correct the clock of this host, or the manager's: a request is good for a minute only.",
  },
  CLOSED_SILENTLY: {
    exit: EXIT.refused,
    retry: false,
    hint: 'Check the password, and whether the manager wants a client certificate (--cert, --key).',
  },
  CLIENT_CERTIFICATE_REQUIRED: {
    exit: EXIT.refused,
    retry: false,
    hint: "Give a certificate that the manager's CA has signed, with --cert and --key.",
  },
  CLIENT_CERTIFICATE_REFUSED: {
    exit: EXIT.refused,
    retry: false,
    hint: "Give a certificate that was signed by the CA that the manager's authd was given.",
  },
  REQUEST_REFUSED: {
    exit: EXIT.refused,
    retry: false,
    hint: "Look into the manager's log (ossec.log) for the reason.",
  },
  NAME_REFUSED: {
    exit: EXIT.refused,
    retry: false,
    hint: "Choose another name with --name: 2 to 128 of letters, digits, '.', '_' and '-', and not the manager's own.",
  },
  NAME_DUPLICATE: {
    exit: EXIT.refused,
    retry: false,
    hint: 'Choose another name with --name, or remove the old agent on the manager (manage_agents -r). A manager replaces an agent only once it has been disconnected, and registered, for an hour.',
  },
  IP_REFUSED: { exit: EXIT.refused, retry: false, hint: 'Use --ip any, or a valid address or range.' },
  IP_DUPLICATE: {
    exit: EXIT.refused,
    retry: false,
    hint: 'Another agent has this address on the manager: remove that agent, or enroll with --ip any.',
  },
  GROUP_UNKNOWN: {
    exit: EXIT.refused,
    retry: false,
    hint: 'Create the group on the manager first, or leave --groups out.',
  },
  GROUP_REFUSED: {
    exit: EXIT.refused,
    retry: false,
    hint: 'Group names are up to 255 characters without spaces and without \\ / : * ? " < > | , and separated by single commas.',
  },
  GROUP_LIMIT: { exit: EXIT.refused, retry: false, hint: 'Name fewer groups: a manager takes 128 at most.' },
  VERSION_REFUSED: {
    exit: EXIT.refused,
    retry: false,
    hint: "Upgrade the manager, or install an agent that is not newer, or allow it with <allow_higher_versions> in the manager's <auth>.",
  },
  MANAGER_UNSUPPORTED: {
    exit: EXIT.refused,
    retry: false,
    hint: 'Upgrade the manager: it is a pre-release of Wazuh 5.',
  },
  AGENT_LIMIT: {
    exit: EXIT.refused,
    retry: true,
    hint: 'Remove agents that are not needed any more on the manager, or raise its limit of agents.',
  },
  MANAGER_FAULT: {
    exit: EXIT.refused,
    retry: true,
    hint: 'The manager could not do it. Look into its log (ossec.log); client.keys may not be writable there, or no id is left.',
  },
  CLUSTER_UNREACHABLE: {
    exit: EXIT.refused,
    retry: true,
    hint: "The worker cannot reach its master. Enroll with the cluster's master, or try later.",
  },

  FILE_UNREADABLE: { exit: EXIT.file, retry: false, hint: 'Check that the file exists and may be read by this user.' },
  FILE_UNWRITABLE: {
    exit: EXIT.file,
    retry: false,
    hint: 'Run as root (Administrator on Windows), or choose another place with --agent-home or --keys.',
  },
  KEYS_INVALID: {
    exit: EXIT.file,
    retry: false,
    hint: 'The first entry of client.keys must be "id name ip key". Enroll again with --force to replace it.',
  },
  CONFIG_UNCLEAR: {
    exit: EXIT.file,
    retry: false,
    hint: 'Correct the file at this line, or leave --write-config out. Nothing was changed in it.',
  },
  KEY_MISSING: { exit: EXIT.file, retry: false, hint: 'Enroll first: agent-enroll --manager HOST.' },
  MANAGER_HOME: {
    exit: EXIT.file,
    retry: false,
    hint: "A manager's client.keys is its list of agents, and is left alone. To enroll an agent that is installed beside it, name its home with --agent-home.",
  },

  ANOTHER_RUN: { exit: EXIT.file, retry: true, hint: 'Wait for the other run to end, and run the command again.' },

  LINK_PORT_CLOSED: {
    exit: EXIT.notAcknowledged,
    retry: false,
    hint: 'Check that remoted runs on the manager, and the agent port and protocol (--port, --protocol).',
  },
  LINK_UNANSWERED: {
    exit: EXIT.notAcknowledged,
    retry: false,
    hint: "An OSSEC manager is silent to a key that it does not know, and so is a firewall. Check that UDP gets through, and look for this agent in the manager's client.keys; --force enrolls again.",
  },
  LINK_NOT_ACKNOWLEDGED: {
    exit: EXIT.notAcknowledged,
    retry: false,
    hint: "The manager does not accept the key from this address. Look into the manager's log (ossec.log), and for this agent in its client.keys.",
  },
  LINK_OTHER_SERVICE: {
    exit: EXIT.notAcknowledged,
    retry: false,
    hint: "Check the manager's address and the agent port (--port): remoted listens on 1514 unless it was told otherwise.",
  },
  LINK_SILENT: {
    exit: EXIT.notAcknowledged,
    retry: false,
    hint: 'Check the agent port and protocol (--port, --protocol), and the firewalls between this host and the manager.',
  },
  LINK_REFUSED: {
    exit: EXIT.notAcknowledged,
    retry: false,
    hint: "Look into the manager's log (ossec.log).",
  },
  LINK_NOT_READY: {
    exit: EXIT.notAcknowledged,
    retry: false,
    hint: 'The key is good: run agent-enroll check once the manager is ready. If it stays like this, look into its log (ossec.log).',
  },
  LINK_VERSION_REFUSED: {
    exit: EXIT.notAcknowledged,
    retry: false,
    hint: "Upgrade the manager, or install an agent that is not newer, or allow it with <allow_higher_versions> in the manager's <remote>.",
  },
  KEY_OF_ANOTHER_MACHINE: {
    exit: EXIT.notAcknowledged,
    retry: false,
    hint: 'Run agent-enroll, so that this host is enrolled as itself. If it is the same machine all the same, say so with --no-machine-binding.',
  },
  AGENT_NOT_CONNECTED: {
    exit: EXIT.notAcknowledged,
    retry: false,
    hint: "Look into the agent's log (logs/ossec.log in its home). If the manager no longer has this agent, run agent-enroll --force and restart the agent.",
  },
  AGENT_RESTART_NEEDED: {
    exit: EXIT.notAcknowledged,
    retry: false,
    hint: 'Restart the agent so that it uses the new key, then run agent-enroll check.',
  },

  ANSWER_LOST: {
    exit: EXIT.answerLost,
    retry: false,
    hint: 'The agent may exist on the manager now. Look for its name there before you enroll again.',
  },
  REPLY_INVALID: {
    exit: EXIT.answerLost,
    retry: false,
    hint: 'Nothing was written. Check that the port is that of an enrollment service, and whether the agent exists on the manager now.',
  },

  INTERRUPTED: {
    exit: EXIT.interrupted,
    retry: false,
    hint: 'Run the same command again; it goes on where it was stopped.',
  },
  TERMINATED: {
    exit: EXIT.terminated,
    retry: false,
    hint: 'Run the same command again; it goes on where it was stopped.',
  },
} as const satisfies Record<string, Meaning>;

/** A stable error code: what a script compares with. */
export type ErrorCode = keyof typeof MEANINGS;

/** What an {@link EnrollError} carries beside its sentence. */
export interface ErrorDetails {
  /** Advice that fits this case better than the code's own. */
  readonly hint?: string;
  /** The manager's own words, already made printable and cut to a sane length. */
  readonly managerSaid?: string | undefined;
  readonly cause?: unknown;
}

/**
 * The one error class of the library. `message` says what happened, `hint` what to do, `cause` holds what was caught.
 *
 * @example
 * try { await enroll(settings) } catch (error) {
 *   if (error instanceof EnrollError && error.code === 'NAME_DUPLICATE') await retireOldAgent();
 *   else throw error;
 * }
 */
export class EnrollError extends Error {
  override readonly name = 'EnrollError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly managerSaid: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint ?? MEANINGS[code].hint;
    this.managerSaid = details.managerSaid;
  }

  /** The exit code that the program ends with. */
  get exitCode(): ExitCode {
    return MEANINGS[this.code].exit;
  }

  /** Whether the same request can succeed later without anybody changing anything. */
  get retryable(): boolean {
    return MEANINGS[this.code].retry;
  }
}

/** Any thrown value as an {@link EnrollError}: itself, or a fault of the program (`INTERNAL`) with the value as its cause. */
export function asEnrollError(thrown: unknown): EnrollError {
  if (thrown instanceof EnrollError) return thrown;
  if (NO_DESCRIPTOR.has(systemCode(thrown))) {
    // Also a module of this program's own may be the one that could not be opened.
    return new EnrollError('FILE_UNREADABLE', `Too many files are open (${systemCode(thrown)}).`, {
      hint: 'Raise the limit of open files (ulimit -n), and run the command again.',
      cause: thrown,
    });
  }
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  return new EnrollError('INTERNAL', `Something went wrong inside agent-enroll: ${said}`, { cause: thrown });
}

const NO_DESCRIPTOR: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE']);

/** The `code` of a Node system error (`ENOENT`, `ECONNREFUSED`, …), if the thrown value is one. */
export function systemCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}

/**
 * The reason of an aborted signal as an {@link EnrollError}: whoever aborts names the reason (a deadline, Ctrl-C).
 * Call it after a wait was cut short by `signal`.
 */
export function abortReason(signal: AbortSignal): EnrollError {
  if (signal.reason instanceof EnrollError) return signal.reason;
  return new EnrollError('INTERRUPTED', 'Interrupted.', { cause: signal.reason });
}
