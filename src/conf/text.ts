/** An ampersand that begins no entity; the agent's reader takes it as it stands. */
const BARE_AMPERSAND = /&(?!(?:[A-Za-z]+|#\d+|#x[0-9A-Fa-f]+);)/g;

/** The text as well-formed as it was meant: without comments, bare `&` escaped. Lines stay where they are. */
export function forgiven(text: string): string {
  return withComments(text, (comment) => comment.replace(/[^\r\n]/g, '')).replace(BARE_AMPERSAND, '&amp;');
}

/** As {@link forgiven}, but every character stays where it is: comments are blank, and a bare `&` is a `+`. */
export function forgivenInPlace(text: string): string {
  return withComments(text, (comment) => comment.replace(/[^\r\n]/g, ' ')).replace(BARE_AMPERSAND, '+');
}

/** Replaces each comment. The agent's reader, unlike XML, allows `--` in one. */
function withComments(text: string, replace: (comment: string) => string): string {
  const parts: string[] = [];
  let at = 0;
  for (;;) {
    const start = text.indexOf('<!--', at);
    const end = start < 0 ? -1 : text.indexOf('-->', start + 4);
    if (end < 0) break;
    parts.push(text.slice(at, start), replace(text.slice(start, end + 3)));
    at = end + 3;
  }
  return parts.join('') + text.slice(at);
}
