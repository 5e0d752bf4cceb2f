/**
 * What CHANGELOG.md says of one version: from its heading (`## 0.1.0`, with or without brackets, followed by whatever
 * else stands there) to the next of that rank.
 * @returns `undefined` where it has no such heading, or nothing below it
 */
export function changelogSection(changelog: string, version: string): string | undefined {
  const lines = changelog.split(/\r?\n/);
  const start = lines.findIndex((line) => /^## \[?v?([^\]\s:]+)/.exec(line)?.[1] === version);
  if (start === -1) return undefined;
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => /^##? /.test(line));
  const text = rest
    .slice(0, end === -1 ? undefined : end)
    .join('\n')
    .trim();
  return text === '' ? undefined : `${lines[start]}\n\n${text}\n`;
}
