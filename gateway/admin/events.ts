import type { Context } from 'hono';
import { WaystationError } from '../../base/errors.ts';
import type { EventLog } from './event-log.ts';
import type { AdminPorts } from './ports.ts';

/** Milliseconds without an event after which a comment shows that the stream lives, and keeps what lies between awake. */
const heartbeat = 15_000;
/** Milliseconds after which a client that lost the stream should come back. */
const comeBack = 3_000;
/** Characters that are handed over at a time. */
const batch = 64 * 1024;
/** Streams at a time: each is a connection. */
const mostStreams = 100;

/** What `/api/v1/events` is made of: the log, and how many read it. */
export interface EventStreams {
  readonly log: EventLog;
  open: number;
}

/**
 * `GET /api/v1/events`: what happens from now on, as `text/event-stream`; with `Last-Event-ID` from the event after that
 * one, and a `gap` event first when some of those are gone.
 * @throws WaystationError `too_many_readers`
 */
export function eventStream(context: Context, ports: Pick<AdminPorts, 'events' | 'clock'>): Response {
  const headers = { 'Content-Type': 'text/event-stream' };
  if (context.req.method === 'HEAD') return new Response(null, { headers });
  const { events, clock } = ports;
  if (events.open >= mostStreams)
    throw new WaystationError('too_many_readers', `${mostStreams} streams of events are open already`);
  events.open += 1;
  const { log } = events;
  const begin = beginning(log, context.req.header('Last-Event-ID') ?? null);
  let position = begin.position;
  let greeting: string | null = `retry: ${comeBack}\n${begin.text}`;
  const left = new AbortController();
  const leave = (): void => {
    if (left.signal.aborted) return;
    events.open -= 1;
    left.abort(new WaystationError('cancelled', 'the reader has left'));
  };
  const next = async (): Promise<string | null> => {
    if (greeting !== null) {
      const text = greeting;
      greeting = null;
      return text;
    }
    if (await isQuiet(log, position, { clock, signal: left.signal })) return ': nothing happened\n\n';
    if (log.closed) return null;
    const read = log.read(position, batch);
    position = read.position;
    return read.text;
  };
  // Nothing waits in a queue: what a reader does not take stays in the log, or goes away there.
  const body = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const text = await next().catch(() => null);
        if (text !== null) return controller.enqueue(Buffer.from(text));
        leave();
        controller.close();
      },
      cancel: leave,
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers });
}

/** Where a reader begins, and what it is told first: its position, so that it can come back before anything happened. */
function beginning(log: EventLog, id: string | null): { readonly position: number; readonly text: string } {
  const position = id === null ? log.end : log.positionOf(id);
  if (position === null) return { position: log.end, text: log.gap('unknown id', log.end) };
  return { position, text: `id: ${log.idOf(position)}\n\n` };
}

/** Whether nothing happens for the time of a heartbeat. @throws the signal's reason */
async function isQuiet(
  log: EventLog,
  position: number,
  { clock, signal }: Pick<AdminPorts, 'clock'> & { readonly signal: AbortSignal },
): Promise<boolean> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  try {
    return await Promise.race([
      log.changed(position, either).then(() => false),
      clock.sleep(heartbeat, either).then(() => true),
    ]);
  } finally {
    over.abort(new WaystationError('cancelled', 'the wait is over'));
  }
}
