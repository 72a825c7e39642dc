import type { Clock } from '../../base/clock.ts';
import type { Meter } from '../../base/metrics.ts';
import type { FleetReport, PopStanding } from '../service/ports.ts';

/** Milliseconds for which one look at the fleet serves all gauges: those of one scrape. */
const shared = 1_000;

/** Shows how each PoP stands. One that was revoked is counted, and no more. */
export function measureFleet(fleet: FleetReport, meter: Meter, clock: Clock): void {
  let last: { readonly at: number; readonly pops: Promise<readonly PopStanding[]> } | null = null;
  const all = (): Promise<readonly PopStanding[]> => {
    if (last === null || clock.monotonic() - last.at > shared) last = { at: clock.monotonic(), pops: fleet.pops() };
    return last.pops;
  };
  const known = async (): Promise<readonly PopStanding[]> => (await all()).filter(({ state }) => state !== 'revoked');

  meter.gauge('pops', 'PoPs by how they stand', ['state']).collect(async () => {
    const counts = Map.groupBy(await all(), ({ state }) => state);
    return [...counts].map(([state, pops]) => [{ state }, pops.length] as const);
  });
  meter.gauge('pop_state', '1: the PoP stands so', ['pop', 'state']).collect(async () => {
    const pops = await known();
    return pops.map(({ name, state }) => [{ pop: name, state }, 1] as const);
  });
  meter.gauge('pop_last_seen_seconds', 'Age of the last heartbeat of a PoP', ['pop']).collect(async () => {
    const heard = (await known()).flatMap(({ name, lastSeen }) => (lastSeen === null ? [] : [{ name, lastSeen }]));
    return heard.map(({ name, lastSeen }) => [{ pop: name }, (clock.now() - Date.parse(lastSeen)) / 1_000] as const);
  });
  const ofPop = (name: string, help: string, value: (pop: PopStanding) => number | null): void =>
    meter.gauge(name, help, ['pop']).collect(async () =>
      (await known()).flatMap((pop) => {
        const measured = value(pop);
        return measured === null ? [] : [[{ pop: pop.name }, measured] as const];
      }),
    );
  ofPop('pop_certificate_seconds_left', 'Time to the end of the certificate of a PoP', ({ certificateEnds }) => {
    return (Date.parse(certificateEnds) - clock.now()) / 1_000;
  });
  ofPop('pop_requests', 'Requests of clients since a PoP started', ({ traffic }) => traffic?.requests ?? null);
  ofPop('pop_hits', 'Those that it answered from its disk', ({ traffic }) => traffic?.hits ?? null);
  ofPop('pop_response_bytes', 'Bytes to clients since a PoP started', ({ traffic }) => traffic?.bytes ?? null);
  ofPop(
    'pop_upstream_bytes',
    'Bytes from upstream since a PoP started',
    ({ traffic }) => traffic?.upstreamBytes ?? null,
  );
  ofPop('pop_cache_bytes', 'Bytes that a PoP holds', ({ cache }) => cache?.bytes ?? null);
  ofPop('pop_cache_max_bytes', 'Bytes that a PoP may hold', ({ cache }) => cache?.max ?? null);
  meter.gauge('pop_version', '1: the PoP runs this version', ['pop', 'version']).collect(async () => {
    const told = (await known()).filter(({ version }) => version !== null);
    return told.map(({ name, version }) => [{ pop: name, version: String(version) }, 1] as const);
  });
  const ofChannel = ['pop', 'channel'];
  meter.gauge('pop_channel_behind', '1: the PoP serves another snapshot', ofChannel).collect(async () => {
    return channelsOf(await known()).map(({ labels, behind }) => [labels, behind ? 1 : 0] as const);
  });
  meter.gauge('pop_channel_complete', '1: the PoP has all that its policy wants', ofChannel).collect(async () => {
    return channelsOf(await known()).map(({ labels, complete }) => [labels, complete ? 1 : 0] as const);
  });
  meter.gauge('pop_channel_errors', 'What is wrong with a channel at a PoP', ofChannel).collect(async () => {
    return channelsOf(await known()).map(({ labels, errors }) => [labels, errors] as const);
  });
}

type ChannelStanding = PopStanding['channels'][number] & { readonly labels: { pop: string; channel: string } };

function channelsOf(pops: readonly PopStanding[]): readonly ChannelStanding[] {
  return pops.flatMap(({ name, channels }) =>
    channels.map((channel) => ({ ...channel, labels: { pop: name, channel: channel.channel } })),
  );
}
