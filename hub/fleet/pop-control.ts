import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import { popName } from '../../protocol/registration.ts';
import type { Actor, Audit } from '../audit/audit.ts';
import type { Versioned } from '../store/json-object.ts';
import { changedLabels } from './labels.ts';
import type { LabelChanges } from './labels.ts';
import type { PopNames } from './pop-names.ts';
import { isRegistered } from './pop-records.ts';
import type { PopRecord, PopRecords } from './pop-records.ts';

/** What operators do to PoPs. Each takes effect at once, for connections that are open within a second. */
export class PopControl {
  readonly #pops: PopRecords;
  readonly #names: PopNames;
  readonly #audit: Audit;
  readonly #clock: Clock;

  constructor(options: {
    readonly pops: PopRecords;
    readonly names: PopNames;
    readonly audit: Audit;
    readonly clock: Clock;
  }) {
    this.#pops = options.pops;
    this.#names = options.names;
    this.#audit = options.audit;
    this.#clock = options.clock;
  }

  /**
   * The PoP of a name, or of an id; of revoked ones that had the name the last.
   * @throws WaystationError `pop_unknown`
   */
  async find(nameOrId: string): Promise<PopRecord> {
    const holder = popName.safeParse(nameOrId).success ? await this.#names.holder(nameOrId) : null;
    if (holder !== null) return holder.value;
    const found: PopRecord[] = [];
    for await (const record of this.#pops.list())
      if (record.name === nameOrId || record.id === nameOrId) found.push(record);
    const last = found.toSorted((one, other) => (one.registered < other.registered ? -1 : 1)).at(-1);
    if (last === undefined) throw new WaystationError('pop_unknown', `no PoP has the name or id ${nameOrId}`);
    return last;
  }

  /** @throws WaystationError `pop_unknown` */
  async label(nameOrId: string, changes: LabelChanges, who: Actor): Promise<PopRecord> {
    const changed = await this.#change(nameOrId, (record) => ({
      ...record,
      labels: changedLabels(record.labels, changes),
    }));
    const to = Object.entries(changes).map(([key, value]) => (value === null ? `${key}-` : `${key}=${value}`));
    await this.#audit.note({ who, what: 'pop.label', on: changed.name, to: to.join(' ') });
    return changed;
  }

  /** It keeps its certificate, where the old name stays for people. @throws WaystationError `pop_unknown`, `pop_name_taken` */
  async rename(nameOrId: string, name: string, who: Actor): Promise<PopRecord> {
    if (!popName.safeParse(name).success)
      throw new WaystationError('bad_request', `${name} is no name of a PoP: a-z, 0-9, "." and "-", at most 63`);
    const { id, name: before } = await this.find(nameOrId);
    const changed = await this.#change(id, async (record) => {
      if (record.revoked !== null) throw new WaystationError('bad_request', `${record.name} was revoked`);
      await this.#names.claim(name, record.id);
      return { ...record, name };
    });
    await this.#audit.note({ who, what: 'pop.rename', on: before, to: name });
    return changed;
  }

  /** For ever: it comes back with a new token alone, as another PoP. @throws WaystationError `pop_unknown` */
  async revoke(nameOrId: string, why: string | null, who: Actor): Promise<PopRecord> {
    const at = new Date(this.#clock.now()).toISOString();
    const changed = await this.#change(nameOrId, (record) => ({
      ...record,
      revoked: record.revoked ?? { at, by: who.name, why },
    }));
    await this.#audit.note({ who, what: 'pop.revoke', on: changed.name, why });
    return changed;
  }

  async #change(nameOrId: string, change: (record: PopRecord) => PopRecord | Promise<PopRecord>): Promise<PopRecord> {
    const { id } = await this.find(nameOrId);
    for (;;) {
      const found = await this.#read(id);
      const changed = await this.#pops.replace(await change(found.value), found.version);
      if (changed !== null) return changed;
    }
  }

  async #read(id: string): Promise<Versioned<PopRecord>> {
    const found = await this.#pops.find(id);
    if (found === null || !isRegistered(found.value))
      throw new WaystationError('pop_unknown', `no PoP has the id ${id}`);
    return { value: found.value, version: found.version };
  }
}
