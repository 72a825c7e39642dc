import * as z from 'zod';
import { aliasProblem } from './url-alias.ts';
import { subscription } from './schema-subscription.ts';
import {
  count,
  directoryName,
  duration,
  fileName,
  hostAndPort,
  plainText,
  positiveRate,
  section,
  share,
  timeWindow,
  webUrl,
} from './schema-values.ts';

/**
 * The whole configuration file, key by key. What holds between keys is in `relations*.ts`, what is refused because it
 * is not built yet in `not-built.ts`.
 */

const listener = z.union(
  [
    hostAndPort,
    section({
      address: hostAndPort,
      tls: section({
        cert: fileName.describe('PEM certificate chain'),
        key: fileName.describe('PEM key of `cert`'),
      }).optional(),
    }),
  ],
  { error: 'must be an address such as 127.0.0.1:8080, or { address, tls: { cert, key } }' },
);

const listeners = z.union(
  [listener, z.array(listener, { error: 'must be a list' }).min(1, { error: 'must name at least one address' })],
  { error: 'must be an address such as 127.0.0.1:8080, { address, tls: { cert, key } }, or a list of these' },
);

/** Host names, `.domain` for it and all below, IP addresses, each with an optional port; `*` for everything. */
const directHost = z
  .string({ error: 'must be a host, .domain, IP address, or *' })
  .regex(/^(\*|\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?)$/, {
    error: 'must be a host, .domain, IP address, each with an optional :port, or *',
  });

const timezone = plainText('must be a time zone such as Europe/Paris', (text) => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text }).format(0);
    return null;
  } catch {
    return 'must be a time zone such as Europe/Paris';
  }
});

const limit = section({
  rate: positiveRate
    .optional()
    .describe('Bytes a second, of all subscriptions and clients together; needed without `background`'),
  background: z
    .literal('off', { error: 'must be off' })
    .optional()
    .describe('`off`: nothing that is fetched ahead is begun; clients and metadata go on. Needs `during`'),
  during: timeWindow
    .optional()
    .describe('Days and times such as `Mon-Fri 07:00-19:00`, `Sat,Sun` or `22:00-06:00`; absent: always'),
  timezone: timezone.prefault('UTC').describe('Where the clocks hang that `during` is about'),
});

const scrub = z.union(
  [
    z.literal('off'),
    section({
      every: duration(3_600_000).prefault('30d').describe('Time in which everything held is read once'),
      rate: positiveRate.prefault('16MiB/s').describe('Never faster than this'),
    }),
  ],
  { error: 'must be off, or { every, rate }' },
);

export const schema = section({
  listen: section({
    content: listeners.prefault('127.0.0.1:8080').describe('Where clients are served'),
    admin: listeners.prefault('127.0.0.1:8081').describe('Health, metrics, status and API'),
    socket: fileName.optional().describe('Socket of the commands, mode 0660; default `<state>/admin.sock`'),
  }).prefault({}),
  publicUrl: webUrl()
    .optional()
    .describe('Base URL in .repo texts and pages; needed when `listen.content` is a list or a wildcard address'),
  state: directoryName.prefault('/var/lib/waystation').describe('Directory of everything kept; made when absent'),
  cache: section({
    max: share(1, 100).prefault('80%').describe('Most that blobs and parts may take'),
    keepFree: share(0, 50).prefault('5%').describe('Space that stays free on the file system'),
    scrub: scrub.prefault({}).describe('How everything that is held is read again in the background, or `off`'),
  }).prefault({}),
  drain: duration().prefault('60s').describe('How long open bodies may go on after SIGTERM'),
  upstream: section({
    proxy: webUrl().optional().describe('HTTP proxy of every hub that names none itself'),
    noProxy: z
      .array(directHost, { error: 'must be a list of hosts' })
      .prefault([])
      .describe('Hosts that are reached without `upstream.proxy`'),
    ca: fileName.optional().describe('PEM certificates of the authorities to trust'),
  }).prefault({}),
  limits: z
    .array(limit, { error: 'must be a list of limits' })
    .prefault([])
    .describe('Bounds for what is taken from upstream, all in all; of those that apply the strictest counts'),
  transfers: section({
    perHub: count(64).prefault(16).describe('Of one hub (scheme, host and port)'),
    total: count(256).prefault(32).describe('Of all hubs together'),
  })
    .prefault({})
    .describe('Files that syncs take from upstream at a time; what clients wait for comes on top, and first'),
  aliases: z
    .record(z.string(), plainText('must be a path', aliasProblem), {
      error: 'must be a map of paths to paths',
    })
    .prefault({})
    .describe('Other beginnings of URL paths, for hosts that are configured for another server'),
  subscriptions: z
    .array(subscription, { error: 'must be a list of subscriptions' })
    .prefault([])
    .describe('What this PoP takes'),
});

/** What the schema makes of a file: defaults filled in, units read. */
export type Parsed = z.output<typeof schema>;
