import { html, raw } from 'hono/html';
import { style, styleSource } from './style.ts';

/** A piece of HTML in which every value was escaped. */
export type Markup = ReturnType<typeof html>;

/** An answer for people, ready to be written. */
export interface Page {
  /** All but Content-Length; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Nothing runs, nothing loads, nothing is sent: the style sheet by its hash and the icon are all that a page has. */
const policy = [
  "default-src 'none'",
  `style-src ${styleSource}`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Of everything that the page application answers. */
export const commonHeaders = {
  'cache-control': 'no-cache',
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const;

/** A dot between two waves: what holds while both sides move. */
const icon = [
  'data:image/svg+xml,',
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#0b5cad"/>' +
      '<path d="M4 5.5a3.5 3.5 0 0 0 0 5M12 5.5a3.5 3.5 0 0 1 0 5" stroke="#fff" stroke-width="1.5" fill="none"/>' +
      '<circle cx="8" cy="8" r="2" fill="#fff"/></svg>',
  ),
].join('');

/** In one piece: white space that a formatter adds to a template would belong to what the policy's hash is made of. */
const styleElement = raw(`<style>${style}</style>`);

/** A whole document. @param home the link to `/`, relative, so that it also holds behind a path of a proxy. */
export async function page(title: string, home: string, body: { head: Markup; main: Markup }): Promise<Page> {
  const text = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="icon" href="${icon}" />
        ${styleElement}
      </head>
      <body>
        <header>
          <h1><a href="${home}">waystation</a></h1>
          ${body.head}
        </header>
        <main>${body.main}</main>
      </body>
    </html> `;
  return { headers: { ...commonHeaders, 'content-type': 'text/html; charset=utf-8' }, body: String(text) };
}
