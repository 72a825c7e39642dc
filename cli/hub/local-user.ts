import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { Actor } from '../../hub/audit/audit.ts';

/** Who runs a command on the hub's machine: `alice as waystation-hub` when alice has become that user. */
export function localUser(): Actor {
  const { username } = userInfo();
  const login = loginName(textOf('/proc/self/loginuid'), textOf('/etc/passwd'));
  const name = login === null || login === username ? username : `${login} as ${username}`;
  return { kind: 'user', name, id: null, from: null };
}

/**
 * Who has logged in, whatever user he has become since: the kernel keeps that through su, sudo and runuser.
 * @param loginuid of `/proc/self/loginuid`.
 * @param passwd of `/etc/passwd`; who is not in it (LDAP) is called by number.
 * @returns null when nobody has logged in: a service, or a container.
 */
export function loginName(loginuid: string, passwd: string): string | null {
  const uid = loginuid.trim();
  if (!/^\d+$/.test(uid) || uid === '4294967295') return null;
  const entry = passwd.split('\n').find((line) => line.split(':')[2] === uid);
  return entry?.split(':')[0] ?? `uid ${uid}`;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
