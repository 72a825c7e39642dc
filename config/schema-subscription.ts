import * as z from 'zod';
import { hub, upstreamAccess } from './schema-hub.ts';
import { pathPatternProblem } from './path-pattern.ts';
import { repositoryPathProblem } from './repository-path.ts';
import { duration, fileName, oneOf, plainText, section, size, trueOrFalse, webUrl } from './schema-values.ts';

/** `subscriptions`: what this PoP takes, from where, and by which policy. */

/** `on-demand`, `full`, or `newest:N`. */
export type Policy = 'on-demand' | 'full' | `newest:${number}`;

const policyText = 'must be on-demand, full or newest:N';
const policy = z
  .string({ error: policyText })
  .regex(/^(on-demand|full|newest:[1-9]\d{0,5})$/, { error: policyText })
  .transform((text) => text as Policy);

const gpgKey = fileName.optional().describe('File with the OpenPGP public keys of the repository, offered to clients');
const repoGpgCheck = trueOrFalse.optional().describe('Verify the signature of repomd.xml with `gpgKey`; default false');

const access = z.union([oneOf(['open', 'deny']), z.looseObject({})], { error: 'must be open or deny' });

const mirrorUrl = webUrl({ query: true }).optional();

const repository = section({
  path: plainText('must be a path', repositoryPathProblem).describe('Path below `/content/`, after `prefix`'),
  content: oneOf(['rpm', 'file'])
    .prefault('rpm')
    .describe('`rpm`: packages; `file`: plain files that a `PULP_MANIFEST` lists'),
  url: webUrl().optional().describe('Base URL: what `repodata/repomd.xml` or `PULP_MANIFEST` is below of'),
  urls: z
    .array(webUrl(), { error: 'must be a list of URLs' })
    .optional()
    .describe('More base URLs of the same content, tried in order after `url`'),
  mirrorlist: mirrorUrl.describe('URL of a list of base URLs, one a line'),
  metalink: mirrorUrl.describe('URL of a metalink document for repomd.xml'),
  gpgKey,
  repoGpgCheck,
  ...upstreamAccess,
  access: access
    .optional()
    .describe('`open`, `deny` (403), or a rule; absent: open, unless the content needed credentials upstream'),
});

const override = section({
  path: plainText('must be a path pattern', pathPatternProblem).describe(
    'Paths before `prefix`; `*` does not cross `/`, `**` does',
  ),
  policy: policy.optional(),
  gpgKey,
  repoGpgCheck,
  access: access.optional().describe('Who may read the repository here; the only way to open what a Pulp hub guards'),
});

export const subscription = section({
  name: z
    .string({ error: 'must be text (in quotes if it looks like a number)' })
    .regex(/^[a-z0-9-]{1,32}$/, { error: 'must be 1 to 32 of a-z, 0-9 and -' })
    .describe('Unique name'),
  prefix: plainText('must be a path', (text) => (text === '' ? null : repositoryPathProblem(text)))
    .prefault('')
    .describe('Put before each path'),
  hub,
  repositories: z
    .array(repository, { error: 'must be a list of repositories' })
    .min(1, { error: 'must name at least one repository' })
    .optional()
    .describe('The repositories of a hub of type `yum`'),
  select: z
    .string({ error: 'must be text' })
    .min(1, { error: 'must not be empty' })
    .optional()
    .describe('`pulp`: a pulp_label_select; `q:` for a full expression'),
  channel: z
    .string({ error: 'must be text (in quotes if it looks like a number)' })
    .regex(/^[a-z0-9][a-z0-9._-]*$/, { error: 'must be the name of a channel' })
    .optional()
    .describe('`waystation`: the channel to follow'),
  policy: policy
    .optional()
    .describe('What is fetched before anyone asks for it; default on-demand, or what a waystation hub assigns'),
  carryOver: z
    .union([z.literal('off'), size], { error: 'must be off, or a size such as 20GiB' })
    .prefault('off')
    .describe('Bytes of new versions of what hosts ask for that are fetched after each change, before hosts ask'),
  flip: oneOf(['each', 'together'])
    .optional()
    .describe('Whether repositories are published one by one or all at once; default each, for channels together'),
  keep: section({
    generations: z
      .int({ error: 'must be a whole number' })
      .min(1, { error: 'must be at least 1' })
      .max(10_000, { error: 'must be at most 10000' })
      .prefault(3)
      .describe('The newest generations that stay in any case, for rollback, the current one among them'),
    grace: duration().prefault('72h').describe('How long a generation stays after the next was published'),
  }).prefault({}),
  refresh: duration(1000).prefault('15m').describe('How often the hub is asked for news; at least 1s'),
  overrides: z
    .array(override, { error: 'must be a list of overrides' })
    .prefault([])
    .describe('All that match a repository apply, in order'),
});
