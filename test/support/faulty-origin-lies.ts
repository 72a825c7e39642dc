import type { Gate } from './faulty-origin-gate.ts';
import { bytesBody, honestReply, part, statusReply } from './faulty-origin-reply.ts';
import type { OriginFile, OriginRequest, Reply, ReplyBody } from './faulty-origin-reply.ts';

/**
 * One way to answer wrongly: makes a reply from what would have been sent. Several apply in the order given:
 * `origin.on('/a.rpm', chunked(), flippedAt(7), cutAt(9))`.
 */
export type Lie = (reply: Reply, request: OriginRequest, file: OriginFile | null) => Reply;

// When and whether bytes come.

/** Nothing is sent, not even headers, until the gate opens. */
export const hang =
  (gate: Gate): Lie =>
  (reply) => ({ ...reply, before: gate });

/** The first `at` bytes of this body are sent, the rest once the gate opens. */
export const stallAt = (at: number, gate: Gate): Lie => withEvent({ at, kind: 'wait', gate });

/** The connection ends after `at` bytes of this body; `reset` sends a TCP RST. */
export const cutAt = (at: number, how: 'close' | 'reset' = 'close'): Lie => withEvent({ at, kind: 'cut', how });

/** The body comes at this many bytes a second, until a gate opens if there is one: a slow upstream that lives. */
export const drip =
  (bytesPerSecond: number, until: Gate | null = null): Lie =>
  (reply) => ({ ...reply, rate: bytesPerSecond, until });

function withEvent(event: Reply['events'][number]): Lie {
  return (reply) => ({ ...reply, events: [...reply.events, event] });
}

// Wrong bytes.

/** One bit of the byte at this position of the *file* is turned (also when a range of it is sent). */
export const flippedAt =
  (position: number): Lie =>
  (reply) => ({ ...reply, body: flipped(reply.body, position - reply.start) });

/** The body is `bytes` shorter than the file and ends cleanly: its framing is consistent. */
export const shorterBy =
  (bytes: number): Lie =>
  (reply) => ({
    ...reply,
    body: part(reply.body, 0, Math.max(0, reply.body.length - bytes)),
  });

/** The body has `bytes` bytes too many at its end and ends cleanly. */
export const longerBy =
  (bytes: number): Lie =>
  (reply) => ({ ...reply, body: joined(reply.body, Buffer.alloc(bytes, 'x')) });

/** A page of a captive portal, with 200. */
export const portalPage = (): Lie => () =>
  statusReply(200, '<!doctype html><title>Welcome</title><p>Please accept our terms.</p>\n', {
    'content-type': 'text/html',
  });

// Wrong framing.

/** Content-Length says this; several values give several headers. The body is as it was. */
export const lengthSays =
  (...values: (string | number)[]): Lie =>
  (reply) => ({
    ...reply,
    headers: [...reply.headers, ...values.map((value) => ['content-length', String(value)] as const)],
  });

/** `Transfer-Encoding: chunked`, no length. A cut leaves the last chunk out. */
export const chunked = (): Lie => (reply) => ({ ...reply, framing: 'chunked' });

/** No length at all: the end of the connection is the end of the body. */
export const untilClose = (): Lie => (reply) => ({ ...reply, framing: 'close' });

/** Bytes that are not HTTP. */
export const garbage =
  (bytes: Buffer | string = '\u0000\u0001SSH-2.0-Elsewhere\r\n\r\n'): Lie =>
  (reply) => ({
    ...reply,
    raw: Buffer.from(bytes),
  });

/** The connection is closed instead of an answer. */
export const noAnswer = (): Lie => garbage('');

/** A response header of this many bytes. */
export const oversizedHeader = (bytes: number): Lie => header('x-padding', 'p'.repeat(bytes));

// Wrong statuses and headers.

/** Adds a header, or replaces those of this name. */
export const header =
  (name: string, value: string): Lie =>
  (reply) => ({
    ...reply,
    headers: [...reply.headers.filter(([known]) => known !== name.toLowerCase()), [name.toLowerCase(), value]],
  });

/** Another status with a short text; e.g. `status(503, { 'retry-after': '2' })`. */
export const status =
  (code: number, headers: Readonly<Record<string, string>> = {}, text = `status ${code}\n`): Lie =>
  () =>
    statusReply(code, text, headers);

/** A redirect; the target may be relative. Chains and loops are made of several rules. */
export const redirect = (location: string, code = 302): Lie => status(code, { location }, 'moved\n');

/** 304 whatever was asked. */
export const falseNotModified = (): Lie => () => statusReply(304);

/** 206 with the first `length` bytes to whoever asked for the whole. */
export const unaskedPartial =
  (length: number): Lie =>
  (reply) => ({
    ...reply,
    status: 206,
    headers: [...reply.headers, ['content-range', `bytes 0-${length - 1}/${reply.body.length}`]],
    body: part(reply.body, 0, length),
  });

/** Range headers are not understood: 200 with the whole file. */
export const ignoringRange = (): Lie => (_reply, request, file) => {
  const { range: _range, ...headers } = request.headers;
  return honestReply(file, { ...request, headers });
};

/** The bytes of the asked range under another Content-Range. */
export const contentRangeSays = (value: string): Lie => header('content-range', value);

/** Content-Encoding says this, the bytes are as they were. */
export const contentEncodingSays = (value: string): Lie => header('content-encoding', value);

function flipped(body: ReplyBody, at: number): ReplyBody {
  return {
    length: body.length,
    read: async function* (start, end) {
      let position = start;
      for await (const chunk of body.read(start, end)) {
        const inside = at - position;
        position += chunk.length;
        if (inside < 0 || inside >= chunk.length) yield chunk;
        else {
          const copy = Buffer.from(chunk);
          copy.writeUInt8(chunk.readUInt8(inside) ^ 1, inside);
          yield copy;
        }
      }
    },
  };
}

function joined(first: ReplyBody, second: Buffer): ReplyBody {
  const rest = bytesBody(second);
  return {
    length: first.length + second.length,
    read: async function* (start, end) {
      if (start < first.length) yield* first.read(start, Math.min(end, first.length));
      if (end > first.length) yield* rest.read(Math.max(0, start - first.length), end - first.length);
    },
  };
}
