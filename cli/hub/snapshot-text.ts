import { bytesText, agoText } from '../../gateway/page/figures.ts';
import type { Retired } from '../../hub/collection/retirement.ts';
import type { ListedSnapshot } from '../../hub/api/control.ts';
import type { ChannelDocument } from '../../protocol/channel.ts';
import type { SnapshotDocument } from '../../protocol/snapshot.ts';
import { plainTable, tableText } from '../plain-table.ts';
import { plainText } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';

type Paint = Terminal['paint'];

function packagesOf({ repositories }: SnapshotDocument): { readonly count: number; readonly bytes: number } {
  return Object.values(repositories).reduce(
    (sum, { packages }) => ({ count: sum.count + packages.count, bytes: sum.bytes + packages.bytes }),
    { count: 0, bytes: 0 },
  );
}

/** What came of `snapshot create`. */
export function snapshotText(
  { snapshot, made }: { readonly snapshot: SnapshotDocument; readonly made: boolean },
  fetched: { readonly files: number; readonly bytes: number },
): string {
  const { count } = packagesOf(snapshot);
  const repositories = Object.keys(snapshot.repositories).length;
  const state = made ? 'made' : 'was there already, with the same content';
  return plainText(
    `${snapshot.name} ${state}: ${repositories} repositories, ${count} packages; ${fetched.files} files (${bytesText(fetched.bytes)}) fetched`,
  );
}

/** `snapshot list`: a line each. */
export function snapshotsText(snapshots: readonly ListedSnapshot[], now: number, paint: Paint): string {
  if (snapshots.length === 0) return 'no snapshot yet';
  const heads = ['SNAPSHOT', 'CREATED', 'POLICY', 'REPOSITORIES', 'PACKAGES', 'BYTES', 'CONTENT'];
  const table = plainTable(heads.map((head) => paint('dim', head)));
  for (const snapshot of snapshots) {
    const { count, bytes } = packagesOf(snapshot);
    const { name, created, policy, repositories, content, retired } = snapshot;
    const short = content.slice(0, 'sha256:'.length + 12);
    table.push([
      plainText(retired === null ? name : `${name} (retired)`),
      agoText(created, now) ?? '',
      policy,
      Object.keys(repositories).length,
      count,
      bytesText(bytes),
      short,
    ]);
  }
  return tableText(table);
}

/** `snapshot show`: a line for each repository. */
export function snapshotDetail(
  snapshot: SnapshotDocument,
  { files, bytes }: { readonly files: number; readonly bytes: number },
  paint: Paint,
): string {
  const table = plainTable(['PATH', 'PACKAGES', 'BYTES', 'REPOMD', 'GUARD'].map((head) => paint('dim', head)));
  for (const [path, { packages, repomd, guard }] of Object.entries(snapshot.repositories))
    table.push([
      plainText(path),
      packages.count,
      bytesText(packages.bytes),
      repomd.digest,
      plainText(guard?.kind ?? ''),
    ]);
  const origin = files === 0 ? 'all here' : `${files} files (${bytesText(bytes)}) only at their origins`;
  return [
    `${paint('bold', plainText(snapshot.name))}: ${snapshot.created}, ${snapshot.content}, ${origin}`,
    tableText(table),
  ].join('\n');
}

/** A line of `snapshot show`. */
export function retiredText({ at, by, why }: Pick<Retired, 'at' | 'by' | 'why'>): string {
  return plainText(`retired ${at} by ${by}${why === null ? '' : `: ${why}`}; a collection removes it`);
}

/** `channels`: a line each. */
export function channelsText(channels: readonly ChannelDocument[], now: number, paint: Paint): string {
  if (channels.length === 0) return 'no channel yet';
  const table = plainTable(['CHANNEL', 'SNAPSHOT', 'SINCE', 'BY', 'WHY', 'NUMBER'].map((head) => paint('dim', head)));
  for (const { channel, snapshot, issued, by, why, sequence } of channels)
    table.push([
      plainText(channel),
      plainText(snapshot),
      agoText(issued, now) ?? '',
      plainText(by),
      plainText(why ?? ''),
      sequence,
    ]);
  return tableText(table);
}
