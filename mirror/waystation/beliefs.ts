import { asWaystationError, WaystationError } from '../../base/errors.ts';
import { assignmentDocument } from '../../protocol/assignment.ts';
import type { AssignmentAnswer, AssignmentDocument } from '../../protocol/assignment.ts';
import { channelDocument } from '../../protocol/channel.ts';
import type { ChannelDocument } from '../../protocol/channel.ts';
import { verified } from '../../protocol/signed.ts';
import type { PublicKeys } from '../../protocol/signed.ts';
import type { PopIdentity } from './identity-folder.ts';
import { seenIn } from './seen.ts';
import type { Seen } from './seen.ts';

/** What a hub says, believed: docs/hub-protocol.md, "What is believed". */
export interface Believed {
  readonly assignment: AssignmentDocument;
  /** Each channel of the assignment that exists: what it says, or why that is refused. */
  readonly channels: ReadonlyMap<string, ChannelDocument | WaystationError>;
  /** What has been seen from now on. */
  readonly seen: Seen;
}

/**
 * @param seen what was seen before; null: the answer was believed by an earlier process.
 * @throws WaystationError `untrusted`, `replayed`, `epoch_changed`: nothing of the answer is believed then.
 */
export async function believe(
  answer: AssignmentAnswer,
  { id, keys, epoch }: Pick<PopIdentity, 'id' | 'keys' | 'epoch'>,
  seen: Seen | null,
): Promise<Believed> {
  const assignment = await verified(answer.assignment, { kind: 'assignment', keys, schema: assignmentDocument });
  if (assignment.audience !== id)
    throw new WaystationError('untrusted', 'an assignment of the hub is refused: it is for another PoP');
  if (epoch !== null && assignment.epoch !== epoch) throw epochChanged(epoch, assignment.epoch);
  const known = seenIn(seen ?? { format: 1, epochs: {} }, assignment.epoch);
  if (assignment.sequence < known.assignment) throw replayed('assignment', assignment.sequence, known.assignment);
  const believed = { keys: together(keys, assignment.keys), epoch: assignment.epoch, seen: known };
  const channels = new Map<string, ChannelDocument | WaystationError>();
  for (const name of assignment.channels) {
    const text = answer.channels[name];
    if (text !== undefined) channels.set(name, await channelOf(name, text, believed).catch(asWaystationError));
  }
  const numbers = { ...known.channels };
  for (const [name, channel] of channels) if ('sequence' in channel) numbers[name] = channel.sequence;
  const epochs = { ...seen?.epochs, [assignment.epoch]: { assignment: assignment.sequence, channels: numbers } };
  return { assignment, channels, seen: { format: 1, epochs } };
}

async function channelOf(
  name: string,
  text: string,
  { keys, epoch, seen }: { keys: PublicKeys; epoch: number; seen: Seen['epochs'][string] },
): Promise<ChannelDocument> {
  const channel = await verified(text, { kind: 'channel', keys, schema: channelDocument });
  if (channel.channel !== name)
    throw new WaystationError('untrusted', `a channel of the hub is refused: it is ${channel.channel}, not ${name}`);
  if (channel.epoch !== epoch) throw epochChanged(epoch, channel.epoch);
  const highest = seen.channels[name] ?? 0;
  if (channel.sequence < highest) throw replayed(`channel ${name}`, channel.sequence, highest);
  return channel;
}

/** An assignment brings the keys that count from then on; what the ones before it signed meanwhile is believed, too. */
function together(before: PublicKeys, after: PublicKeys): PublicKeys {
  const keys = new Map([...before.keys, ...after.keys].map((key) => [key.kid, key]));
  return { keys: [...keys.values()] };
}

function replayed(what: string, found: number, highest: number): WaystationError {
  const why = `it has number ${found}, and ${highest} was seen before`;
  return new WaystationError('replayed', `the ${what} of the hub is refused: ${why}`);
}

function epochChanged(known: number, found: number): WaystationError {
  const how = 'if its store was restored, run `waystation register --hub URL --accept-epoch`';
  return new WaystationError('epoch_changed', `the hub says epoch ${found}, and ${known} is known: ${how}`);
}
