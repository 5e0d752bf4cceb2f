import type { EnrollError } from '../errors.js';
import type { IpSetting } from '../host/address-setting.js';
import type { CipherSetting } from '../link/message/candidates.js';
import type { Protocol } from '../link/message/transport.js';
import type { Endpoint } from '../model/endpoint.js';
import type { HttpsEndpoint } from '../model/https-endpoint.js';
import type { Secret } from '../model/secret.js';
import type { ProxySettings } from '../net/proxy-settings.js';
import type { ClientCertificate } from '../net/trust.js';
import type { EnrollmentToken } from '../obtain/https/token.js';
import type { OptionName } from './options.js';
import type { Origin, Sourced } from './origin.js';

/** One manager: where its agents connect, and how. */
export interface ManagerSettings {
  /** The agent port (remoted); with `https` that one's. */
  readonly agent: Endpoint;
  /** `auto` with `https`. */
  readonly protocol: 'auto' | Protocol;
  /** Where authd listens; with `https`, where that does. */
  readonly enrollment: Endpoint;
  /** Present: it is named as a Wazuh 5, and takes its agents here. */
  readonly https?: HttpsEndpoint;
}

/** Who asks the manager's REST API, and where. */
export interface ApiSettings {
  /** Absent: port 55000 of the manager, over https. */
  readonly url?: string;
  readonly user: string;
  /** As its bytes stand; a text in UTF-8. */
  readonly password: Secret<Uint8Array>;
}

/** An enrollment service that only a file names which others than root can change. */
export interface Hearsay {
  readonly endpoint: Endpoint;
  /** Where it is named. */
  readonly origin: Origin;
  /** What would be sent there and those others cannot read by themselves, in words, and where it comes from. */
  readonly secrets: readonly Sourced<string>[];
  /** Of the CA that would have to vouch for it, and that they can change as well; absent: there is none. */
  readonly ca?: Origin;
}

/** What `check` cannot use of the settings, and looks at the rest all the same. */
export interface Unsettled {
  /** Why there is no manager to look at. */
  readonly managers?: EnrollError;
  /** Why the enrollment service cannot be judged. */
  readonly enrollment?: EnrollError;
}

/** Told what the user should know, as it is found. */
export type Warn = (text: string) => void;

/**
 * How the key is got. `why`: what decided it, in words. `discover`: nobody has said, so a manager that shows itself as a
 * Wazuh 5 is asked over HTTPS; one that is named by https is in any case.
 */
export type MethodSettings =
  | { readonly use: 'authd'; readonly why: string; readonly discover?: true }
  | { readonly use: 'api' | 'https'; readonly why: string; readonly discover?: never };

/** Everything that the journey needs to be told, checked, as plain values. */
export interface Settings {
  /** Tried in order; never empty where the command contacts a manager. */
  readonly managers: readonly ManagerSettings[];
  /** The name, or a pattern for it, as the user gave it; absent: the host's own. */
  readonly name?: string;
  /** Present with {@link name}. */
  readonly nameOrigin?: Origin;
  readonly method: MethodSettings;
  /**
   * An enrollment token of a Wazuh 5. Then `managers` is the one that it names, the method is `https`, there is no
   * password, and `trust` says nothing: the token's own anchor counts.
   */
  readonly token?: EnrollmentToken;
  /** Present with {@link token}: an installer has left it in the agent's home, to be used once. */
  readonly tokenOfInstaller?: true;
  /** Present where the method is `api`. */
  readonly api?: ApiSettings;
  /** Of `check`: the REST API to look at, where one is named. */
  readonly apiUrl?: string;
  /** Of `check`; absent: all can be used. */
  readonly unsettled?: Unsettled;
  readonly ip: IpSetting;
  readonly groups: readonly string[];
  /** The enrollment password, as its bytes stand; a text in UTF-8. */
  readonly password?: Secret<Uint8Array>;
  readonly trust: {
    /** PEM text. */
    readonly ca?: string;
    /** 64 lower-case hex digits. */
    readonly pin?: string;
    readonly insecure: boolean;
  };
  readonly clientCertificate?: ClientCertificate;
  /** Absent: there are none. What is to be done about them is {@link requireVouched}'s to say. */
  readonly hearsay?: readonly Hearsay[];
  /** Which hosts it is for is {@link proxyFor}'s to say. */
  readonly proxy?: ProxySettings;
  readonly cipher: CipherSetting;
  readonly force: boolean;
  readonly handshake: boolean;
  /** Whether the installed ossec.conf is to be pointed at the manager that was used. */
  readonly writeConfig: boolean;
  /** Whether the key is tied to this machine, so that a copy of it elsewhere is not used. */
  readonly machineBinding: boolean;
  /** The window over which a fleet's first contacts are spread, in milliseconds; 0: none. */
  readonly splayMs: number;
  readonly timeoutMs: number;
  /** How often an unreachable manager is tried again. */
  readonly retries: number;
  /** What it takes to ask for a new key in place of one that is not acknowledged. */
  readonly reenroll: 'certain' | 'likely' | 'never';
  /** Of the whole run; absent: none. */
  readonly deadlineMs?: number;
  readonly waitMs: number;
}

/** One line of what `detect` shows. */
export interface ShownSetting {
  readonly name: OptionName;
  /** In words; of a secret, only that it is set. */
  readonly value: string;
  readonly origin: Origin;
}
