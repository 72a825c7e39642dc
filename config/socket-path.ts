import { join, resolve } from 'node:path';

export interface SocketPlace {
  /** The configuration file's own directory, absolute. */
  readonly directory: string;
  readonly state: string | undefined;
  readonly socket: string | undefined;
}

export const defaultState = '/var/lib/waystation';

/** Absolute path of the state directory. */
export function statePath({ directory, state }: Pick<SocketPlace, 'directory' | 'state'>): string {
  return resolve(directory, state ?? defaultState);
}

/** Absolute path of the socket that commands use; `<state>/` in front means the state directory (contract). */
export function socketPath({ directory, state, socket = '<state>/admin.sock' }: SocketPlace): string {
  const inState = /^<state>\/(.+)$/.exec(socket)?.[1];
  return inState === undefined ? resolve(directory, socket) : join(statePath({ directory, state }), inState);
}
