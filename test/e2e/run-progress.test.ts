import { expect, test } from 'vitest';
import type { Status } from '../../base/status.ts';
import { runProgress } from '../../runs/run-progress.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { cutAt, flippedAt, stallAt } from '../support/faulty-origin-lies.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { incompressibleText } from '../support/incompressible-text.ts';
import { Pop } from '../support/pop.ts';

const mib = 1024 * 1024;
const large = '/r/p/large-1-1.noarch.rpm';

test('a run of one large file moves with its bytes, never back and never past the end, whatever is sent again', async () => {
  await using origin = await FaultyOrigin.start();
  putRepository(origin, 'r', {
    packages: { 'p/large-1-1.noarch.rpm': incompressibleText(8 * mib), 'p/small-1-1.noarch.rpm': 'small' },
  });
  // Wrong at first, then cut, then held up, then right.
  const gate = new Gate();
  origin.times(1, large, stallAt(6 * mib, gate));
  origin.times(1, large, cutAt(3 * mib));
  origin.times(1, large, flippedAt(7 * mib));
  const repositories = [{ path: 'r', url: `${origin.url}r/` }];
  await using pop = await Pop.start({
    config: { subscriptions: [{ name: 'vendor', hub: { type: 'yum' }, refresh: '1h', policy: 'full', repositories }] },
  });
  const seen: number[] = [];
  for (;;) {
    const [run] = await pop.runs();
    const packages = run?.phases.find(({ name }) => name === 'packages');
    if (run === undefined || packages === undefined || packages.total === 0) continue;
    expect(packages.bytes).toBeLessThanOrEqual(packages.totalBytes);
    seen.push(runProgress({ phases: [packages] }).percent ?? 0);
    if (origin.count((request) => request.path === large) >= 3) gate.open();
    if (run.finished !== null) {
      expect(run.state).toBe('done');
      expect(packages).toMatchObject({ done: 2, total: 2, bytes: 8 * mib + 5, totalBytes: 8 * mib + 5 });
      break;
    }
  }
  expect(seen).toEqual(seen.toSorted((one, other) => one - other));
  expect(seen.at(-1)).toBe(100);
});

test('what was there of a large file before a stop counts in the next run, and only the rest is moved', async () => {
  await using origin = await FaultyOrigin.start();
  putRepository(origin, 'r', { packages: { 'p/large-1-1.noarch.rpm': incompressibleText(8 * mib) } });
  const gate = new Gate();
  origin.times(1, large, stallAt(4 * mib, gate));
  const repositories = [{ path: 'r', url: `${origin.url}r/` }];
  await using pop = await Pop.start({
    config: { subscriptions: [{ name: 'vendor', hub: { type: 'yum' }, refresh: '1h', policy: 'full', repositories }] },
  });
  const isHalf = ({ subscriptions: [vendor] }: Status): boolean =>
    vendor?.sync.phase === 'packages' && (vendor.sync.percent ?? 0) >= 40;
  const midst = await pop.until(isHalf);
  expect(midst.subscriptions[0]?.sync).toMatchObject({ state: 'running', failed: 0 });
  expect(midst.subscriptions[0]?.sync.percent).toBeLessThanOrEqual(50);
  await pop.stop();
  const next = new Gate();
  origin.times(1, large, stallAt(64 * 1024, next));
  await pop.launch();
  await pop.until(isHalf);
  next.open();
  await pop.until(({ subscriptions: [vendor] }) => (vendor?.sync.lastSuccess ?? null) !== null);
  const [run] = await pop.runs();
  expect(run?.phases.find(({ name }) => name === 'packages')).toMatchObject({ done: 1, bytes: 8 * mib });
  gate.open();
});
