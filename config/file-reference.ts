import { join, normalize, resolve } from 'node:path';

/** A file that the configuration names, and where to look for it; whether it exists is seen when it is read. */
export interface FileReference {
  /** As written in the configuration: for messages and descriptions. */
  readonly name: string;
  /** Absolute paths; the first that exists counts. */
  readonly candidates: readonly [string, ...string[]];
}

/** Where relative names are looked for. */
export interface FilePlaces {
  /** The configuration file's own directory, absolute. */
  readonly directory: string;
  /** `$CREDENTIALS_DIRECTORY` (systemd.exec(5), LoadCredential=). */
  readonly credentialsDirectory: string | null;
}

/** Relative names: `$CREDENTIALS_DIRECTORY` first, then beside the configuration file (contract). */
export function fileReference(name: string, { directory, credentialsDirectory }: FilePlaces): FileReference {
  const beside = resolve(directory, name);
  const climbs = normalize(name).startsWith('..');
  if (name.startsWith('/') || climbs || credentialsDirectory === null) return { name, candidates: [beside] };
  return { name, candidates: [join(credentialsDirectory, name), beside] };
}
