import { userInfo } from 'node:os';
import type { Actor } from '../../hub/audit/audit.ts';

/** Who runs a command on the hub's machine. */
export function localUser(): Actor {
  return { kind: 'user', name: userInfo().username, id: null, from: null };
}
