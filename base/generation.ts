import { digestOf, hexOf } from './digest.ts';
import type { Digest, Listed } from './digest.ts';

/** Why a repository's content is not for everybody, as its hub has it. */
export interface Guard {
  /** `credentials` (plain yum with credentials), or a hub's own kind: `header`, `rbac`, `x509`, … */
  readonly kind: string;
  readonly name: string;
}

/** What a repository's `.treeinfo` says of the installation tree that the repository is part of. */
export interface KickstartTree {
  /** Files that it gives a checksum: href relative to the repository → digest. It says no sizes. */
  readonly files: Readonly<Record<string, Digest>>;
  /** The repositories of its variants, as paths relative to this one, which is not among them: `../../AppStream/x86_64/os`. */
  readonly variants: readonly string[];
  /** Lines of its checksums that no file can be proven or served by. */
  readonly unusable: number;
}

/** One repository inside a generation: every file that its clients may ask for, by digest. */
export interface RepositoryDocument {
  /** Possession scope: `open`, or the id of hub, domain and identity (design: possession is not shared). */
  readonly scope: string;
  readonly guard: Guard | null;
  /** `file`: plain files, which a PULP_MANIFEST lists. Absent: packages, as repomd.xml has them. */
  readonly content?: 'file';
  /** The root, from which everything else is proven: repodata/repomd.xml, of plain files PULP_MANIFEST. */
  readonly repomd: Listed;
  /** repodata/repomd.xml.asc */
  readonly asc: Listed | null;
  /** repodata/repomd.xml.key */
  readonly key: Listed | null;
  /** .treeinfo, also served as treeinfo. */
  readonly treeinfo: Listed | null;
  /** What that says. Absent: nothing, or the document was written before trees were read. */
  readonly tree?: KickstartTree;
  /** Every record of repomd.xml: href relative to the repository → file. */
  readonly records: Readonly<Record<string, Listed>>;
  /**
   * sha256 of the primary record's file as named, of plain files of the manifest: the name of its map. null: the
   * repository has no primary.
   */
  readonly map: Digest | null;
}

/** The name of a repository's root. */
export function rootHref({ content }: { readonly content?: RepositoryDocument['content'] | undefined }): string {
  return content === 'file' ? 'PULP_MANIFEST' : 'repodata/repomd.xml';
}

/** What one subscription serves from one moment on. Immutable; `docs/on-disk-format.md` is normative. */
export interface GenerationDocument {
  readonly format: 1;
  /** `<UTC basic time>-<8 hex of the sha256 of the document without id>` */
  readonly id: string;
  readonly subscription: string;
  /** RFC 3339. */
  readonly created: string;
  readonly hubVersion: string | null;
  readonly repositories: Readonly<Record<string, RepositoryDocument>>;
}

/**
 * The scope that a file is held in. md5 and sha1 can be forged, so a file that only they list is shared with no other
 * repository: its scope is narrowed to the repository that listed it.
 */
export function possessionScope(scope: string, repository: string, listed: Pick<Listed, 'digest'>): string {
  if (!listed.digest.startsWith('md5:') && !listed.digest.startsWith('sha1:')) return scope;
  return `${scope}-only-${hexOf(digestOf(repository)).slice(0, 12)}`;
}
