import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Listed } from '../../base/digest.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Loader } from '../../base/transfer.ts';
import type { Disk } from '../../disk/disk.ts';
import { proven } from '../../disk/file-facts.ts';
import type { FileFacts } from '../../disk/file-facts.ts';
import { isPassingPart, parsePartName, roomOfPart } from '../disk/layout.ts';
import type { Layout } from '../disk/layout.ts';
import type { Fills } from '../fills/fills.ts';
import type { Space } from '../space/space.ts';
import type { SeveralNames } from '../blobs/several-names.ts';
import { Foreign } from './foreign.ts';

/** A part that nobody went on with for this long is removed. */
export const partLifetime = 24 * 3_600_000;

interface Recovery {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly space: Space;
  readonly several: SeveralNames;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A file whose bytes an earlier run had received, but not proven or named. */
export interface CompletePart {
  readonly scope: string;
  readonly listed: Listed;
}

/**
 * Tidies what transfers of an earlier run left, before any of this run begins: parts that a fill can go on with are
 * counted, the rest is removed. A name that no transfer gives is left alone and said.
 * @returns the parts that seem complete.
 */
export async function recoverParts({
  disk,
  layout,
  space,
  several,
  clock,
  log,
}: Recovery): Promise<readonly CompletePart[]> {
  const complete: CompletePart[] = [];
  const foreign = new Foreign();
  const names = await disk.list(layout.parts).catch((error: unknown) => {
    log.warn({ path: layout.parts, error: String(error) }, 'the parts of an earlier run cannot be listed');
    return [];
  });
  for (const name of names) {
    const path = join(layout.parts, name);
    const part = parsePartName(name);
    if (part === null && !isPassingPart(name)) {
      foreign.met(path);
      continue;
    }
    try {
      const facts = await disk.facts(path);
      if (facts === null) continue;
      if (part === null || isUseless(facts, part.listed, clock.now()) || (await isNamed(disk, layout, part))) {
        if (await removed(disk, path, log)) continue;
      }
      // What cannot be removed goes on taking its room.
      space.adjust(roomOfPart(name, facts));
      if (name.startsWith('link-') && facts.links > 1) several.leftover(facts.inode);
      if (part !== null && facts.size === part.listed.size) complete.push(part);
    } catch (error) {
      log.warn({ path, error: String(error) }, 'a part of an earlier run cannot be looked at');
    }
  }
  foreign.say(log);
  return complete;
}

/** Whether no fill can go on with a part, or none did for a day. A time that is yet to come says nothing of its age. */
function isUseless({ size, modified, changed }: FileFacts, listed: Listed, now: number): boolean {
  if (size === 0 || size > listed.size) return true;
  // What was proven before the kill bears the stamp of proven files; it is whole, or a power cut tore it.
  const written = modified === proven ? changed : modified;
  return size < listed.size && now - written > partLifetime;
}

/**
 * Whether what the part would become is there: a power cut may bring a removed part back. Adopted, it would replace one
 * of two names of a file, which would then take its room twice.
 */
async function isNamed(disk: Disk, layout: Layout, { scope, listed }: CompletePart): Promise<boolean> {
  return (await disk.facts(layout.blob(scope, listed)).catch(() => null))?.size === listed.size;
}

async function removed(disk: Disk, path: string, log: Logger): Promise<boolean> {
  try {
    await disk.unlink(path);
    return true;
  } catch (error) {
    log.warn({ path, error: String(error) }, 'a part of an earlier run cannot be removed');
    return false;
  }
}

/** Proves complete parts by the very path that a fill takes, so that a client's fill and this never meet. */
export async function adoptParts(
  parts: readonly CompletePart[],
  fills: Fills,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const nobody: Loader = {
    open: () => Promise.reject(new WaystationError('upstream_unreachable', 'the part is not what its name says')),
    lied: () => {},
  };
  for (const { scope, listed } of parts) {
    try {
      await fills.ensure({ scope, listed, loader: () => nobody, adopt: true }, signal);
      log.info({ digest: listed.digest, bytes: listed.size }, 'a complete part of an earlier run was adopted');
    } catch (error) {
      if (signal.aborted) return;
      const reason = asWaystationError(error).message;
      log.info({ digest: listed.digest, reason }, 'a complete part of an earlier run was not adopted');
    }
  }
}
