import { LRUCache } from 'lru-cache';
import type { ByteSource } from '../../base/body.ts';
import type { Digest } from '../../base/digest.ts';
import type { Expectation } from '../../cache/unlisted/expectation.ts';
import type { Place } from '../../cache/generations/served.ts';
import type { Unlisted } from '../../cache/unlisted/unlisted.ts';
import type { UnlistedRequest } from '../../cache/unlisted/unlisted.ts';
import { largestTreeinfo, treeinfoChecksums } from '../../yum/treeinfo.ts';
import type { ContentPorts } from './ports.ts';

/** Under either name, in the order in which installers ask. */
const treeFiles = ['.treeinfo', 'treeinfo'];

/** The digests that a repository's kept `.treeinfo` lists of files that its metadata does not: installer images. */
export class TreeDigests {
  readonly #unlisted: Unlisted;
  readonly #ports: ContentPorts;
  /** By the digest of the .treeinfo. */
  readonly #read = new LRUCache<Digest, ReadonlyMap<string, Digest>>({ max: 100 });

  constructor(unlisted: Unlisted, ports: ContentPorts) {
    this.#unlisted = unlisted;
    this.#ports = ports;
  }

  /**
   * What is known of a file: null when no .treeinfo is held, or none that lists it. Nobody is waited for: a .treeinfo
   * past its lifetime is confirmed in the background, and so is one that the upstream's bytes contradict.
   */
  async expectation({ repository: { path, document }, file }: Place): Promise<Expectation | null> {
    if (treeFiles.includes(file)) return null;
    for (const treeFile of treeFiles) {
      const tree = { repository: path, file: treeFile, scope: document.scope };
      const digest = (await this.#digests(tree))?.get(file);
      if (digest === undefined) continue;
      const request = { ...tree, supplier: this.#ports.supplier(path, document.scope) };
      this.#confirm(request);
      return { digest, disproved: () => void this.#unlisted.doubt(tree).then(() => this.#confirm(request)) };
    }
    return null;
  }

  async #digests(tree: Omit<UnlistedRequest, 'supplier'>): Promise<ReadonlyMap<string, Digest> | null> {
    const kept = await this.#unlisted.kept(tree);
    if (kept === null) return null;
    const { source, digest } = kept;
    try {
      let digests = this.#read.get(digest);
      if (digests === undefined) {
        digests = source.size > largestTreeinfo ? new Map<string, Digest>() : treeinfoChecksums(await textOf(source));
        this.#read.set(digest, digests);
      }
      return digests;
    } catch {
      // A disk that cannot give it: it lists nothing.
      return null;
    } finally {
      source.release();
    }
  }

  /** Asks the upstream whether the .treeinfo is as it was, unless that is known. */
  #confirm(request: UnlistedRequest): void {
    this.#unlisted.open(request).then(
      (opened) => opened?.source.release(),
      () => {},
    );
  }
}

async function textOf(source: ByteSource & { readonly size: number }): Promise<string> {
  const bytes = Buffer.alloc(source.size);
  for (let at = 0; at < bytes.length;) at += await source.read(bytes.subarray(at), at, bytes.length - at);
  return bytes.toString();
}
