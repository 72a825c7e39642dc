import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';

/** The first program of this name in the folders of a search path; null: there is none. */
export async function programIn(searchPath: readonly string[], name: string): Promise<string | null> {
  for (const folder of searchPath.filter(isAbsolute)) {
    const program = join(folder, name);
    const usable = await access(program, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return program;
  }
  return null;
}
