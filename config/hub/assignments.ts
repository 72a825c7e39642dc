import { z } from 'zod';
import { parseDigest } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import { checkedValues, readText } from '../checked-file.ts';
import { duration, plainText, section } from '../schema-values.ts';

const label = plainText('must be text (in quotes if it looks like a number)', (text) =>
  /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(text)
    ? null
    : 'must be a label: letters, digits and . _ - inside, at most 63',
);
const labelKey = z.string().regex(/^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/);

const channel = plainText('must be the name of a channel', (text) =>
  text.length <= 100 && /^[a-z0-9][a-z0-9._-]*$/.test(text) ? null : 'must be the name of a channel',
);

const policy = plainText('must be on-demand, full or newest:N', (text) =>
  /^(on-demand|full|newest:[1-9]\d{0,5})$/.test(text) ? null : 'must be on-demand, full or newest:N',
);

const digest = plainText('must be a digest such as sha256:…', (text) =>
  parseDigest(text) === text ? null : 'must be a digest such as sha256:…, in lower case',
);

const hour = 3_600_000;

const schema = section({
  assignments: z.array(
    section({
      select: z
        .record(labelKey, label, { error: 'must be a map of labels, keys in lower case' })
        .prefault({})
        .describe('Labels that a PoP has to have; none: every PoP'),
      channels: z.array(channel, { error: 'must be a list of channels' }).prefault([]),
      policy: policy.optional(),
      deny: z.array(digest, { error: 'must be a list of digests' }).prefault([]),
      heartbeat: duration(1_000)
        .refine((value) => value <= hour && value % 1_000 === 0, { error: 'must be whole seconds, at most 1h' })
        .optional(),
    }),
    { error: 'must be a list of assignments' },
  ),
});

/** One rule of `hub assign --from`. */
export interface AssignmentEntry {
  readonly select: Readonly<Record<string, string>>;
  readonly channels: string[];
  readonly policy: string | null;
  readonly deny: Digest[];
  /** Seconds. */
  readonly heartbeat: number | null;
}

/** Reads the file of `hub assign --from`. @throws ConfigInvalidError with everything that is wrong. */
export function loadAssignments(file: string): readonly AssignmentEntry[] {
  const { assignments } = checkedValues(readText(file), file, { schema, findings: () => [] });
  return assignments.map(({ select, channels, policy: own = null, deny, heartbeat }) => ({
    select,
    channels,
    policy: own,
    deny: deny as Digest[],
    heartbeat: heartbeat === undefined ? null : heartbeat / 1_000,
  }));
}
