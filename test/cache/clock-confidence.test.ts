import { expect, test } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { ClockConfidence } from '../../cache/upkeep/clock-confidence.ts';
import { StandingClock } from '../support/standing-clock.ts';

const minute = 60_000;

/** A clock whose wall time can jump, and what is believed of it. */
function jumping(): { clock: StandingClock; wall: { jump: number }; confidence: ClockConfidence; said: string[] } {
  const clock = new StandingClock();
  const wall = { jump: 0 };
  const said: string[] = [];
  const say = (_: object, message: string): void => void said.push(message);
  const port = {
    now: () => clock.now() + wall.jump,
    monotonic: () => clock.monotonic(),
    sleep: clock.sleep.bind(clock),
  };
  return { clock, wall, confidence: new ClockConfidence(port, { ...silentLogger, info: say, warn: say }), said };
}

test('a clock is not believed before an upstream agrees with it', () => {
  const { clock, confidence, said } = jumping();
  expect(confidence.confirmed).toBe(false);
  for (const distance of [6 * minute, -6 * minute, NaN]) confidence.observe(clock.now() + distance);
  expect([confidence.confirmed, said]).toEqual([false, []]);
  confidence.observe(clock.now() - 4 * minute);
  clock.advance(1000 * 60 * minute);
  expect([confidence.confirmed, said]).toEqual([true, ['the clock is confirmed by an upstream']]);
});

test.each([['forward', 400 * 24 * 60 * minute] as const, ['back', -6 * minute] as const])(
  'a jump %s ends the belief, until an upstream agrees again: going back to where it was does not',
  (_, jump) => {
    const { clock, wall, confidence, said } = jumping();
    confidence.observe(clock.now());
    wall.jump = jump;
    expect(confidence.confirmed).toBe(false);
    confidence.observe(clock.now());
    wall.jump = 0;
    expect(confidence.confirmed).toBe(false);
    wall.jump = jump;
    confidence.observe(clock.now() + jump);
    expect(confidence.confirmed).toBe(true);
    expect(said.filter((message) => message.includes('jumped'))).toHaveLength(1);
  },
);

test('a clock that is corrected little by little stays believed as long as upstreams agree', () => {
  const { clock, wall, confidence, said } = jumping();
  for (let hour = 0; hour < 48; hour += 1) {
    clock.advance(60 * minute);
    wall.jump += minute;
    confidence.observe(clock.now() + wall.jump);
  }
  expect([confidence.confirmed, said]).toEqual([true, ['the clock is confirmed by an upstream']]);
});
