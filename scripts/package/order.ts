import type { Surroundings } from './content.js';

/** What a package is made of. */
export interface PackageOrder {
  /** As in the binary's name: `linux-x64`. */
  readonly platform: string;
  /** The path of the binary. */
  readonly binary: string;
  readonly version: string;
  /** Name and address, as Debian and Red Hat want to know them. */
  readonly maintainer: string;
  readonly surroundings: Surroundings;
  /** The licences of all that is in the binary. */
  readonly licences: string;
  /** The time that all files bear, in seconds since 1970. */
  readonly date: number;
  /** A directory for what lies around while it is built. */
  readonly scratch: string;
  /** Where the package goes. */
  readonly output: string;
}
