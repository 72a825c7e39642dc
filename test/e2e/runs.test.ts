import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunStatus } from '../../base/status.ts';
import { systemDisk } from '../../disk/disk.ts';
import { stallAt, status } from '../support/faulty-origin-lies.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import { Pop, waystationProgram } from '../support/pop.ts';
import { describeWith, tool } from '../support/tools.ts';

const names = Array.from({ length: 20 }, (_, index) => `p/package-${index}.rpm`);
const packages = Object.fromEntries(names.map((name, index) => [name, `${name} `.repeat(50 + index)]));
/** The largest, and so the last that a run fetches. */
const last = '/r/p/package-19.rpm';

function everything(origin: FaultyOrigin, refresh = '1h') {
  const repositories = [{ path: 'r', url: `${origin.url}r/` }];
  return {
    config: { subscriptions: [{ name: 'vendor', hub: { type: 'yum' }, refresh, policy: 'full', repositories }] },
  };
}

/** A full sync that hangs in its last package, all others held. */
async function inTheMidst() {
  const origin = await FaultyOrigin.start();
  putRepository(origin, 'r', { packages });
  const gate = new Gate();
  const rule = origin.on(last, stallAt(10, gate));
  const pop = await Pop.start(everything(origin));
  await gate.reached;
  await pop.until(({ subscriptions }) => subscriptions[0]?.repositories[0]?.packages.held === 19);
  return {
    origin,
    pop,
    free: () => (rule.remove(), gate.open()),
    async [Symbol.asyncDispose]() {
      await pop[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** What a stream of events says, by and by. */
async function events(address: string, leave: AbortSignal, id?: string) {
  const said: Record<string, unknown>[] = [];
  const headers = id === undefined ? {} : { 'Last-Event-ID': id };
  const response = await fetch(`${address}/api/v1/events`, { signal: leave, headers });
  let text = '';
  let lastId = '';
  void (async () => {
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        lastId = /^id: (.*)$/m.exec(block)?.[1] ?? lastId;
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data !== undefined) said.push(JSON.parse(data) as Record<string, unknown>);
      }
    }
  })().catch(() => {});
  return { said, lastId: () => lastId };
}

test('a run can be followed, told from an on-demand one, called off without loss, and gone on with', async () => {
  await using lab = await inTheMidst();
  const { origin, pop, free } = lab;
  const leave = new AbortController();
  const stream = await events(pop.admin, leave.signal);
  expect((await pop.run('status')).stdout).toMatch(/sync running: packages \d+ %/);
  const metrics = await pop.metrics();
  expect(metrics.get('runs_started_total{kind="full"}')).toBe(1);
  expect(metrics.get('runs_running{kind="full"}')).toBe(1);
  const refused = await fetch(`${pop.admin}/api/v1/syncs/${(await pop.runs())[0]?.id}`, { method: 'DELETE' });
  expect(refused.status).toBe(403);
  const cancelled = await pop.run('sync', '--cancel');
  expect(cancelled).toMatchObject({ code: 0, stdout: expect.stringMatching(/^vendor: \S+ cancelled\n$/) });
  expect(await pop.runs()).toMatchObject([{ state: 'cancelled', reason: 'requested', failures: [] }]);
  expect((await pop.run('status')).stdout).toMatch(/sync idle/);
  free();
  const synced = await pop.run('sync', '--wait');
  expect(synced).toMatchObject({ code: 0, stderr: '' });
  expect(synced.stdout).toMatch(/^vendor: done in \d+ \w+ \(full: 20\/20 packages\)$/m);
  const asked = origin.requests.map(({ path }) => path).filter((path) => path.endsWith('.rpm'));
  expect(asked.filter((path) => path !== last)).toHaveLength(19);
  expect(asked.filter((path) => path === last).length).toBeLessThanOrEqual(2);
  await eventually(async () => stream.said.some(({ run }) => (run as RunStatus | undefined)?.state === 'done'));
  expect(stream.said.map(({ event }) => event)).toEqual(expect.arrayContaining(['run-started', 'run-finished']));
  expect(stream.said).toContainEqual(
    expect.objectContaining({ event: 'run-finished', run: expect.objectContaining({ state: 'cancelled' }) }),
  );
  leave.abort();
  const later = await pop.metrics();
  expect(later.get('runs_finished_total{kind="full",result="cancelled"}')).toBe(1);
  expect(later.get('runs_finished_total{kind="full",result="done"}')).toBe(1);
  expect(later.get('runs_running{kind="full"}')).toBe(0);
  expect(later.get('sync_last_success_timestamp_seconds{subscription="vendor"}')).toBeGreaterThan(1_600_000_000);
});

test('a stream of events goes on where it was left, and tells of generations and states', async () => {
  await using origin = await FaultyOrigin.start();
  putRepository(origin, 'r', { packages: { 'a.rpm': 'a' } });
  await using pop = await Pop.start({ repositories: [{ path: 'r', url: `${origin.url}r/` }] });
  await pop.looked();
  const first = new AbortController();
  const before = await events(pop.admin, first.signal);
  await eventually(async () => before.lastId() !== '');
  first.abort();
  putRepository(origin, 'r', { packages: { 'b.rpm': 'b' } });
  expect((await pop.run('sync', '--wait')).code).toBe(0);
  origin.on('/r/repodata/repomd.xml', status(404));
  const failed = await pop.run('sync', '--wait', '--json');
  expect(failed.code).toBe(1);
  const lines = failed.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines[0]?.['event']).toBe('run-started');
  expect(lines.at(-1)).toMatchObject({ event: 'run-finished', run: { state: 'failed', failureCount: 1 } });
  expect(lines).toContainEqual(expect.objectContaining({ event: 'run-failure', subscription: 'vendor' }));
  const second = new AbortController();
  const after = await events(pop.admin, second.signal, before.lastId());
  const [generation] = await pop.generations();
  const wanted = [
    { event: 'generation-published', subscription: 'vendor', generation: generation?.id, current: true },
    { event: 'run-failure', failure: expect.objectContaining({ path: 'r', code: 'upstream_missing' }) },
    { event: 'run-finished', run: expect.objectContaining({ state: 'failed' }) },
    { event: 'repository-state', path: 'r', state: 'behind', before: 'current' },
  ];
  for (const event of wanted)
    await eventually(async () => after.said.some((said) => expect.objectContaining(event).asymmetricMatch(said)));
  expect(after.said.map(({ event }) => event)).not.toContain('gap');
  second.abort();
  // A stream that is open keeps no service from stopping.
  const open = new AbortController();
  await events(pop.admin, open.signal);
  expect(await pop.stop()).toMatchObject({ code: 0 });
  open.abort();
});

test('a run under way at a kill is told as interrupted after the start, and what it did is gone on with', async () => {
  await using lab = await inTheMidst();
  const { pop, free } = lab;
  const [under] = await pop.runs();
  await pop.kill();
  free();
  await pop.launch();
  const told = (await pop.runs()).find(({ id }) => id === under?.id);
  expect(told).toMatchObject({ state: 'failed', reason: 'interrupted', kind: 'full', finished: expect.any(String) });
  expect((await pop.run('sync', '--wait')).code).toBe(0);
});

test('a forced repository is read again: damage that nobody saw is found and fetched, and served meanwhile', async () => {
  await using origin = await FaultyOrigin.start();
  putRepository(origin, 'r', { packages });
  await using pop = await Pop.start(everything(origin));
  expect((await pop.run('sync', '--wait')).code).toBe(0);
  const [name = ''] = names;
  const bytes = packages[name] ?? '';
  const hex = createHash('sha256').update(bytes).digest('hex');
  const blob = join(pop.state, 'blobs/open/sha256', hex.slice(0, 2), `${hex}.${bytes.length}`);
  await writeFile(blob, 'x'.repeat(bytes.length));
  await systemDisk.stamp(blob);
  const fetched = (): number => origin.count(`/r/${name}`);
  const before = fetched();
  expect((await pop.run('sync', '--wait')).code).toBe(0);
  expect(fetched()).toBe(before);
  const gate = new Gate();
  const rule = origin.on(`/r/${name}`, stallAt(10, gate));
  const forced = pop.run('sync', '--wait', '--force', 'r');
  await gate.reached;
  const other = await download(pop.content, `/content/r/${names[1]}`);
  expect([other.status, other.word]).toEqual([200, 'hit']);
  rule.remove();
  gate.open();
  expect(await forced).toMatchObject({ code: 0, stderr: '' });
  expect(fetched()).toBe(before + 1);
  expect((await download(pop.content, `/content/r/${name}`)).body.toString()).toBe(bytes);
  const [run] = await pop.runs();
  expect(run?.phases.find((phase) => phase.name === 'held files')?.done).toBeGreaterThan(20);
  expect((await pop.run('sync', '--force', 'nosuch')).code).toBe(1);
});

describeWith([tool('script')], 'on a terminal', () => {
  test('sync --wait draws a bar over itself and leaves how it ended', async () => {
    await using lab = await inTheMidst();
    const { pop, free } = lab;
    const words = [...waystationProgram, 'sync', '--wait', '--config', pop.configFile];
    const child = spawn('script', ['-qefc', words.map((word) => `'${word}'`).join(' '), '/dev/null'], {
      env: { ...process.env, TERM: 'xterm', NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close') as Promise<[number | null]>;
    let stdout = '';
    for await (const chunk of child.stdout) {
      stdout += String(chunk);
      if (stdout.includes('vendor: planned (full)')) free();
    }
    expect(await closed).toEqual([0, null]);
    // oxlint-disable-next-line no-control-regex -- control sequences are what is looked for
    expect(stdout).toMatch(/\u001b\[1A\r\u001b\[J/);
    expect(stdout.trimEnd()).toMatch(/vendor: done in \d+ \w+ \(full: 20\/20 packages\)/);
  });
});

test.each([[['--wait']], [['--cancel']], [['--force', 'r']]])(
  'sync %j without a running service ends with 69',
  async (words) => {
    await using pop = await Pop.prepare({});
    expect((await pop.run('sync', ...words)).code).toBe(69);
  },
);
