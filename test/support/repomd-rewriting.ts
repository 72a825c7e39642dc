import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';

/** How a metadata record is packed, by the ending of its file's name. */
const packers = { gz: gzipSync, zst: zstdCompressSync } as const;
export type Packing = keyof typeof packers;

export interface Rewriting {
  /** The record's type in repomd.xml: `primary`, `filelists`, … */
  readonly type: string;
  readonly packing: Packing;
  /** Changes the XML; absent: packs anew what is there. */
  readonly change?: (xml: string) => string;
}

/**
 * Replaces one gzip record of a repository that createrepo_c has just written, by hand: for what its version on this
 * machine cannot make. Sizes, checksums and the name's checksum prefix follow.
 */
export async function rewriteRecord(repository: string, { type, packing, change }: Rewriting): Promise<void> {
  const repomdFile = join(repository, 'repodata/repomd.xml');
  const repomd = await readFile(repomdFile, 'utf8');
  const element = new RegExp(`<data type="${type}">.*?</data>`, 's').exec(repomd)?.[0];
  const href = element && /<location href="([^"]+)"/.exec(element)?.[1];
  if (!element || !href) throw new Error(`no record ${type} in ${repomdFile}`);

  const old = gunzipSync(await readFile(join(repository, href))).toString();
  const xml = change ? change(old) : old;
  if (change && xml === old) throw new Error(`the change to ${type} changed nothing`);
  const packed = packers[packing](xml);

  const algorithm = /<checksum type="([^"]+)"/.exec(element)?.[1] ?? 'sha256';
  const digest = (bytes: string | Buffer): string => createHash(algorithm).update(bytes).digest('hex');
  const plain = basename(href).replace(/^[0-9a-f]{32,}-/, '');
  const prefix = plain === basename(href) ? '' : `${digest(packed)}-`;
  const name = `repodata/${prefix}${plain.replace(/\.gz$/, `.${packing}`)}`;

  await rm(join(repository, href));
  await writeFile(join(repository, name), packed);
  const rewritten = element
    .replace(/(<checksum [^>]*>)[^<]*/, `$1${digest(packed)}`)
    .replace(/(<open-checksum [^>]*>)[^<]*/, `$1${digest(xml)}`)
    .replace(/(<size>)[^<]*/, `$1${packed.length}`)
    .replace(/(<open-size>)[^<]*/, `$1${Buffer.byteLength(xml)}`)
    .replace(/(<location href=")[^"]*/, `$1${name}`);
  await writeFile(repomdFile, repomd.replace(element, rewritten));
}
