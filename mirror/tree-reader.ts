import type { Clock } from '../base/clock.ts';
import type { Digest, Listed } from '../base/digest.ts';
import { asWaystationError, WaystationError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import type { KickstartTree, RepositoryDocument } from '../base/generation.ts';
import type { Logger } from '../base/log.ts';
import type { Answer, Validators } from '../base/transfer.ts';
import { readWhole } from '../origin/read-whole.ts';
import { largestTreeinfo, parseTreeinfo } from '../yum/treeinfo.ts';
import type { WantedRepository } from './discovery.ts';
import type { KeptFiles } from './kept-files.ts';
import { usableValidators } from './repomd-fetch.ts';

/** What is remembered of the last question for a `.treeinfo`. */
export interface TreeMark {
  /** The name that the upstream has it under; null: it had none. */
  readonly name: string | null;
  /** The file that the validators are about. */
  readonly digest: Digest | null;
  readonly validators: Validators | null;
  /** Wall clock, milliseconds. */
  readonly asked: number;
}

export interface TreeRequest {
  readonly repository: WantedRepository;
  /** The last document of the repository, of the same scope; its mark. */
  readonly previous: RepositoryDocument | null;
  readonly mark: TreeMark | null;
  /** The metadata changed with this read, or not long ago: an upstream without a tree may have one now. */
  readonly change: 'now' | 'lately' | null;
  /** Believe nothing that was seen before. */
  readonly thorough: boolean;
}

export interface TreeRead {
  /** null: the repository is no part of an installation tree, or its `.treeinfo` cannot be used. */
  readonly treeinfo: Listed | null;
  readonly tree: KickstartTree | null;
  readonly mark: TreeMark;
}

const names = ['.treeinfo', 'treeinfo'] as const;
/** An upstream without a tree is asked again this often, whatever the repository does. Milliseconds. */
const missingFor = 60 * 60_000;
/** What the rest of the repository would fail with as well: the read is to be repeated. */
const general: ReadonlySet<ErrorCode> = new Set(['upstream_unreachable', 'upstream_breaker_open', 'upstream_cut']);

/**
 * Reads the `.treeinfo` beside a repository's metadata. One that is missing costs a question when the repository
 * changes, and one an hour; one that is there, a conditional question a read. What is wrong with it never stops the
 * repository: it keeps the tree that it had, and that is said once.
 */
export class TreeReader {
  readonly #kept: KeptFiles;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Path → what was said of it last. */
  readonly #said = new Map<string, string>();

  constructor(options: { readonly kept: KeptFiles; readonly clock: Clock; readonly log: Logger }) {
    this.#kept = options.kept;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** @throws WaystationError when the upstream cannot be reached any more. */
  async read(request: TreeRequest, signal: AbortSignal): Promise<TreeRead> {
    const { repository, previous, mark } = request;
    const before = { treeinfo: previous?.treeinfo ?? null, tree: previous?.tree ?? null };
    if (mark !== null && this.#knownMissing(request, mark)) return { ...before, mark };
    try {
      const read = await this.#ask(request, signal);
      this.#said.delete(repository.path);
      return read;
    } catch (thrown) {
      signal.throwIfAborted();
      const error = asWaystationError(thrown);
      if (general.has(error.code) || error.source === 'disk') throw error;
      this.#say(repository.path, error.message);
      const known = mark ?? { name: null, digest: null, validators: null };
      return { ...before, mark: { ...known, asked: this.#clock.now() } };
    }
  }

  #knownMissing({ previous, change, thorough }: TreeRequest, mark: TreeMark): boolean {
    if (thorough || change !== null || (previous?.treeinfo ?? null) !== null) return false;
    return mark.name === null && this.#clock.now() - mark.asked < missingFor;
  }

  async #ask(request: TreeRequest, signal: AbortSignal): Promise<TreeRead> {
    const { repository, previous, thorough, mark } = request;
    const before = previous?.treeinfo ?? null;
    const isKnown = before !== null && !thorough && mark?.digest === before.digest;
    const known = isKnown ? await this.#kept.held(repository.scope, before) : null;
    const validators = known === null ? null : (mark?.validators ?? null);
    for (const name of this.#names(request)) {
      const answer = await this.#get(repository, name, validators, { before, signal });
      if (answer === null) continue;
      if (answer.kind === 'not-modified' && known !== null) {
        return this.#found({ repository, previous, bytes: known }, { name, validators });
      }
      if (answer.kind === 'not-modified') continue;
      const { etag, lastModified } = answer.transfer;
      const bytes = await readWhole(answer.transfer, largestTreeinfo);
      const usable = usableValidators({ etag, lastModified }, this.#clock.now());
      return this.#found({ repository, previous, bytes }, { name, validators: usable });
    }
    const asked = this.#clock.now();
    return { treeinfo: null, tree: null, mark: { name: null, digest: null, validators: null, asked } };
  }

  /** The names to ask for: the one that was there first. Where there was none, the rarer one only now and then. */
  #names({ mark, change, thorough }: TreeRequest): readonly string[] {
    if (mark?.name === 'treeinfo') return names.toReversed();
    return mark === null || mark.name !== null || change === 'now' || thorough ? names : [names[0]];
  }

  /** @returns null when there is none. Object stores answer 403 for what is not there. */
  async #get(
    { supplier }: WantedRepository,
    name: string,
    validators: Validators | null,
    { before, signal }: { readonly before: Listed | null; readonly signal: AbortSignal },
  ): Promise<Answer | null> {
    try {
      return await supplier.get(name, validators, signal);
    } catch (thrown) {
      signal.throwIfAborted();
      const { code } = asWaystationError(thrown);
      if (code === 'upstream_missing' || (code === 'upstream_unauthorized' && before === null)) return null;
      throw thrown;
    }
  }

  async #found(
    found: {
      readonly repository: WantedRepository;
      readonly previous: RepositoryDocument | null;
      readonly bytes: Buffer;
    },
    as: Pick<TreeMark, 'name' | 'validators'>,
  ): Promise<TreeRead> {
    const { repository, previous, bytes } = found;
    const said = parseTreeinfo(bytes.toString());
    if (said === null) throw new WaystationError('metadata_invalid', `${as.name} is no .treeinfo`);
    const treeinfo = await this.#kept.keep(repository.scope, bytes);
    const mark = { ...as, digest: treeinfo.digest, asked: this.#clock.now() };
    if (previous?.treeinfo?.digest === treeinfo.digest && previous.tree !== undefined) {
      return { treeinfo, tree: previous.tree, mark };
    }
    const { files, unusable, variants } = said;
    if (unusable > 0) {
      const fields = { path: repository.path, unusable, files: files.size };
      this.#log.warn(fields, 'some checksums of .treeinfo are of no use: what they name is not proven by them');
    }
    return { treeinfo, tree: { files: Object.fromEntries(files), variants, unusable }, mark };
  }

  #say(path: string, reason: string): void {
    if (this.#said.get(path) === reason) return;
    this.#said.set(path, reason);
    this.#log.warn({ path, reason }, '.treeinfo cannot be read: the tree stays as it was');
  }
}
