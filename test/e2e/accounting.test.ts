import { Agent } from 'node:http';
import { expect, test } from 'vitest';
import { outcomes } from '../../base/outcome.ts';
import { FaultyOrigin, flippedAt, Gate, stallAt } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { Download, download, type DownloadOptions } from '../support/http-download.ts';
import { incompressibleText } from '../support/incompressible-text.ts';
import { Pop } from '../support/pop.ts';
import { rawConnection } from '../support/raw-connection.ts';

const big = incompressibleText(3 << 20);

test('every request has one outcome, and metrics, access log and clients agree on requests and bytes', async () => {
  await using origin = await FaultyOrigin.start();
  const packages = {
    'a.rpm': 'a'.repeat(500),
    'b.rpm': 'b'.repeat(700),
    'big.rpm': big,
    'lie.rpm': `${big}l`,
    'stalled.rpm': `${big}s`,
  };
  putRepository(origin, 'r', { packages, types: ['primary'] });
  origin.put('/r/.discinfo', '[general]\n');
  await using pop = await Pop.start({
    repositories: [
      { path: 'r', url: `${origin.url}r/` },
      { path: 'shut', url: `${origin.url}r/`, access: 'deny' },
      { path: 'later', url: `${origin.url}later/` },
    ],
  });
  await pop.published('r', 'shut');
  origin.on('/r/lie.rpm', flippedAt(1_000_000));
  const gate = new Gate();
  origin.on('/r/stalled.rpm', stallAt(2 << 20, gate));

  const asked: [string, DownloadOptions?][] = [
    ['/content/r/a.rpm'],
    ['/content/r/a.rpm'],
    ['/content/r/a.rpm?with=query'],
    ['/content/r/b.rpm', { method: 'HEAD' }],
    ['/content/r/big.rpm'],
    ['/content/r/big.rpm', { headers: { range: 'bytes=0-99' } }],
    ['/content/r/big.rpm', { headers: { range: 'bytes=0-9,100-109' } }],
    ['/content/r/big.rpm', { headers: { range: 'bytes=99999999-' } }],
    ['/content/r/big.rpm', { headers: { 'if-none-match': '*' } }],
    ['/content/r/lie.rpm'],
    ['/content/r/repodata/repomd.xml'],
    ['/content/r/repodata/repomd.xml'],
    ['/content/r/.discinfo'],
    ['/content/r/none.rpm'],
    ['/content/r/none.rpm', { method: 'HEAD' }],
    ['/content/r/LICENSE'],
    ['/content/shut/a.rpm'],
    ['/content/later/a.rpm'],
    ['/content/r/../a.rpm'],
    ['/content/r/a.rpm', { method: 'POST' }],
    ['/content/r'],
    ['/content/r/'],
    ['/'],
    ['/', { method: 'HEAD' }],
    ['/repo-files/vendor.repo'],
    ['/nothing'],
    ['/', { method: 'PUT' }],
  ];
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const received: { method: string; status: number; bytes: number; word: string | null; complete: boolean }[] = [];
  for (let round = 0; round < 5; round++) {
    const answers = asked.map(async ([path, options = {}]) => {
      const { status, body, word, complete } = await download(pop.content, path, { agent, ...options });
      received.push({ method: options.method ?? 'GET', status, bytes: body.length, word, complete });
    });
    await Promise.all(answers);
  }
  agent.destroy();
  const leaving = new Download(pop.content, '/content/r/stalled.rpm');
  await leaving.until(1 << 20);
  leaving.leave();
  const malformed = await rawConnection(Number(new URL(pop.content).port));
  malformed.send('GET /content/r/a.rpm HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
  await malformed.closed();
  const garbage = await rawConnection(Number(new URL(pop.content).port));
  garbage.send('NONSENSE\r\n\r\n');
  await garbage.closed();

  const total = received.length + 3;
  await pop.logged(() => pop.access.length >= total);
  gate.open();
  const metrics = await pop.metrics();
  const lines = pop.access;
  expect(lines).toHaveLength(total);
  expect(lines.filter(({ outcome }) => !outcomes.some((word) => word === outcome))).toEqual([]);

  // Metrics against the log, for each outcome and status.
  const counted = new Map<string, number>();
  const bytes = new Map<string, number>();
  for (const line of lines) {
    const key = `requests_total{outcome="${line.outcome}",code="${line.status}"}`;
    counted.set(key, (counted.get(key) ?? 0) + 1);
    const sum = `response_bytes_total{outcome="${line.outcome}"}`;
    bytes.set(sum, (bytes.get(sum) ?? 0) + line.bytes);
  }
  const samples = (name: string): Map<string, number> =>
    new Map([...metrics].filter(([key, value]) => key.startsWith(`${name}{`) && value > 0));
  expect(samples('requests_total')).toEqual(counted);
  expect(samples('response_bytes_total')).toEqual(new Map([...bytes].filter(([, value]) => value > 0)));

  // The log against what arrived, for whoever stayed: the word of the head, but for an answer that was cut.
  const key = (word: string | null, status: number, size: number): string => `${word} ${status} ${size}`;
  const logged = lines.filter(
    ({ path, outcome }) => outcome !== 'aborted' && path !== '' && !path.endsWith('stalled.rpm'),
  );
  const whole = received
    .filter(({ complete }) => complete)
    .map(({ word, status, bytes: size }) => key(word, status, size));
  const cut = received.filter(({ complete }) => !complete);
  expect(cut.length).toBeGreaterThan(0);
  const endedWell = logged.filter(({ outcome, status }) => outcome !== 'error' && status !== 0);
  const words = endedWell.map(({ outcome, status, bytes: size }) => key(outcome, status, size));
  expect(words.filter((word) => !whole.includes(word) && !word.startsWith('invalid 400 0'))).toEqual([]);
  expect(logged.filter(({ outcome }) => outcome === 'error')).toHaveLength(cut.length);
  for (const wanted of ['hit', 'miss', 'unlisted-miss', 'absent', 'unavailable', 'denied', 'invalid', 'local', 'error'])
    expect([wanted, lines.some(({ outcome }) => outcome === wanted)]).toEqual([wanted, true]);
});
