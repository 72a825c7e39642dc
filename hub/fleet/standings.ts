import type { Clock } from '../../base/clock.ts';
import type { FleetReport } from '../service/ports.ts';
import { wantedOf } from './assignment-rules.ts';
import type { Heartbeats } from './heartbeats.ts';
import type { HubState, HubView } from './hub-view.ts';
import type { PopRecord, PopRecords } from './pop-records.ts';
import { standingOf, worstFirst } from './standing.ts';
import type { FleetStanding } from './standing.ts';

/** How all PoPs stand, as records, heartbeats and channels have it. */
export class Standings implements FleetReport {
  readonly #pops: PopRecords;
  readonly #heartbeats: Heartbeats;
  readonly #view: HubView;
  readonly #clock: Clock;

  constructor(options: {
    readonly pops: PopRecords;
    readonly heartbeats: Heartbeats;
    readonly view: HubView;
    readonly clock: Clock;
  }) {
    this.#pops = options.pops;
    this.#heartbeats = options.heartbeats;
    this.#view = options.view;
    this.#clock = options.clock;
  }

  /** Offline, stuck and late ones first. */
  async pops(): Promise<readonly FleetStanding[]> {
    const state = await this.#view.state();
    const standings: FleetStanding[] = [];
    for await (const record of this.#pops.list()) standings.push(await this.of(record, state));
    return worstFirst(standings);
  }

  async of(record: PopRecord, state: HubState): Promise<FleetStanding> {
    const { heartbeat } = wantedOf(state.rules, record.labels, []);
    const pointed = new Map([...state.channels].map(([name, { document }]) => [name, document.snapshot]));
    const heard = await this.#heartbeats.last(record.id);
    return standingOf({ record, heard, heartbeat, pointed }, this.#clock.now());
  }
}
