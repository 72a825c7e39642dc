import * as z from 'zod';
import { fileName, headerText, plainText, section, webUrl } from './schema-values.ts';

/** `hub` and the keys that a hub and each of its repository entries share. */

const headerValue = z.union([headerText, section({ file: fileName })], {
  error: 'must be text, or { file: NAME }',
});

const proxy = z
  .union([z.literal('none'), webUrl()], { error: 'must be the URL of a proxy, or none' })
  .describe('URL of an HTTP proxy, or `none` to go without the one of `upstream`');

/** How an upstream is reached and who asks. */
export const upstreamAccess = {
  username: plainText('must be text (in quotes if it looks like a number)', (text) =>
    /^[^:\p{Cc}]+$/u.test(text) ? null : 'must be a user name: not empty, without : and control characters',
  )
    .optional()
    .describe('User for HTTP Basic; needs `passwordFile`'),
  passwordFile: fileName.optional().describe('File with the password of `username`'),
  headers: z
    .record(z.string(), headerValue, { error: 'must be a map of header names to values' })
    .optional()
    .describe('Request headers to add; a value is text, or `{ file: NAME }` for what is secret'),
  tls: section({
    ca: fileName.optional().describe('PEM certificates to trust instead of `upstream.ca`'),
    cert: fileName.optional().describe('PEM client certificate; needs `key`'),
    key: fileName.optional().describe('PEM key of `cert`'),
  })
    .optional()
    .describe('Certificates for the connections to the upstream'),
  proxy: proxy.optional(),
};

/** RFC 1123 labels: names are parts of keys, URLs and metrics at the hub. */
function popNameProblem(text: string): string | null {
  return /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/.test(text)
    ? null
    : 'must be 1 to 63 of a-z, 0-9, . and -, beginning and ending with a letter or digit';
}

const hubUrl = webUrl().describe('Base URL of the hub');

export const hub = z.discriminatedUnion(
  'type',
  [
    section({ type: z.literal('yum'), ...upstreamAccess }),
    section({
      type: z.literal('pulp'),
      url: hubUrl,
      domain: z
        .string({ error: 'must be text' })
        .regex(/^[A-Za-z0-9_-]+$/, { error: 'must be the name of a Pulp domain' })
        .prefault('default')
        .describe('Pulp domain'),
      ...upstreamAccess,
    }),
    section({
      type: z.literal('waystation'),
      url: hubUrl,
      tokenFile: fileName.optional().describe('File with a registration token: this PoP registers by itself'),
      name: plainText('must be text (in quotes if it looks like a number)', popNameProblem)
        .optional()
        .describe('How this PoP would like to be called at its hub; default: the name of this host'),
      proxy: proxy.optional(),
    }),
  ],
  {
    error: ({ code }: z.core.$ZodRawIssue) =>
      code === 'invalid_type' ? 'must be a map' : 'must be yum, pulp or waystation',
  },
);
