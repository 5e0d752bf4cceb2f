import type { IpSetting } from '../host/address-setting.js';
import type { CipherSetting } from '../link/message/candidates.js';
import type { Protocol } from '../link/message/transport.js';
import type { Endpoint } from '../model/endpoint.js';
import type { Secret } from '../model/secret.js';
import type { ProxySettings } from '../net/proxy-settings.js';
import type { ClientCertificate } from '../net/trust.js';
import type { OptionName } from './options.js';
import type { Origin } from './origin.js';

/** One manager: where its agents connect, and how. */
export interface ManagerSettings {
  /** The agent port (remoted). */
  readonly agent: Endpoint;
  readonly protocol: 'auto' | Protocol;
  /** Where authd listens. */
  readonly enrollment: Endpoint;
}

/** Who asks the manager's REST API, and where. */
export interface ApiSettings {
  /** Absent: port 55000 of the manager, over https. */
  readonly url?: string;
  readonly user: string;
  readonly password: Secret;
}

/** Everything that the journey needs to be told, checked, as plain values. */
export interface Settings {
  /** Tried in order; never empty where the command contacts a manager. */
  readonly managers: readonly ManagerSettings[];
  /** The name, or a pattern for it, as the user gave it; absent: the host's own. */
  readonly name?: string;
  /** How the key is got. `why`: what decided it, in words. */
  readonly method: { readonly use: 'authd' | 'api'; readonly why: string };
  /** Present where the method is `api`. */
  readonly api?: ApiSettings;
  readonly ip: IpSetting;
  readonly groups: readonly string[];
  readonly password?: Secret;
  readonly trust: {
    /** PEM text. */
    readonly ca?: string;
    /** 64 lower-case hex digits. */
    readonly pin?: string;
    readonly insecure: boolean;
  };
  readonly clientCertificate?: ClientCertificate;
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
