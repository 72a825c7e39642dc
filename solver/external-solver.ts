import { WaystationError } from '../base/errors.ts';
import { runChild } from './child.ts';
import { findEngine } from './engines.ts';
import type { Solver, SolverAnswer, SolverPackage, SolverQuestion } from './question.ts';
import { layOut } from './workplace.ts';

/** Milliseconds for one question. */
const longest = 10 * 60_000;
/** Bytes of an answer: some 300 for each package. */
const mostOutput = 256 * 1024 * 1024;

/** Whoever is served comes first. A sandbox may forbid it. */
const modestly = `import os
try:
    os.nice(10)
except OSError:
    pass`;

/** A solver of the machine, dnf or libsolv, in a process of its own for each question; one after the other. */
export class ExternalSolver implements Solver {
  readonly #searchPath: readonly string[];
  #before: Promise<unknown> = Promise.resolve();

  /** @param searchPath where `python3` is looked for, as in PATH. */
  constructor(searchPath: readonly string[]) {
    this.#searchPath = searchPath;
  }

  solve(question: SolverQuestion, signal: AbortSignal): Promise<SolverAnswer> {
    const answer = this.#before.then(() => this.#solve(question, signal));
    this.#before = answer.catch(() => {});
    return answer;
  }

  async #solve(question: SolverQuestion, signal: AbortSignal): Promise<SolverAnswer> {
    const { repositories, ...asked } = question;
    // Looked for anew each time: it may have been installed meanwhile, and that costs a tenth of a second.
    const engine = await findEngine(this.#searchPath, signal);
    if (engine === null)
      throw new WaystationError(
        'solver_missing',
        'no dependency solver was found: no python3 in PATH has the module dnf (python3-dnf) or solv (python3-solv)',
      );
    const workplace = await layOut(repositories, signal);
    try {
      const { directory, records } = workplace;
      const result = await runChild(
        {
          program: engine.python,
          words: ['-I', '-c', `${modestly}\n${engine.script}`],
          input: JSON.stringify({
            ...asked,
            repositories: repositories.map(({ id }) => id),
            directory,
            records,
            // Found out from the streams themselves.
            platform: null,
          }),
          folder: directory,
          environment: { HOME: directory, TMPDIR: directory, LC_ALL: 'C.UTF-8', PATH: '/usr/bin:/bin' },
          time: longest,
          mostOutput,
        },
        signal,
      );
      if (result.killed === 'time') throw failed(`it was stopped after ${longest / 60_000} minutes`);
      if (result.code !== 0) throw failed(result.said.trim().split('\n').at(-1) ?? '');
      return answerIn(result.output);
    } finally {
      await workplace.remove();
    }
  }
}

function failed(reason: string): WaystationError {
  return new WaystationError('solver_failed', `the dependency solver failed: ${reason || 'it says nothing'}`);
}

/** What the script printed; Python code that is not ours may have printed before it. */
function answerIn(output: string): SolverAnswer {
  const answer = parsed(output.slice(output.indexOf('{"solver"')));
  const { solver, needs, unresolved, unknown, problems, foreign, notes } = answer;
  if (typeof solver !== 'string' || !isListOf(needs, isPackage) || !isListOf(unresolved, isUnresolved))
    throw failed('its answer is not understood');
  const texts = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);
  return {
    solver,
    needs: needs.map(({ repository, href, nevra }) => ({ repository, href, nevra })),
    unresolved: unresolved.map(({ nevra, requirement }) => ({ nevra, requirement })),
    unknown: texts(unknown),
    problems: texts(problems),
    foreign: texts(foreign),
    notes: texts(notes),
  };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    throw failed('its answer is no JSON');
  }
}

function isListOf<Item>(value: unknown, isItem: (item: unknown) => item is Item): value is readonly Item[] {
  return Array.isArray(value) && value.every(isItem);
}

function isPackage(value: unknown): value is SolverPackage {
  return hasTexts(value, ['repository', 'href', 'nevra']);
}

function isUnresolved(value: unknown): value is SolverAnswer['unresolved'][number] {
  return hasTexts(value, ['nevra', 'requirement']);
}

function hasTexts(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === 'string');
}
