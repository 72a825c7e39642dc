import type { Clock } from '../base/clock.ts';
import type { Meter } from '../base/metrics.ts';
import type { Following } from './following.ts';

/** How this PoP stands with its waystation hubs. */
export function measureFollowing(following: Following, meter: Meter, clock: Clock): void {
  const seconds = (until: number): number => (until - clock.now()) / 1000;
  meter
    .gauge('hub_registered', 'Whether this PoP is registered at the hub', ['hub'])
    .collect(() =>
      following.sessions.map(({ url, membership }) => [{ hub: url }, Number(membership.current !== null)]),
    );
  meter
    .gauge('hub_certificate_seconds_left', 'Time until the certificate of this PoP at the hub ends', ['hub'])
    .collect(() =>
      following.sessions.flatMap(({ url, membership: { certificateEnds } }) =>
        certificateEnds === null ? [] : [[{ hub: url }, seconds(certificateEnds)] as const],
      ),
    );
  meter
    .gauge('hub_statement_seconds_left', 'Time until what the hub said of the channel has to be heard again', [
      'subscription',
    ])
    .collect(() =>
      following.followed.flatMap(({ subscription, channel, session }) => {
        const expires = session.expires(channel);
        return expires === null ? [] : [[{ subscription }, seconds(expires)] as const];
      }),
    );
  meter
    .gauge('denied_files', 'Files that the hub wants not to be served', ['hub'])
    .collect(() => following.sessions.map(({ url, denied }) => [{ hub: url }, denied.size]));
}
