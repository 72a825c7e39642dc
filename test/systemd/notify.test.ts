import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { serviceManager } from '../../cli/systemd/service-manager.ts';
import { statusLine } from '../../cli/systemd/status-line.ts';
import { runDocument } from '../support/contract-documents.ts';
import { NotifyReceiver } from '../support/notify-receiver.ts';
import { Pop } from '../support/pop.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith, tool } from '../support/tools.ts';

const log = silentLogger;
const abstract = (): string => `@waystation-test-${process.pid}-${Math.random().toString(36).slice(2)}`;

test.each([
  [[], 'serving 0 repositories'],
  [['current'], 'serving 1 repository'],
  [['current', 'behind', 'current', 'pending'], 'serving 3 repositories, 1 behind, 1 pending'],
  [['guarded', 'orphaned'], 'serving 1 repository, 1 guarded, 1 orphaned'],
] as const)('the status of %j is %j', (states, line) => {
  expect(statusLine(states)).toBe(line);
});

test('the status of a PoP that syncs says how far it is', () => {
  const phases = [{ name: 'packages', done: 1, total: 4, bytes: 45, totalBytes: 100 }];
  const run = runDocument({ phases, secondsLeft: 185 });
  expect(statusLine(['current'], [run])).toBe('serving 1 repository; corp: packages 45 %, 3 min left');
  const other = runDocument({ subscription: null, kind: 'verify', phases: [], secondsLeft: null });
  expect(statusLine(['current'], [run, other, other, run])).toBe(
    'serving 1 repository; corp: packages 45 %, 3 min left; verify: running; verify: running; 1 more runs',
  );
});

test('without a service manager nothing is said and nothing keeps running', () => {
  const status = (): string => expect.unreachable('nobody wants to know');
  const manager = serviceManager({ environment: { notifySocket: null, watchdogInterval: 10 }, status, log });
  manager.live();
  manager.stopping();
  manager.close();
});

test('a service manager that is gone, or an address that is none, stops nothing', async () => {
  await using directory = await temporaryDirectory();
  for (const notifySocket of [join(directory.path, 'gone'), 'nonsense', `/${'x'.repeat(200)}`]) {
    const manager = serviceManager({ environment: { notifySocket, watchdogInterval: 10 }, status: () => '', log });
    manager.live();
    manager.stopping();
    manager.close();
  }
});

describeWith([tool('python3')], 'over a real datagram socket', () => {
  test.each(['path', 'abstract'])('what is said arrives (%s)', async (kind) => {
    await using directory = await temporaryDirectory();
    const notifySocket = kind === 'path' ? join(directory.path, 'notify') : abstract();
    await using receiver = await NotifyReceiver.start(notifySocket);
    const environment = { notifySocket, watchdogInterval: 40 };
    let line = 'serving 1 repository';
    const manager = serviceManager({ environment, status: () => line, log });
    manager.live();
    expect(await receiver.line('READY=1')).toEqual({
      pid: process.pid,
      lines: ['READY=1', 'STATUS=serving 1 repository', 'WATCHDOG=1'],
    });
    line = 'first\nREADY=0';
    await receiver.line('STATUS=first READY=0');
    const seen = receiver.received.length;
    await receiver.line('WATCHDOG=1', seen);
    manager.stopping();
    await receiver.line('STOPPING=1');
    manager.close();
    // Once each: a beat repeats neither READY nor a status that has not changed.
    expect(receiver.lines().filter((each) => each === 'READY=1')).toHaveLength(1);
    expect(receiver.lines().filter((each) => each.startsWith('STATUS='))).toHaveLength(3);
  });

  test('READY is said again until somebody has taken it', async () => {
    await using directory = await temporaryDirectory();
    const notifySocket = join(directory.path, 'notify');
    const manager = serviceManager({ environment: { notifySocket, watchdogInterval: 20 }, status: () => '', log });
    manager.live();
    await using receiver = await NotifyReceiver.start(notifySocket);
    await receiver.line('READY=1');
    manager.close();
  });

  test('an event loop that hangs beats no more', async () => {
    const notifySocket = abstract();
    await using receiver = await NotifyReceiver.start(notifySocket);
    const interval = 100;
    const child = spawn(process.execPath, [join(import.meta.dirname, 'hanging-child.ts')], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { NOTIFY_SOCKET: notifySocket, WATCHDOG_USEC: String(interval * 1000) },
    });
    const { pid } = await receiver.line('READY=1');
    expect(pid).toBe(child.pid);
    await receiver.line('WATCHDOG=1', receiver.received.length);
    child.stdin.write('x');
    await once(child.stdout, 'data');
    const before = receiver.received.length;
    await new Promise((resolve) => setTimeout(resolve, 5 * interval));
    child.kill('SIGKILL');
    // One beat may have been on its way.
    expect(receiver.received.length - before).toBeLessThanOrEqual(1);
  });

  test('the built program is ready when it is live, and says when it stops', async () => {
    const notifySocket = abstract();
    await using receiver = await NotifyReceiver.start(notifySocket);
    await using pop = await Pop.prepare({ repositories: [{ path: 'tools', url: 'http://127.0.0.1:9/' }] });
    const child = spawn(inject('builtProgram'), ['serve', '--config', pop.configFile], {
      stdio: 'ignore',
      env: { PATH: '/nonexistent', NOTIFY_SOCKET: notifySocket, WATCHDOG_USEC: '200000' },
    });
    const exited = once(child, 'exit');
    const { pid, lines } = await receiver.line('READY=1');
    expect(pid).toBe(child.pid);
    expect(lines).toContain('STATUS=serving 0 repositories, 1 pending');
    expect((await fetch(`${pop.admin}/healthz/live`)).status).toBe(200);
    await receiver.line('WATCHDOG=1', receiver.received.length);
    child.kill('SIGTERM');
    await receiver.line('STOPPING=1');
    expect(await exited).toEqual([0, null]);
  });
});
