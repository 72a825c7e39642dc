import { pino, stdTimeFunctions } from 'pino';
import type { Logger } from '../base/log.ts';
import type { Outcome } from '../base/outcome.ts';
import { lineOutput, type LineOutput } from './line-output.ts';
import type { LogLevel } from './log-levels.ts';
import { redacted, redactedText } from './redaction.ts';

/** One content request, as it ended. */
export interface AccessEntry {
  readonly method: string;
  /** As the client sent it, without the query: queries may carry tokens. */
  readonly path: string;
  readonly status: number;
  /** Of the body, as sent. */
  readonly bytes: number;
  /** From the request's head to the end of the response. */
  readonly seconds: number;
  readonly outcome: Outcome;
  /** The client's address; null when the socket is gone. */
  readonly client: string | null;
  /** At a hub: the PoP that asked, null when nobody knows. */
  readonly pop?: string | null;
  /** At a hub: the operator that asked, null when nobody has shown to be one. */
  readonly operator?: string | null;
}

export interface ServiceLog {
  readonly logger: Logger;
  /** Writes the line of a request. Never sampled; levels above `info` leave it out. */
  access(entry: AccessEntry): void;
  /** Lines that were given up because whatever reads stdout had stopped doing so. */
  readonly lost: number;
  /** Writes what is waiting. The end of the process does so by itself. */
  flush(): void;
}

/**
 * JSON lines: `level`, `time` (RFC 3339), `msg` and the fields. Everything is written before the process ends, also by
 * `process.exit` and uncaught errors.
 */
export function serviceLog(options: { level?: LogLevel; output?: LineOutput } = {}): ServiceLog {
  const { level = 'info', output = lineOutput(1) } = options;
  const sink = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // Errors are already plain objects: redaction made them so.
      serializers: { err: (error: unknown) => error, error: (error: unknown) => error },
    },
    { write: (line: string) => output.write(line) },
  );
  process.on('exit', () => output.flush());
  const accessOn = sink.isLevelEnabled('info');
  const timeText = timeTexts();
  return {
    logger: redactingLogger(sink),
    access: (entry) => {
      if (accessOn) output.write(accessLine(entry, timeText(Date.now())));
    },
    flush: () => output.flush(),
    get lost() {
      return output.lost;
    },
  };
}

/** Writes a time as RFC 3339. Many requests share a millisecond, and the text costs more than the rest of their lines. */
function timeTexts(): (now: number) => string {
  let last = Number.NaN;
  let text = '';
  return (now) => {
    if (now !== last) text = new Date(now).toISOString();
    last = now;
    return text;
  };
}

/** The line of one request. Built by hand: it is the only one that is written thousands of times a second. */
export function accessLine(entry: AccessEntry, time: string): string {
  const query = entry.path.indexOf('?');
  const path = JSON.stringify(query < 0 ? entry.path : entry.path.slice(0, query));
  const who = `${named('pop', entry.pop)}${named('operator', entry.operator)}`;
  return (
    `{"level":"info","time":"${time}","msg":"request","method":${JSON.stringify(entry.method)},"path":${path},` +
    `"status":${entry.status},"bytes":${entry.bytes},"seconds":${entry.seconds.toFixed(6)},` +
    `"outcome":"${entry.outcome}","client":${JSON.stringify(entry.client)}${who}}\n`
  );
}

function named(field: string, value: string | null | undefined): string {
  return value === undefined ? '' : `,"${field}":${JSON.stringify(value)}`;
}

interface Sink {
  isLevelEnabled(level: string): boolean;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(bindings: Record<string, unknown>): Sink;
}

function redactingLogger(sink: Sink): Logger {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (fields: object, message: string): void => {
      if (sink.isLevelEnabled(level)) sink[level](redacted(fields) as object, redactedText(message));
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => redactingLogger(sink.child(redacted(fields) as Record<string, unknown>)),
  };
}
