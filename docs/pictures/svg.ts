/** What all pictures have in common: words as text, in whatever font there is, told to those who cannot see them. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly font: 'sans-serif' | 'monospace';
  readonly size: number;
  readonly title: string;
  /** The same in words. */
  readonly description: string;
  readonly background: string;
}

/** A picture as SVG, with these elements, a line each. */
export function picture(what: Picture, elements: readonly string[]): string {
  const { width, height, font, size, title, description, background } = what;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title desc" font-family="${font}" font-size="${size}">`,
    `  <title id="title">${escaped(title)}</title>`,
    `  <desc id="desc">${escaped(description)}</desc>`,
    `  <rect width="${width}" height="${height}" rx="8" fill="${background}"/>`,
    ...elements.map((element) => `  ${element}`),
    '</svg>',
    '',
  ].join('\n');
}

/** Text as it stands in XML. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
