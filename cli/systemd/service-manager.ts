import type { Logger } from '../../base/log.ts';
import type { Environment } from '../../config/environment.ts';
import { type NotifySocket, openNotifySocket } from './notify-socket.ts';

/** Who started the service, and wants to know how it is: systemd, or nobody. */
export interface ServiceManager {
  /** The service is live: it listens, with its state loaded. From now on it beats, if a watchdog wants that. */
  live(): void;
  /** The service ends: it finishes what is open. */
  stopping(): void;
  /** Says nothing more. */
  close(): void;
}

export interface ServiceManagerOptions {
  readonly environment: Pick<Environment, 'notifySocket' | 'watchdogInterval'>;
  /** One line for people, asked for with each beat. */
  readonly status: () => string;
  readonly log: Logger;
}

/** Milliseconds between two looks at the status. */
const statusEvery = 5_000;
const nobody: ServiceManager = { live: () => {}, stopping: () => {}, close: () => {} };

/**
 * Speaks sd_notify(3) with whoever listens at $NOTIFY_SOCKET. Beats come from a timer of the event loop, at half of
 * the watchdog's interval or more often: a loop that hangs beats no more and is restarted.
 */
export function serviceManager({ environment, status, log }: ServiceManagerOptions): ServiceManager {
  const { notifySocket, watchdogInterval } = environment;
  if (notifySocket === null) return nobody;
  let socket: NotifySocket;
  try {
    socket = openNotifySocket(notifySocket);
  } catch (error) {
    log.error({ error: String(error) }, 'the service manager cannot be told anything');
    return nobody;
  }
  // What is to be said once, and has not been taken yet.
  let news: string[] = [];
  let shown = '';
  const say = (line = status()): void => {
    const lines = [...news, ...(line === shown ? [] : [`STATUS=${oneLine(line)}`])];
    if (watchdogInterval !== null) lines.push('WATCHDOG=1');
    if (lines.length === 0 || !socket.send(lines)) return;
    news = [];
    shown = line;
  };
  let timer: NodeJS.Timeout | null = null;
  let ending = false;
  return {
    live() {
      news.push('READY=1');
      say();
      timer = setInterval(
        () => (ending ? say(shown) : say()),
        Math.min(statusEvery, (watchdogInterval ?? Number.POSITIVE_INFINITY) / 2),
      );
    },
    stopping() {
      ending = true;
      news.push('STOPPING=1');
      say('stopping: finishing open answers');
    },
    close() {
      if (timer !== null) clearInterval(timer);
      socket.close();
    },
  };
}

/** A line break would begin another assignment. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}
