/** HTML as tags, for tests of pages that escape everything: then every `<` begins a tag. */

export interface Tag {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

const voids = new Set(['meta', 'link', 'br', 'hr', 'img', 'input']);

/** Every tag that opens, in order. @throws Error when tags do not close in the order in which they opened. */
export function tagsOf(html: string): Tag[] {
  const open: string[] = [];
  const tags: Tag[] = [];
  const body = html.replace(/^<!doctype html>/i, '').replace(/<style>[^<]*<\/style>/g, '<style></style>');
  for (const piece of body.split('<').slice(1)) {
    const found = /^(\/?)([a-z][a-z0-9]*)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*\/?>/.exec(piece);
    if (!found) throw new Error(`not a tag: <${piece.slice(0, 60)}`);
    const [, slash, name = '', attributes = ''] = found;
    if (slash === '/') {
      const expected = open.pop();
      if (expected !== name) throw new Error(`</${name}> closes <${expected ?? 'nothing'}>`);
      continue;
    }
    if (!voids.has(name)) open.push(name);
    tags.push({ name, attributes: attributesOf(attributes) });
  }
  if (open.length > 0) throw new Error(`never closed: ${open.join(', ')}`);
  return tags;
}

function attributesOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/([a-z-]+)(?:="([^"]*)")?/g)].map(([, name = '', value = '']) => [name, unescaped(value)]),
  );
}

/** What a reader sees: without tags, entities decoded. */
export function textOf(html: string): string {
  return unescaped(html.replace(/<style>[^<]*<\/style>/g, '').replace(/<[^>]*>/g, ' '));
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}
