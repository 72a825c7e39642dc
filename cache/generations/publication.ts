import type { GenerationDocument } from '../../base/generation.ts';
import type { Generations, Switch } from './generations.ts';
import type { Served } from './served.ts';

interface PublicationParts {
  readonly generations: Generations;
  readonly served: Served;
  /** Told of every change when it is served: protects what must not be evicted any more. */
  readonly upkeep: {
    published(document: GenerationDocument, before: GenerationDocument | null): Promise<void>;
    pinned(document: GenerationDocument, pinned: boolean): Promise<void>;
  };
}

/** Changes what is served and what stays: each is durable first, then served, then protected from eviction. */
export class Publication {
  readonly #parts: PublicationParts;

  constructor(parts: PublicationParts) {
    this.#parts = parts;
  }

  /** Resolves once the generation is durable and, unless its subscription is rolled back, served. */
  async publish(document: GenerationDocument): Promise<void> {
    const { generations, served, upkeep } = this.#parts;
    const before = generations.newest(document.subscription);
    await generations.publish(document);
    served.refresh();
    await upkeep.published(document, before);
  }

  /** Resolves once it is durable and served. @param to null: the one before. @throws as `Generations.rollback` */
  async rollback(subscription: string, to: string | null): Promise<Switch> {
    return this.#switched(await this.#parts.generations.rollback(subscription, to));
  }

  /** Resolves once it is durable and served. @throws as `Generations.release` */
  async release(subscription: string): Promise<Switch> {
    return this.#switched(await this.#parts.generations.release(subscription));
  }

  /** Resolves once it is durable, and what is held of the generation protected. @throws as `Generations.setPinned` */
  async setPinned(id: string, pinned: boolean): Promise<boolean> {
    const { generations, upkeep } = this.#parts;
    const changed = await generations.setPinned(id, pinned);
    const document = generations.find(id);
    if (changed && document !== null) await upkeep.pinned(document, pinned);
    return changed;
  }

  async #switched(done: Switch): Promise<Switch> {
    const { served, upkeep } = this.#parts;
    served.refresh();
    if (done.before.id !== done.now.id) await upkeep.published(done.now, done.before);
    return done;
  }
}
