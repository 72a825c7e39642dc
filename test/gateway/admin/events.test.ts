import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ServiceEvent } from '../../../gateway/admin/service-events.ts';
import { runSummary } from '../../../gateway/admin/service-events.ts';
import { adminApp } from '../../../gateway/admin/app.ts';
import { EventLog } from '../../../gateway/admin/event-log.ts';
import type { AdminPorts } from '../../../gateway/admin/ports.ts';
import { runDocument } from '../../support/contract-documents.ts';
import { StandingClock } from '../../support/standing-clock.ts';
import { unixService } from '../../support/unix-service.ts';

const at = '2026-11-23T10:15:00Z';

function published(generation: string): ServiceEvent {
  return { event: 'generation-published', at, subscription: 'corp', generation, current: true };
}

function progress(id: string, done: number): ServiceEvent {
  const phases = [{ name: 'metadata', done, total: 9, bytes: 0, totalBytes: 0 }];
  return { event: 'run-progress', at, run: runSummary(runDocument({ id, phases })) };
}

/** An application with nothing but events, and a clock that stands. */
function service(log = new EventLog()) {
  const clock = new StandingClock();
  const events = { log, open: 0 };
  const app = adminApp({ events, clock, allowed: 'read' } as unknown as AdminPorts);
  const open = async (id?: string): Promise<EventReader> =>
    new EventReader(await app.request('/api/v1/events', id === undefined ? {} : { headers: { 'Last-Event-ID': id } }));
  return { log, clock, events, app, open };
}

/** Takes a stream apart as a browser does: the names, data and ids of its events. */
class EventReader {
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  /** What was sent that is no event: comments, and ids alone. */
  others = '';
  lastId = '';
  #text = '';

  constructor(response: Response) {
    this.response = response;
    const { body } = response;
    if (body === null) throw new Error('no stream');
    this.#reader = body.getReader();
    onTestFinished(() => this.leave());
  }

  /** The next event; null at the end of the stream. */
  async next(): Promise<{ event: string; id: string; data: Record<string, unknown> } | null> {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end < 0) {
        if (!(await this.more())) return null;
        continue;
      }
      const fields = new Map(
        this.#text
          .slice(0, end)
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      this.#text = this.#text.slice(end + 2);
      this.lastId = fields.get('id') ?? this.lastId;
      const [event, data] = [fields.get('event'), fields.get('data')];
      if (event !== undefined && data !== undefined)
        return { event, id: this.lastId, data: JSON.parse(data) as Record<string, unknown> };
    }
  }

  /** Reads on without taking events apart. */
  async more(): Promise<boolean> {
    const { done, value } = await this.#reader.read();
    if (done) return false;
    const text = Buffer.from(value).toString();
    this.others += text;
    this.#text += text;
    return true;
  }

  async leave(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }
}

describe('the stream of events', () => {
  test('gives what happens from then on, with ids, to all who read', async () => {
    const { log, open } = service();
    log.tell(published('before'));
    const [one, other] = [await open(), await open()];
    expect(one.response.headers.get('content-type')).toBe('text/event-stream');
    await one.more();
    expect(one.others).toMatch(/^retry: 3000\nid: [0-9a-f]{8}-1\n\n$/);
    log.tell(published('after'));
    for (const reader of [one, other]) {
      const event = await reader.next();
      expect(event).toEqual({ event: 'generation-published', id: log.idOf(2), data: published('after') });
    }
  });

  test('goes on after the id that a reader comes back with, also one that had no event yet', async () => {
    const { log, open } = service();
    const first = await open();
    await first.more();
    const [, id = ''] = /id: (\S+)/.exec(first.others) ?? [];
    await first.leave();
    log.tell(published('one'));
    log.tell(published('two'));
    const second = await open(id);
    expect((await second.next())?.data).toEqual(published('one'));
    const third = await open(second.lastId);
    expect((await third.next())?.data).toEqual(published('two'));
  });

  test('says a gap when events are gone, and goes on with those that are left', async () => {
    const { log, open } = service(new EventLog({ events: 3, bytes: 100_000 }));
    for (let n = 1; n <= 5; n += 1) log.tell(published(`${n}`));
    const reader = await open(log.idOf(1));
    expect(await reader.next()).toEqual({
      event: 'gap',
      id: log.idOf(2),
      data: { event: 'gap', reason: 'too old' },
    });
    for (const left of ['3', '4', '5']) expect((await reader.next())?.data).toEqual(published(left));
    expect((await (await open(log.idOf(2))).next())?.data).toEqual(published('3'));
  });

  test.each(['00000000-1', 'x', '', '-', 'a-99999999999999999999'])('says a gap for the unknown id %j', async (id) => {
    const { log, open } = service();
    log.tell(published('one'));
    const reader = await open(id);
    expect((await reader.next())?.data).toEqual({ event: 'gap', reason: 'unknown id' });
    log.tell(published('two'));
    expect((await reader.next())?.data).toEqual(published('two'));
  });

  test('an id of the future is unknown too', async () => {
    const { log, open } = service();
    expect((await (await open(log.idOf(7))).next())?.event).toBe('gap');
  });

  test('keeps of each run only the last progress for those who come late, which is no gap', async () => {
    const { log, open } = service(new EventLog({ events: 4, bytes: 100_000 }));
    const begin = log.idOf(0);
    log.tell(published('one'));
    for (let done = 1; done <= 50; done += 1) log.tell(progress('a', done));
    log.tell(progress('b', 1));
    const reader = await open(begin);
    const events = [await reader.next(), await reader.next(), await reader.next()];
    expect(events.map((event) => event?.data)).toEqual([published('one'), progress('a', 50), progress('b', 1)]);
  });

  test('shows that it lives while nothing happens', async () => {
    const { clock, open, log } = service();
    const reader = await open();
    await reader.more();
    const more = reader.more();
    await clock.sleeping(15_000, 15_000);
    clock.advance(15_000);
    await more;
    expect(reader.others).toMatch(/\n\n: .*\n\n$/);
    log.tell(published('one'));
    expect((await reader.next())?.data).toEqual(published('one'));
  });

  test('ends when the service stops, and is counted out when its reader leaves', async () => {
    const { log, events, open } = service();
    const [one, other] = [await open(), await open()];
    expect(events.open).toBe(2);
    await one.leave();
    expect(events.open).toBe(1);
    const last = other.next();
    log.close();
    expect(await last).toBeNull();
    expect(events.open).toBe(0);
  });

  test('is refused beyond a hundred readers; HEAD opens none', async () => {
    const { app, events, open } = service();
    const head = await app.request('/api/v1/events', { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type'), events.open]).toEqual([200, 'text/event-stream', 0]);
    events.open = 99;
    await open();
    const refused = await app.request('/api/v1/events');
    expect([refused.status, await refused.json()]).toEqual([
      503,
      expect.objectContaining({ code: 'too_many_readers' }),
    ]);
  });
});

test('a reader that takes nothing costs no memory: it gets a gap and the last events when it reads again', async () => {
  const bounds = { events: 100, bytes: 1024 * 1024 };
  const { app, log } = service(new EventLog(bounds));
  await using running = await unixService(app);
  const socket = connect(running.socket);
  onTestFinished(() => void socket.destroy());
  socket.write('GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n');
  await new Promise<void>((resolve) => socket.once('data', () => resolve()));
  socket.pause();
  // Far more than any buffer between the two takes.
  const filler = 'x'.repeat(8_000);
  for (let n = 0; n < 4_000; n += 1) {
    log.tell(published(`${n} ${filler}`));
    if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  log.tell(published('the last'));
  let [text, received] = ['', 0];
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    received += chunk.length;
    text = (text + chunk).slice(-2_000_000);
  });
  socket.resume();
  while (!text.includes('the last')) await new Promise((resolve) => socket.once('data', resolve));
  expect(text).toContain('event: gap');
  expect(received).toBeLessThan(16_000_000);
});
