import { asWaystationError } from '../../base/errors.ts';
import type { WaystationError } from '../../base/errors.ts';
import { readFormat } from '../store/store-format.ts';
import type { HubAdminPorts } from './ports.ts';

/** What is wrong, as documents say it. */
interface Problem {
  readonly code: string;
  readonly message: string;
}

/** `GET /healthz/ready` */
export interface HubReadiness {
  readonly ready: boolean;
  readonly draining: boolean;
  /** null: the store can be read. */
  readonly store: Problem | null;
  /** When the certificate that the hub shows ends, RFC 3339. */
  readonly certificate: { readonly until: string };
}

/** `GET /api/v1/status` of the admin listener. */
export interface HubStatus extends HubReadiness {
  readonly version: string;
  readonly publicUrl: string;
  readonly channels: readonly {
    readonly channel: string;
    readonly snapshot: string;
    readonly sequence: number;
    readonly since: string;
    readonly expires: string;
  }[];
  /** How PoPs stand → how many of them. */
  readonly pops: Readonly<Record<string, number>>;
  /** PoPs that wait for a change at this moment. */
  readonly waiting: number;
}

/** Whether PoPs get what they ask for: the store can be read, and the certificate has not ended. */
export async function hubReadiness(ports: HubAdminPorts): Promise<HubReadiness> {
  const { clock, store, certificateUntil } = ports;
  const error = await readFormat(store).then(
    () => null,
    (thrown: unknown) => problemOf(asWaystationError(thrown)),
  );
  const until = certificateUntil();
  const draining = ports.draining();
  return {
    ready: error === null && !draining && clock.now() < until,
    draining,
    store: error,
    certificate: { until: new Date(until).toISOString() },
  };
}

export async function hubStatus(ports: HubAdminPorts): Promise<HubStatus> {
  const readiness = await hubReadiness(ports);
  const channels: HubStatus['channels'][number][] = [];
  if (readiness.store === null)
    for await (const { channel, snapshot, sequence, issued, expires } of ports.channels.list())
      channels.push({ channel, snapshot, sequence, since: issued, expires });
  const pops: Record<string, number> = {};
  if (readiness.store === null) for (const { state } of await ports.fleet.pops()) pops[state] = (pops[state] ?? 0) + 1;
  const { version, publicUrl } = ports;
  return { version, publicUrl, ...readiness, channels, pops, waiting: ports.waiting() };
}

function problemOf({ code, message }: WaystationError): Problem {
  return { code, message };
}
