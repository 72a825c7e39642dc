import type { Logger } from '../../base/log.ts';

/** Names that are told one by one; of the rest, how many there are. */
const told = 5;

/** Files of the state directory that this program did not make: left alone, and said in one line. */
export class Foreign {
  readonly #examples: string[] = [];
  #count = 0;

  met(path: string): void {
    this.#count += 1;
    if (this.#examples.length < told) this.#examples.push(path);
  }

  say(log: Logger): void {
    if (this.#count === 0) return;
    log.warn(
      { files: this.#count, examples: this.#examples },
      'the state directory holds files that waystation did not make; they are left alone',
    );
  }
}
