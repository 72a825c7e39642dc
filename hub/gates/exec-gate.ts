import { z } from 'zod';
import { runChild } from '../../solver/child.ts';
import type { BundlePackage } from './bundle.ts';
import type { Objection } from './finding.ts';

/** An organisation's own command. */
export interface OwnGate {
  readonly name: string;
  /** An absolute path. */
  readonly program: string;
  readonly words: readonly string[];
  /** Milliseconds until it is killed. */
  readonly time: number;
}

/** Bytes of an answer. */
const mostOutput = 16 * 1024 * 1024;

const answer = z.object({
  findings: z.array(z.object({ subject: z.string().min(1).max(1_000), message: z.string().min(1).max(10_000) })),
});

/**
 * `exec`: what a command objects to. It is given JSON on its standard input, `{ snapshot, before, packages: [ { nevra,
 * repository, digest, bytes, new } ] }`, and prints `{ "findings": [ { "subject", "message" } ] }`. One that fails, takes
 * too long or says something else is an objection itself.
 */
export async function ownObjections(
  { program, words, time }: OwnGate,
  of: {
    readonly snapshot: string;
    readonly before: string | null;
    readonly packages: readonly BundlePackage[];
    readonly isNew: (one: BundlePackage) => boolean;
  },
  signal: AbortSignal,
): Promise<readonly Objection[]> {
  const packages = of.packages.map((one) => ({
    nevra: one.text,
    repository: one.repository.path,
    digest: one.listed.digest,
    bytes: one.listed.size,
    new: of.isNew(one),
  }));
  const input = JSON.stringify({ snapshot: of.snapshot, before: of.before, packages });
  const environment = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C.UTF-8' };
  const options = { program, words, input, folder: '/', environment, time, mostOutput };
  const { code, output, said, killed } = await runChild(options, signal);
  const failed = (why: string): readonly Objection[] => [{ subject: '*', message: `${program} ${why}` }];
  if (killed === 'time') return failed(`was killed after ${time / 1000} s`);
  if (killed === 'output') return failed(`was killed: it said more than ${mostOutput} bytes`);
  if (code !== 0) return failed(`ended with ${code ?? 'a signal'}: ${said.trim().split('\n').at(-1) ?? ''}`);
  const parsed = answer.safeParse(jsonOf(output));
  return parsed.success ? parsed.data.findings : failed('printed no findings as they should be');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
