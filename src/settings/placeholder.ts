// What templates and installers write where a value is to be filled in. As one expression it is compiled once.
const UNFILLED =
  /^(?:<[^<>]*>|\$\{[^{}]*\}|\$[A-Za-z_]\w*|\{\{[\s\S]*\}\}|%[A-Za-z_]\w*%|@[A-Za-z_]\w*@|__\w+__|change[-_]?me)$/i;

/** Names for what is to stand there: `MANAGER_IP` of the packages, and its like. No host is called so. */
const NAMES_OF_A_HOST = [
  /^(?:[A-Z]+_)*(?:MANAGER|SERVER)_(?:IP|ADDR|ADDRESS|HOST|HOSTNAME|NAME|FQDN|PORT)$/,
  /^(?:(?:your|my|the)[-_]?)?(?:(?:wazuh|ossec)[-_]?)?(?:manager|server)[-_]?(?:ip|address)$/i,
];

/** Addresses that stand for none. */
const NO_HOST = /^(?:0\.0\.0\.0|\[?::\]?|\[?(?:0{1,4}:){7}0{1,4}\]?)$/;

/** Whether a text stands for a value that somebody was to fill in, whatever it is to be. */
export function isPlaceholder(text: string): boolean {
  const word = withoutPort(text);
  return UNFILLED.test(word) || isHostPlaceholder(word);
}

/** Whether a text stands for a host that somebody was to name: it may be well-formed as the name of one. */
export function isHostPlaceholder(text: string): boolean {
  const word = withoutPort(text);
  if (UNFILLED.test(word) || NO_HOST.test(word)) return true;
  // The two are large, and most hosts are called otherwise.
  return /manager|server/i.test(word) && NAMES_OF_A_HOST.some((form) => form.test(word));
}

function withoutPort(text: string): string {
  const word = text.trim().replace(/^https?:\/\//i, '');
  return word.replace(/(?<=[^:]):\d{1,5}$/, '');
}
