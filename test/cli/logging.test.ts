import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { WaystationError } from '../../base/errors.ts';
import { accessLine, serviceLog } from '../../cli/logging.ts';
import type { LogLevel } from '../../cli/log-levels.ts';

function recorded(level: LogLevel = 'debug'): {
  log: ReturnType<typeof serviceLog>;
  lines(): Record<string, unknown>[];
} {
  const written: string[] = [];
  const log = serviceLog({ level, output: { write: (line) => void written.push(line), flush: () => {}, lost: 0 } });
  return { log, lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

const request = {
  method: 'GET',
  path: '/content/a/b.rpm',
  status: 200,
  bytes: 7,
  seconds: 0.25,
  outcome: 'hit',
  client: '::1',
} as const;

describe('the service log', () => {
  test('is JSON with a level by name, a time and the fields, also those of a child', () => {
    const { log, lines } = recorded();
    log.logger.child({ subscription: 'corp' }).warn({ path: 'edge/base' }, 'behind');
    expect(lines()).toEqual([
      {
        level: 'warn',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        subscription: 'corp',
        path: 'edge/base',
        msg: 'behind',
      },
    ]);
  });

  test('leaves out what is below its level, access lines included', () => {
    const { log, lines } = recorded('warn');
    log.logger.info({}, 'not this');
    log.logger.error({}, 'this');
    log.access(request);
    expect(lines().map((line) => line['msg'])).toEqual(['this']);
  });

  test('blanks secrets by name at any depth, in URLs, in messages and in errors', () => {
    const { log, lines } = recorded();
    const cause = new Error('GET https://pop:hunter2@hub.example/ failed');
    log.logger.info(
      {
        password: 'hunter2',
        request: { headers: { Authorization: 'Basic aHVudGVyMg==', 'x-pop-entitlement': 'hunter2' } },
        list: [{ token: 'hunter2' }],
        url: new URL('https://pop:hunter2@hub.example/'),
        err: new WaystationError('upstream_status', 'sent Bearer hunter2hunter2', { cause }),
        passwordFile: '/etc/waystation/password',
      },
      'asked https://pop:hunter2@hub.example/a with Basic aHVudGVyMg==',
    );
    log.logger.child({ cookie: 'hunter2' }).info({}, 'child');
    const text = JSON.stringify(lines());
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain('aHVudGVyMg');
    expect(lines()[0]).toMatchObject({
      passwordFile: '/etc/waystation/password',
      err: { code: 'upstream_status', cause: { message: expect.stringContaining('hub.example') } },
    });
  });

  test('survives fields that refer to themselves', () => {
    const { log, lines } = recorded();
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    log.logger.info({ loop }, 'looped');
    expect(lines()).toHaveLength(1);
  });

  test('an access line is one JSON line, whatever the path, and without the query', () => {
    const line = accessLine({ ...request, path: '/content/a"\n\u2028\\b?token=x' }, '2026-01-01T00:00:00.000Z');
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(JSON.parse(line)).toEqual({
      level: 'info',
      time: '2026-01-01T00:00:00.000Z',
      msg: 'request',
      ...request,
      path: '/content/a"\n\u2028\\b',
    });
  });

  test.each([
    ['exit', 3],
    ['throw', 1],
    ['return', 0],
  ])('is whole when the process ends by %s, though its reader is slow', async (how, code) => {
    const count = 20_000;
    const child = spawn(process.execPath, ['test/cli/logging-child.ts', how, String(count)], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const closed = once(child, 'close');
    let text = '';
    // The pipe is full long before the first read.
    await new Promise((resolve) => setImmediate(resolve));
    child.stdout.setEncoding('utf8');
    for await (const chunk of child.stdout) text += String(chunk);
    expect(await closed).toEqual([code, null]);
    const indexes = text
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { index: number }).index);
    expect(indexes).toEqual(Array.from({ length: count }, (_, index) => index));
  });
});
