/** Whether a host is a link-local address (fe80::/10), which means something else on each interface. */
export function isLinkLocal(host: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(host);
}

/** A host without its zone. */
export function bareHost(host: string): string {
  return host.replace(/%.*$/, '');
}

/** Whether two texts are one host. Only where both name an interface it has to be the same. */
export function isSameHost(one: string, other: string): boolean {
  const both = one.includes('%') && other.includes('%');
  const [first, second] = both ? [one, other] : [bareHost(one), bareHost(other)];
  return first.toLowerCase() === second.toLowerCase();
}
