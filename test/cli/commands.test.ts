import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import type { RunStatus, SubscriptionStatus } from '../../base/status.ts';
import { adminApp } from '../../gateway/admin/app.ts';
import { EventLog } from '../../gateway/admin/event-log.ts';
import { type CommandResult, waystation } from '../support/command-line.ts';
import { statusDocumentOf, subscriptionDocument } from '../support/contract-documents.ts';
import { type ScriptedSubscriptions, scriptedSubscriptions } from '../support/scripted-subscriptions.ts';
import { scriptedGenerations } from '../support/scripted-generations.ts';
import { scriptedReadiness } from '../support/scripted-readiness.ts';
import { unixService } from '../support/unix-service.ts';

const version = (JSON.parse(await readFile('package.json', 'utf8')) as { version: string }).version;

/** A configuration file whose socket is there, or nowhere. */
async function configFor(socket: string | null): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'waystation-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, 'waystation.yaml');
  await writeFile(file, `state: ${directory}\nlisten: { socket: ${socket ?? join(directory, 'none.sock')} }\n`);
  return file;
}

/** The admin application on a real socket, over subscriptions that the test scripts. */
async function service(
  documents: readonly SubscriptionStatus[],
  endsWith?: (subscription: string) => Partial<RunStatus>,
): Promise<{ subscriptions: ScriptedSubscriptions; run(...words: string[]): Promise<CommandResult> }> {
  const subscriptions = scriptedSubscriptions({ documents, ...(endsWith ? { endsWith } : {}) });
  const app = adminApp({
    version,
    clock: systemClock,
    logger: silentLogger,
    subscriptions,
    cache: { status: () => statusDocumentOf([]).cache },
    transfers: () => statusDocumentOf([]).transfers,
    metrics: { render: () => Promise.resolve({ contentType: 'text/plain', body: '' }) },
    readiness: { draining: false, subscriptions: () => [] },
    explainer: {
      explain: (path) =>
        Promise.resolve({
          path,
          verdict: 'unavailable',
          subscription: 'corp',
          repository: 'edge/base',
          generation: null,
          listed: { digest: `sha256:${'ab'.repeat(32)}`, size: 2048 },
          held: false,
          source: 'disconnected',
          reason: 'listed, never fetched, and the upstream cannot be reached',
        }),
    },
    imports: { start: () => Promise.resolve('import-1') },
    verifications: { start: () => Promise.resolve('verify-1') },
    plans: { start: () => 'plan-1' },
    generations: scriptedGenerations(),
    offlineReadiness: scriptedReadiness(),
    events: { log: new EventLog(), open: 0 },
    allowed: 'change',
  });
  const running = await unixService(app);
  onTestFinished(() => running[Symbol.asyncDispose]());
  const config = await configFor(running.socket);
  return { subscriptions, run: (...words) => waystation(...words, '--config', config) };
}

const behind = subscriptionDocument({
  name: 'vendor',
  state: 'disconnected',
  hub: {
    type: 'yum',
    url: null,
    state: 'disconnected',
    lastContact: null,
    error: { code: 'upstream_timeout', message: 'no answer\u001b[31m in 9 s', at: '2026-11-23T10:15:00Z' },
  },
  repositories: [
    {
      path: 'vendor/tools',
      policy: 'on-demand',
      content: 'rpm',
      state: 'pending',
      reason: 'no answer in 9 s',
      since: '2026-11-23T10:15:00Z',
      repomd: null,
      packages: { listed: 0, held: 0, unservable: 0 },
      bytes: { listed: 0, held: 0 },
      tree: null,
    },
  ],
});

describe('waystation', () => {
  test('--version names the version of package.json', async () => {
    expect(await waystation('--version')).toEqual({
      code: 0,
      stdout: expect.stringMatching(new RegExp(`^waystation ${version.replaceAll('.', '\\.')} .*\n$`)),
      stderr: '',
    });
  });

  test('--help is on stdout and names the commands', async () => {
    const { code, stdout } = await waystation('--help');
    expect(code).toBe(0);
    for (const name of ['serve', 'config', 'status', 'sync', 'verify', 'state', 'import', 'generations', 'rollback'])
      expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  });

  test.each([[[]], [['nosuch']], [['status', '--nosuch']], [['status', 'a', 'b']], [['config']], [['--config']]])(
    '%j is a usage error: 2, stdout empty',
    async (words) => {
      const { code, stdout, stderr } = await waystation(...words);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).not.toBe('');
    },
  );

  test.each(
    // Every command of the contract that is not built.
    ['purge', 'forget', 'reload', 'doctor', 'repo-file', 'support-bundle'].map((name) => [name]),
  )('%s is refused by name', async (name) => {
    const { code, stderr } = await waystation(name, 'word', '--option', 'x');
    expect([code, stderr]).toEqual([2, `waystation: ${name} is not built yet\n`]);
  });

  test.each([
    [['--cancel', '--wait'], /--cancel.*cannot be used with.*--wait/],
    [['--cancel', '--plan'], /cannot be used with/],
    [['--force', 'edge/base', '--cancel'], /--force goes with neither/],
    [['--force', 'edge/base', '--plan'], /--force goes with neither/],
  ])('sync %j is a usage error', async (words, reason) => {
    const { code, stdout, stderr } = await waystation('sync', ...words);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(reason);
  });
});

describe('a configuration', () => {
  test('with problems ends every command with 78 and a line for each on stderr', { timeout: 60_000 }, async () => {
    const file = await configFor(null);
    await writeFile(file, 'nosuch: 1\nstate: 5\n');
    for (const words of [['config', 'check'], ['status'], ['sync'], ['serve'], ['state', 'upgrade']]) {
      const { code, stdout, stderr } = await waystation(...words, '--config', file);
      expect([words, code, stdout]).toEqual([words, 78, '']);
      const lines = stderr.trimEnd().split('\n');
      expect(lines).toHaveLength(2);
      for (const line of lines) expect(line.startsWith(`${file}:`)).toBe(true);
    }
  });

  test('that is not there ends with 78 and its name', async () => {
    const { code, stderr } = await waystation('status', '--config', '/nowhere/waystation.yaml');
    expect(code).toBe(78);
    expect(stderr).toContain('/nowhere/waystation.yaml');
  });

  test('is checked as text and as JSON, with --config before or after the command', async () => {
    const file = await configFor(null);
    const text = await waystation('--config', file, 'config', 'check');
    expect([text.code, text.stderr]).toEqual([0, '']);
    const json = await waystation('config', 'check', '--json', '--config', file);
    expect(JSON.parse(json.stdout)).toEqual({ file, valid: true, problems: [] });
    await writeFile(file, 'nosuch: 1\n');
    const invalid = await waystation('config', 'check', '--json', '--config', file);
    expect(invalid.code).toBe(78);
    expect(JSON.parse(invalid.stdout)).toMatchObject({ valid: false, problems: [{ position: { line: 1 } }] });
  });

  test('has a JSON Schema', async () => {
    const { code, stdout } = await waystation('config', 'schema');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ properties: { listen: {}, subscriptions: {} } });
  });
});

describe('the service', () => {
  test.each(['status', 'sync'])('that is not running ends %s with 69', async (name) => {
    const { code, stdout, stderr } = await waystation(name, '--config', await configFor(null));
    expect([code, stdout]).toEqual([69, '']);
    expect(stderr).toContain('not running');
  });

  test('that left its socket behind ends with 69 too', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'waystation-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const socket = join(directory, 'file.sock');
    await writeFile(socket, '');
    expect((await waystation('status', '--config', await configFor(socket))).code).toBe(69);
  });

  test('that goes away while it answers ends with 69', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'waystation-'));
    const server = createServer((_, response) => response.destroy());
    await new Promise<void>((resolve) => server.listen(join(directory, 'a.sock'), resolve));
    onTestFinished(async () => {
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true });
    });
    const config = await configFor(join(directory, 'a.sock'));
    expect((await waystation('status', '--config', config)).code).toBe(69);
  });
});

describe('status', () => {
  test('--json prints the document of the contract as it is', async () => {
    const documents = [subscriptionDocument(), behind];
    const { run } = await service(documents);
    const { code, stdout, stderr } = await run('status', '--json');
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual({ ...statusDocumentOf(documents), version });
  });

  test('is a table for people, without colours and control characters when it is no terminal', async () => {
    const { run } = await service([subscriptionDocument(), behind]);
    const { code, stdout } = await run('status');
    expect(code).toBe(0);
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
    expect(stdout).toMatch(
      /^corp: connected, .*generation 20261123T101500Z-1a2b3c4d published .*checked .*sync idle$/m,
    );
    expect(stdout).toMatch(/^ +PATH +STATE +POLICY +PACKAGES +BYTES +SINCE +REASON$/m);
    expect(stdout).toMatch(/^ +edge\/base +current +on-demand +3\/7 +11\.7 KiB\/4\.9 MiB /m);
    expect(stdout).toMatch(/^ +vendor\/tools +pending +on-demand +0\/0 .* no answer in 9 s$/m);
    expect(stdout).toMatch(/^ +hub: upstream_timeout: no answer in 9 s \(/m);
    expect(stdout).toMatch(/^cache: ok, 11\.7 KiB of 200 GiB in 9 blobs/m);
    expect(stdout).toMatch(
      /^transfers: 2 for clients, 8 of 16 for syncs \(3 waiting\), limit 20 MiB\/s, reached until 20\d\d-/m,
    );
    expect(stdout).toMatch(
      /^scrub: running, pass of .*: 2\.9 KiB of 11\.7 KiB read, nothing damaged, last whole pass never$/m,
    );
  });

  test('says so when nothing is subscribed', async () => {
    const { run } = await service([]);
    expect((await run('status')).stdout).toMatch(/^nothing is subscribed$/m);
  });

  test.each([
    ['a name', 'edge/base/a+b c.rpm', '/content/edge/base/a%2Bb%20c.rpm'],
    ['the path of a request', '/content/edge/base/a%2bb.rpm', '/content/edge/base/a%2bb.rpm'],
    ['a URL', 'http://pop.example:8080/content/edge/base/a.rpm?x=1', '/content/edge/base/a.rpm'],
  ])('with %s explains that path', async (_, typed, path) => {
    const { run } = await service([]);
    const text = await run('status', typed);
    expect(text.code).toBe(0);
    expect(text.stdout).toContain(`${path}: unavailable: listed, never fetched`);
    expect(text.stdout).toMatch(/^ +held +no$/m);
    expect(JSON.parse((await run('status', typed, '--json')).stdout)).toMatchObject({ path, verdict: 'unavailable' });
  });
});

describe('sync', () => {
  const failure = {
    path: 'edge/base',
    code: 'upstream_timeout',
    reason: 'no answer',
    attempts: 3,
    nextTry: null,
  } as const;

  test('starts every subscription and prints the ids of the runs', async () => {
    const { run, subscriptions } = await service([subscriptionDocument(), behind]);
    expect(await run('sync')).toEqual({ code: 0, stdout: 'run-1\nrun-2\n', stderr: '' });
    expect(subscriptions.started).toEqual(['corp', 'vendor']);
  });

  test('starts the ones that are named, once', async () => {
    const { run, subscriptions } = await service([subscriptionDocument(), behind]);
    const { stdout } = await run('sync', 'vendor', 'vendor', '--json');
    expect(JSON.parse(stdout)).toEqual({ syncs: [{ subscription: 'vendor', id: 'run-1' }] });
    expect(subscriptions.started).toEqual(['vendor']);
  });

  test('of an unknown name starts nothing', async () => {
    const { run, subscriptions } = await service([subscriptionDocument()]);
    const { code, stderr } = await run('sync', 'corp', 'nobody', '--wait');
    expect([code, stderr]).toEqual([2, 'waystation: no subscription is called nobody; there is corp\n']);
    expect(subscriptions.started).toEqual([]);
  });

  test('--wait ends with 0 when all is done, and shows how it went', async () => {
    const { run } = await service([subscriptionDocument()], () => ({ state: 'done' }));
    expect(await run('sync', '--wait')).toEqual({
      code: 0,
      stdout: 'corp: done in 1 min (metadata only; packages on demand)\n',
      stderr: '',
    });
  });

  test('--wait follows a run that ends later', async () => {
    const { run, subscriptions } = await service([subscriptionDocument()]);
    const waited = run('sync', '--wait');
    while (subscriptions.started.length === 0) await new Promise((resolve) => setImmediate(resolve));
    subscriptions.finish('run-1');
    expect((await waited).stdout).toMatch(/corp: done in 1 min \(metadata only; packages on demand\)\n$/);
  });

  test.each([
    [
      'done with failures',
      { state: 'done', failures: [failure] },
      'corp: edge/base: upstream_timeout: no answer (3 attempts)\n',
    ],
    ['failed', { state: 'failed', failures: [failure] }, 'corp: edge/base: upstream_timeout: no answer (3 attempts)\n'],
    ['cancelled', { state: 'cancelled' }, 'corp: the sync ended as cancelled\n'],
  ] as const)('--wait ends with 1 and the reasons when a run is %s', async (_, changes, lines) => {
    const { run } = await service([subscriptionDocument()], () => changes);
    const { code, stderr } = await run('sync', '--wait');
    expect([code, stderr]).toEqual([1, lines]);
  });

  test('--wait fails when one of two runs fails', async () => {
    const { run } = await service([subscriptionDocument(), behind], (name) =>
      name === 'corp' ? { state: 'failed', failures: [failure] } : { state: 'done' },
    );
    expect((await run('sync', '--wait')).code).toBe(1);
  });

  test('--wait --json prints one event a line and nothing else', async () => {
    const { run } = await service([subscriptionDocument()], () => ({ failures: [failure] }));
    const { code, stdout } = await run('sync', '--wait', '--json');
    expect(code).toBe(1);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const ended = { id: 'run-1', subscription: 'corp', state: 'done', failureCount: 1 };
    expect(events).toMatchObject([
      { event: 'run-started', at: expect.any(String), run: ended },
      { event: 'run-failure', run: 'run-1', subscription: 'corp', failure },
      { event: 'run-finished', run: ended },
    ]);
  });

  test('--wait names every failure, page by page, and counts those that are not known by name', async () => {
    const failures = Array.from({ length: 2_300 }, (_, index) => ({ ...failure, path: `edge/base/${index}.rpm` }));
    const { run } = await service([subscriptionDocument()], () => ({
      state: 'failed',
      failures,
      failureCount: 20_300,
    }));
    const { code, stdout, stderr } = await run('sync', '--wait');
    expect([code, stdout]).toEqual([1, 'corp: failed in 1 min, 20,300 failed (metadata only; packages on demand)\n']);
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(2_301);
    expect(lines[2_299]).toBe('corp: edge/base/2299.rpm: upstream_timeout: no answer (3 attempts)');
    expect(lines.at(-1)).toBe('corp: 18,000 more failed, and are not named');
  });

  test.each(['edge/base', '/content/edge/base/', 'http://pop.example:8080/content/edge/base'])(
    '--force %s asks for a run of the subscription that has the path, and of no other',
    async (path) => {
      const { run, subscriptions } = await service([subscriptionDocument(), behind]);
      expect((await run('sync', '--force', path)).code).toBe(0);
      expect([subscriptions.started, subscriptions.forced]).toEqual([['corp'], ['edge/base']]);
    },
  );

  test.each([['nosuch'], ['edge'], ['edge/base', 'vendor'], ['edge/base/a.rpm']])(
    '--force %s, which is no repository of those that are named, starts nothing',
    async (path, ...names) => {
      const { run, subscriptions } = await service([subscriptionDocument(), behind]);
      expect((await run('sync', ...names, '--force', path)).stderr).toContain(`no repository is at ${path}`);
      expect(subscriptions.started).toEqual([]);
    },
  );

  test('--cancel calls off what is under way, of all or of those that are named', async () => {
    const { run, subscriptions } = await service([subscriptionDocument(), behind]);
    const ids = ['corp', 'vendor', 'corp'].map((name) => subscriptions.start(name));
    expect((await run('sync', '--cancel', 'vendor')).stdout).toBe(`vendor: ${ids[1]} cancelled\n`);
    const json = await run('sync', '--cancel', '--json');
    expect(JSON.parse(json.stdout)).toEqual({
      syncs: [ids[2], ids[0]].map((id) => ({ subscription: 'corp', id, cancelled: true })),
    });
    expect(subscriptions.runs().map(({ state }) => state)).toEqual(['cancelled', 'cancelled', 'cancelled']);
  });

  test('--cancel of nothing says so, and is refused for a name that is none', async () => {
    const { run } = await service([subscriptionDocument()]);
    expect(await run('sync', '--cancel')).toEqual({ code: 0, stdout: 'no sync is under way\n', stderr: '' });
    expect((await run('sync', '--cancel', 'nobody')).code).toBe(2);
  });

  test('--wait of nothing is done at once', async () => {
    const { run } = await service([]);
    expect(await run('sync', '--wait')).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});
