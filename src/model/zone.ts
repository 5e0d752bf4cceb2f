/** Whether a host is a link-local address (fe80::/10), which means something else on each interface. */
export function isLinkLocal(host: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(host);
}
