import type * as crypto from 'node:crypto';
import type * as net from 'node:net';
import type * as tls from 'node:tls';
import type { PlainFailure, PlainGets, PlainJob, PlainPlace, PlainThread } from '../../base/plain-get.ts';

/**
 * A PlainProgram: a whole answer is read to a buffer that is used again and again, proven there, and put. Of HTTP it
 * understands the one form of answer that nearly all are, a 200 with a Content-Length: the length and digest of the body
 * are known before, so that there is nothing that a head could be wrong about.
 */
export function plainGetProgram(load: (module: string) => unknown, thread: PlainThread): PlainGets {
  const { connect: connectTo, isIP } = load('node:net') as typeof net;
  const { connect: connectSecurely } = load('node:tls') as typeof tls;
  const { hash } = load('node:crypto') as typeof crypto;

  /** Milliseconds for one answer, and for which a connection waits for another request. */
  const [patience, idleLimit] = [2000, 5000];
  const sweepEvery = 250;
  /** Bytes of the longest head, and of a buffer at least. */
  const [mostHead, leastRoom] = [16 * 1024, 64 * 1024];

  interface Way {
    readonly place: PlainPlace;
    /** The one that was used last is the first to be used again. */
    readonly idle: Line[];
    /** Of the last answer. */
    date: string | null;
  }

  /** A connection, and the one GET that is on it. */
  interface Line {
    readonly way: Way;
    socket: net.Socket | null;
    job: PlainJob | null;
    room: Buffer;
    filled: number;
    /** Where the body begins; 0: not known yet. */
    body: number;
    head: string;
    /** The head in lower case. */
    lower: string;
    /** It had a request before this one: the other side may have closed it. */
    kept: boolean;
    /** Monotonic milliseconds: when its job, or its rest, began. */
    since: number;
  }

  const ways = new Map<number, Way>();
  const lines = new Set<Line>();
  let sweeping: NodeJS.Timeout | null = null;

  /** Nothing that comes of the connection matters any more. */
  const drop = (line: Line): void => {
    lines.delete(line);
    const { idle } = line.way;
    const at = idle.indexOf(line);
    if (at >= 0) idle.splice(at, 1);
    line.socket?.destroy();
  };

  const fail = (line: Line, failure: PlainFailure): void => {
    const { job, filled } = line;
    line.job = null;
    drop(line);
    if (job !== null) thread.ended(job.number, { failure, date: null, received: filled, proven: null });
  };

  /** The value of a field that comes once; null: it does not, or more often. @param name with its colon, in lower case. */
  const valueOf = (head: string, lower: string, name: string): string | null => {
    const at = lower.indexOf(`\n${name}`);
    if (at < 0 || lower.includes(`\n${name}`, at + 1)) return null;
    const from = at + 1 + name.length;
    return head.slice(from, head.indexOf('\r', from)).trim();
  };

  /** @returns null when the answer is the usual one. */
  const oddity = (head: string, lower: string, size: number): PlainFailure | null => {
    if (!head.startsWith('HTTP/1.1 200')) {
      if (/^HTTP\/1\.1 4(?:04|10)/.test(head)) return 'missing';
      return /^HTTP\/1\.[01] (?!200)[2-5]\d\d/.test(head) ? 'refused' : 'odd';
    }
    const coded = lower.includes('\ntransfer-encoding') || lower.includes('\ncontent-encoding');
    const length = valueOf(head, lower, 'content-length:');
    if (coded || length === null || !/^\d{1,15}$/.test(length)) return 'odd';
    return Number(length) === size ? null : 'wrong';
  };

  const whole = (line: Line, job: PlainJob): void => {
    const { way, room, body, filled } = line;
    const { path, size, sha256, number } = job;
    const bytes = room.subarray(body, body + size);
    if (hash('sha256', bytes, 'hex') !== sha256) return fail(line, 'wrong');
    // What a cache on the way kept is as old as its Age says (RFC 9111 §5.1): that is no clock.
    const date = line.lower.includes('\nage:') ? null : valueOf(line.head, line.lower, 'date:');
    const failure = thread.put(path, room, body, size);
    line.job = null;
    line.filled = 0;
    line.body = 0;
    line.kept = true;
    line.since = performance.now();
    if (line.lower.includes('\nconnection:') && !line.lower.includes('\nconnection: keep-alive\r')) drop(line);
    else way.idle.push(line);
    const told = date === way.date ? null : date;
    way.date = date;
    const proven = failure === 'unputtable' ? Buffer.from(bytes) : null;
    thread.ended(number, { failure, date: told, received: filled, proven });
  };

  const read = (line: Line, count: number): void => {
    const { job, room } = line;
    line.filled += count;
    // Bytes that nobody asked for.
    if (job === null) return drop(line);
    if (line.body === 0) {
      const end = room.indexOf('\r\n\r\n');
      // What lies behind the filled part is left of answers before.
      if (end < 0 || end + 4 > Math.min(line.filled, mostHead))
        return line.filled < mostHead ? undefined : fail(line, 'odd');
      line.head = room.toString('latin1', 0, end + 2);
      line.lower = line.head.toLowerCase();
      const odd = oddity(line.head, line.lower, job.size);
      if (odd !== null) return fail(line, odd);
      line.body = end + 4;
    }
    const lacking = line.body + job.size - line.filled;
    if (lacking < 0) fail(line, 'odd');
    else if (lacking === 0) whole(line, job);
  };

  const sweep = (): void => {
    const now = performance.now();
    for (const line of lines) if (now - line.since > (line.job === null ? idleLimit : patience)) fail(line, 'late');
    if (lines.size > 0 || sweeping === null) return;
    clearInterval(sweeping);
    sweeping = null;
  };

  const send = (line: Line, job: PlainJob): void => {
    const least = job.size + mostHead;
    if (line.room.length < least) line.room = Buffer.allocUnsafeSlow(least);
    line.job = job;
    line.since = performance.now();
    line.socket?.write(`GET ${job.target} HTTP/1.1\r\n${line.way.place.fields}`, 'latin1');
  };

  const open = (way: Way, job: PlainJob): void => {
    const { host, port, secure } = way.place;
    const room = Buffer.allocUnsafeSlow(Math.max(leastRoom, job.size + mostHead));
    const line: Line = {
      way,
      socket: null,
      job: null,
      room,
      filled: 0,
      body: 0,
      head: '',
      lower: '',
      kept: false,
      since: 0,
    };
    const onread: net.OnReadOpts = {
      buffer: () => (line.filled === 0 ? line.room : line.room.subarray(line.filled)),
      callback: (count, bytes) => {
        // They were read to where the room was after the read before: it may be another by now.
        if (bytes.buffer !== line.room.buffer) line.room.set(bytes.subarray(0, count), line.filled);
        read(line, count);
        return true;
      },
    };
    const name = isIP(host) === 0 ? { servername: host.replace(/\.$/, '') } : {};
    const to = { host, port, onread };
    const socket = secure ? connectSecurely({ ...to, ALPNProtocols: ['http/1.1'], ...name }) : connectTo(to);
    line.socket = socket;
    lines.add(line);
    sweeping ??= setInterval(sweep, sweepEvery);
    const gone = (): void => {
      if (!lines.has(line)) return;
      const unseen = line.kept && line.filled === 0 ? line.job : null;
      if (unseen === null) return fail(line, 'cut');
      // Closed before it saw the request (RFC 9112 §9.3.1): once more, on a connection of its own.
      line.job = null;
      drop(line);
      open(way, unseen);
    };
    socket.setNoDelay(true).on('error', gone).on('end', gone).on('close', gone);
    send(line, job);
  };

  return {
    place: (number, place) => void ways.set(number, { place, idle: [], date: null }),
    get: (job) => {
      const way = ways.get(job.place);
      const line = way?.idle.pop();
      if (way === undefined) thread.ended(job.number, { failure: 'odd', date: null, received: 0, proven: null });
      else if (line === undefined) open(way, job);
      else send(line, job);
    },
    cut: () => {
      for (const line of lines) fail(line, 'cut');
    },
  };
}
