import { readFileSync } from 'node:fs';
import { withChildren } from './processes.ts';

/** What a process has used since it began. */
export interface Account {
  /** Seconds of CPU of all its threads and its children, also of those that have ended; to 10 ms. */
  readonly cpu: number;
  /** Most bytes of memory that it ever had resident. */
  readonly peak: number;
}

/** Of a process that is running. */
export function accountOf(pid: number): Account {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return {
    cpu: withChildren(pid)
      .map((each) => cpuOfStat(readFileSync(`/proc/${each}/stat`, 'latin1'), 'with its own'))
      .reduce((sum, seconds) => sum + seconds, 0),
    peak: Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024,
  };
}

/** Seconds of CPU by the line of a process in /proc: proc_pid_stat(5), fields 14 to 17, in hundredths. */
export function cpuOfStat(line: string, of: 'children only' | 'with its own'): number {
  // The second field is a name, which may have spaces.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15).map(Number);
  return (childUser + childSystem + (of === 'with its own' ? user + system : 0)) / 100;
}
