/** A machine as it is noted: only who has its ids can tell that they are these. */
export interface MachineBinding {
  /** 32 hex digits, random. */
  readonly salt: string;
  /** 64 hex digits by the kind of id; names that this version does not know are kept. */
  readonly hashes: ReadonlyMap<string, string>;
}
