import { z } from 'zod';
import { count, directoryName, duration, fileName, hostAndPort, section, webUrl } from '../schema-values.ts';

/** Where the keys are unless the file says otherwise. */
export const defaultKeys = '/etc/waystation-hub/keys';

const bucketName = z
  .string({ error: 'must be the name of a bucket' })
  .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, { error: 'must be the name of a bucket' });

/** Where the hub keeps content and everything that it knows. */
const store = z.discriminatedUnion(
  'type',
  [
    section({
      type: z.literal('directory'),
      path: directoryName.describe('Directory of the store; made by `hub init`'),
    }),
    section({
      type: z.literal('s3'),
      endpoint: webUrl().optional(),
      region: z.string({ error: 'must be text' }).optional(),
      bucket: bucketName,
      prefix: z.string({ error: 'must be text' }).optional(),
      credentials: section({ file: fileName }).optional(),
    }),
  ],
  {
    error: ({ code }: z.core.$ZodRawIssue) => (code === 'invalid_type' ? 'must be a map' : 'must be directory or s3'),
  },
);

/** The configuration of `waystation hub`. */
export const hubSchema = section({
  listen: section({
    api: hostAndPort.prefault('0.0.0.0:8443').describe('Where PoPs and operators come in, by TLS'),
    admin: hostAndPort.prefault('127.0.0.1:8444').describe('Health, metrics and status'),
    socket: fileName.optional().describe('Socket of the commands, mode 0660; default `<state>/hub.sock`'),
  }).prefault({}),
  publicUrl: webUrl().describe('Where PoPs reach the hub; its host is in the certificate of the hub'),
  state: directoryName
    .prefault('/var/lib/waystation-hub')
    .describe('Directory of what this process needs; made when absent'),
  store,
  keep: section({
    snapshots: count(10_000).prefault(10).describe('The newest snapshots that stay in any case'),
    grace: duration()
      .prefault('720h')
      .describe('How long others stay after they were made, and after a channel pointed to them last'),
  })
    .optional()
    .describe('Which snapshots `hub collect` retires; absent: none'),
  gates: fileName.optional().describe('File with the gates that snapshots pass through on `hub promote`'),
  certificates: section({
    life: duration(60_000)
      .prefault('90d')
      .describe('For how long a certificate of a PoP counts; it is renewed when two thirds of that are over'),
  }).prefault({}),
  keys: directoryName
    .prefault(defaultKeys)
    .describe('Directory with the keys of the authority and of the signatures, made by `hub init`; never in the store'),
});
