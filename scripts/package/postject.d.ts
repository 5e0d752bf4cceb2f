/** postject comes without types. */
declare module 'postject' {
  /** Puts data into an ELF or PE file, and turns over the fuse by which Node knows that it is there. */
  export function inject(
    file: string,
    resource: string,
    data: Buffer,
    options: { readonly sentinelFuse: string },
  ): Promise<void>;
}
