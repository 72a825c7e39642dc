import { BaseSequencer } from 'vitest/node';
import type { TestSpecification } from 'vitest/node';

/** Files of these take longest, whatever their length says. */
const long = '/test/power-cuts/';

/**
 * Begins with the files that take longest, so that no worker is left alone with one in the end. Where no earlier run is
 * remembered, as in continuous integration, vitest goes by the length of files, and these are a line each.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ project, moduleId }: TestSpecification): number =>
      project.config.sequence.groupOrder * 2 + (moduleId.includes(long) ? 0 : 1);
    return (await super.sort(files)).toSorted((one, other) => place(one) - place(other));
  }
}
