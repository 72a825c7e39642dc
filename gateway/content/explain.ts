import type { Listed } from '../../base/digest.ts';
import { asWaystationError } from '../../base/errors.ts';
import { possessionScope } from '../../base/generation.ts';
import type { ContactState } from '../../base/status.ts';
import type { Found, Place, ServedRepository } from '../../cache/generations/served.ts';
import type { Store } from '../../cache/store.ts';
import { decodeRequestPath } from '../../http/request-path.ts';
import type { Explainer, Explanation } from '../admin/ports.ts';
import { objectionTo, objectionToFile, objectionToPending } from './access.ts';
import type { ContentPorts } from './ports.ts';
import type { Targets } from './target.ts';

/** Why a path is here or is not: the way of a GET, walked without asking upstream and without changing anything. */
export class ContentExplainer implements Explainer {
  readonly #store: Store;
  readonly #targets: Targets;
  readonly #ports: ContentPorts;

  constructor(options: { store: Store; targets: Targets; ports: ContentPorts }) {
    this.#store = options.store;
    this.#targets = options.targets;
    this.#ports = options.ports;
  }

  async explain(requestPath: string): Promise<Explanation> {
    const nothing: Explanation = {
      path: requestPath,
      verdict: 'absent',
      subscription: null,
      repository: null,
      generation: null,
      listed: null,
      held: false,
      source: null,
      reason: 'No repository here has such a path.',
    };
    const decoded = decodeRequestPath(requestPath);
    if ('error' in decoded)
      return { ...nothing, verdict: 'invalid', reason: `The path is refused: ${decoded.reason}.` };
    try {
      const target = this.#targets.of(decoded.path);
      if (target.kind === 'file') return await this.#file(nothing, target.place, target.pinned !== 'no');
      if (target.kind === 'none') {
        const pending = this.#ports.pending(target.path);
        if (pending === null) return nothing;
        const { code, message: reason } = objectionToPending(pending, this.#ports);
        const verdict = code === 'repository_pending' ? 'unavailable' : 'denied';
        return { ...nothing, verdict, repository: pending.repository, reason };
      }
      return { ...nothing, verdict: 'local', reason: 'Not a file of a repository: a page of this server.' };
    } catch (error) {
      return { ...nothing, reason: asWaystationError(error).message };
    }
  }

  async #file(nothing: Explanation, place: Place, pinned: boolean): Promise<Explanation> {
    const { repository, file } = place;
    const known: Explanation = {
      ...nothing,
      subscription: repository.generation.subscription,
      repository: repository.path,
      generation: repository.generation.id,
      source: this.#source(repository),
    };
    const found = await this.#store.served.find(place, pinned);
    const objection = objectionTo(place, this.#store.served, this.#ports);
    if (found.kind === 'absent')
      return { ...known, reason: 'The metadata of this repository proves that there is no such file.' };
    if (found.kind === 'unlisted') {
      if (objection !== null) return { ...known, verdict: 'denied', reason: objection.message };
      const held = await this.#store.unlisted.holds(repository.path, file, repository.document.scope);
      const reason = held
        ? 'No metadata lists it; it was fetched before and is kept.'
        : 'No metadata lists it; a request would ask the upstream.';
      return { ...known, verdict: held ? 'unlisted-hit' : 'unlisted-miss', held, reason };
    }
    const denied = objectionToFile(found.kind === 'listed' ? found.listed.digest : found.digest, this.#ports);
    if (objection === null && denied !== null) return { ...known, verdict: 'denied', reason: denied.message };
    const listed = found.kind === 'listed' ? found.listed : await this.#sized(found);
    if (listed === null) {
      const here = { ...known, generation: found.repository.generation.id };
      return objection === null ? neverHeld(here) : { ...here, verdict: 'denied', reason: objection.message };
    }
    const scope = possessionScope(found.repository.document.scope, found.repository.path, listed);
    const held = await this.#store.blobs.holds(scope, listed);
    const here: Explanation = { ...known, generation: found.repository.generation.id, listed, held };
    if (objection !== null) return { ...here, verdict: 'denied', reason: objection.message };
    if (held) return { ...here, verdict: 'hit', reason: 'It is held, proven by its digest.' };
    if (here.source === 'connected')
      return { ...here, verdict: 'miss', reason: 'It is listed and not held yet; a request would fetch it.' };
    return {
      ...here,
      verdict: 'unavailable',
      reason: 'It is listed and not held, and its upstream cannot be reached now.',
    };
  }

  /** A file of a tree, when it is held or was. */
  async #sized({ digest, repository }: Extract<Found, { kind: 'tree' }>): Promise<Listed | null> {
    const size = await this.#store.sink.sizes.of(
      possessionScope(repository.document.scope, repository.path, { digest }),
      digest,
    );
    return size === null ? null : { digest, size };
  }

  #source({ path, document }: ServedRepository): ContactState | null {
    const supplier = this.#ports.supplier(path, document.scope);
    if (supplier === null) return null;
    return supplier.up ? 'connected' : 'disconnected';
  }
}

/** Of a file of a tree, whose size nobody knows. */
function neverHeld(here: Explanation): Explanation {
  const reason = 'The .treeinfo lists it, and it is not held yet';
  return here.source === 'connected'
    ? { ...here, verdict: 'miss', reason: `${reason}; a request would fetch it.` }
    : { ...here, verdict: 'unavailable', reason: `${reason}; its upstream cannot be reached now.` };
}
