import packageDocument from '../package.json' with { type: 'json' };
import { currentFormat, stateFormats } from '../cache/disk/formats.ts';
import { magic } from '../maps/format.ts';
import { commit } from './commit.ts';

/** X.Y.Z, as in package.json. */
export const { version } = packageDocument;

/** The byte of a package map's magic number that counts its formats. */
const mapFormat = magic.readUInt8(6);

/** What `--version` prints: version, commit, the formats on disk that it writes, and what runs it. */
export function versionLine(): string {
  const facts = [
    `commit ${commit ?? 'of the checkout'}`,
    `state format ${currentFormat(stateFormats).number}`,
    `map format ${mapFormat}`,
    `node ${process.version}`,
    `${process.platform} ${process.arch}`,
  ];
  return `waystation ${version} (${facts.join(', ')})`;
}
