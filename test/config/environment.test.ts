import { expect, test } from 'vitest';
import { readEnvironment } from '../../config/environment.ts';

test('without variables there are defaults', () => {
  expect(readEnvironment({}, 7)).toEqual({
    configFile: '/etc/waystation/waystation.yaml',
    credentialsDirectory: null,
    notifySocket: null,
    watchdogInterval: null,
    searchPath: [],
    noColor: false,
    dumbTerminal: false,
  });
});

test('each variable has its place, and an empty one counts as absent', () => {
  const variables = {
    WAYSTATION_CONFIG: 'w.yaml',
    CREDENTIALS_DIRECTORY: '/c',
    NOTIFY_SOCKET: '@n',
    WATCHDOG_USEC: '30000000',
    PATH: '/a::/b c',
    NO_COLOR: '1',
    TERM: 'dumb',
  };
  expect(readEnvironment(variables, 7)).toEqual({
    configFile: 'w.yaml',
    credentialsDirectory: '/c',
    notifySocket: '@n',
    watchdogInterval: 30_000,
    searchPath: ['/a', '/b c'],
    noColor: true,
    dumbTerminal: true,
  });
  expect(readEnvironment({ WAYSTATION_CONFIG: '', CREDENTIALS_DIRECTORY: '', NO_COLOR: '' }, 7)).toEqual(
    readEnvironment({}, 7),
  );
});

test('a watchdog that is meant for another process, or is nonsense, is none', () => {
  const interval = (usec: string, pid?: string): number | null =>
    readEnvironment({ WATCHDOG_USEC: usec, ...(pid === undefined ? {} : { WATCHDOG_PID: pid }) }, 7).watchdogInterval;
  expect(interval('500000', '7')).toBe(500);
  expect(interval('500000', '8')).toBeNull();
  expect(interval('0')).toBeNull();
  expect(interval('x')).toBeNull();
});
