import { createHash } from 'node:crypto';
import { wayOfUndici, wayOfWaystation } from './upstream-ways.ts';
import type { Way } from './upstream-ways.ts';

/** What a process of its own brings. */
export interface GettingJob {
  readonly way: 'waystation' | "undici's dispatch";
  /** Of the origin, with a slash at its end. */
  readonly url: string;
  /** Asked for in turns. */
  readonly files: readonly { readonly href: string; readonly sha256: string }[];
  /** GETs of one round. */
  readonly count: number;
  /** At a time. */
  readonly lanes: number;
  /** After one that is not counted. */
  readonly rounds: number;
}

/** What a round took, in seconds: of the clock, of this process's CPU, and of that outside the kernel. */
export interface GettingFigures {
  readonly seconds: number;
  readonly cpu: number;
  readonly user: number;
}

/** What it prints, as JSON. */
export interface Gotten {
  readonly rounds: readonly GettingFigures[];
  /** Bytes: the most that were resident. */
  readonly peak: number;
}

async function measured(job: GettingJob, way: Way): Promise<GettingFigures> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < job.count) {
      const file = job.files[next++ % job.files.length];
      if (file === undefined) throw new Error('there are no files');
      const hash = createHash('sha256');
      await way.get(file.href, (chunk) => void hash.update(chunk));
      if (hash.digest('hex') !== file.sha256) throw new Error(`${way.name} brought other bytes of ${file.href}`);
    }
  };
  const [cpu, began] = [process.cpuUsage(), performance.now()];
  await Promise.all(Array.from({ length: job.lanes }, lane));
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpu: (user + system) / 1e6, user: user / 1e6 };
}

const job = JSON.parse(process.argv[2] ?? '') as GettingJob;
const way = job.way === 'waystation' ? wayOfWaystation(job.url) : await wayOfUndici(job.url);
const rounds: GettingFigures[] = [];
for (let round = 0; round <= job.rounds; round += 1) {
  const figures = await measured(job, way);
  if (round > 0) rounds.push(figures);
}
await way.close();
const gotten: Gotten = { rounds, peak: process.resourceUsage().maxRSS * 1024 };
process.stdout.write(JSON.stringify(gotten));
