/** Where agents are to connect. */
export interface ConfTarget {
  /** A name or an address; a link-local one with its zone. */
  readonly host: string;
  readonly port: number;
  /** Absent: not known, and what the file says of it stays. */
  readonly protocol?: 'tcp' | 'udp';
  /** The number of the interface in the host's zone; absent: there is none, or it is not known. */
  readonly interfaceIndex?: number;
  /** Where a Wazuh 5 agent connects by https; absent: what the file says of this host stays, else the defaults. */
  readonly https?: { readonly port: number; readonly prefix: string };
  /** What a Wazuh 5 agent is to say when it enrolls again; absent, or a part of it: what the file says stays. */
  readonly enrollment?: { readonly name?: string; readonly groups?: readonly string[] };
}
