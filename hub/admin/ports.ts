import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { ChannelDocument } from '../../protocol/channel.ts';
import type { FleetReport } from '../service/ports.ts';
import type { ObjectStore } from '../store/object-store.ts';

/** What the admin listener of a hub shows. */
export interface HubAdminPorts {
  readonly version: string;
  readonly publicUrl: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: Pick<ObjectStore, 'get'>;
  readonly channels: { list(): AsyncIterable<ChannelDocument> };
  readonly fleet: FleetReport;
  /** When the certificate that the hub shows ends, milliseconds since the epoch. */
  readonly certificateUntil: () => number;
  /** PoPs that wait for a change at this moment. */
  readonly waiting: () => number;
  readonly draining: () => boolean;
  readonly metrics: { render(): Promise<{ readonly contentType: string; readonly body: string }> };
}
