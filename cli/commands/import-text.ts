import type { ImportReport } from '../../base/status.ts';
import { bytesText } from '../../gateway/page/figures.ts';
import { plainText } from '../terminal.ts';

/** What an import found and did, for people: one figure a line, then how much of each repository is held. */
export function importText(report: ImportReport): string[] {
  const { files, bytes, passedOver, copied, dryRun } = report;
  const lines: [number, string][] = [
    [1, `${files.seen} files, ${bytesText(bytes.seen)}; ${bytesText(bytes.read)} read`],
    [files.matched, `${files.matched} matched what is listed`],
    [1, `${files.taken} ${dryRun ? 'would be taken' : 'taken'}, ${bytesText(bytes.taken)}`],
    [files.held, `${files.held} held already, or copies of another`],
    [files.unneeded, `${files.unneeded} not read: every listed file of their size is held`],
    [files.unlisted, `${files.unlisted} that nothing lists`],
    [files.unreadable, `${files.unreadable} could not be read`],
    [files.failed, `${files.failed} could not be stored`],
    [files.left, `${files.left} not read, since nothing more could be stored: run the import again when there is room`],
    [passedOver.unreadable, `${passedOver.unreadable} folders or names could not be looked at`],
    [passedOver.links, `${passedOver.links} symbolic links lead out of the folder, and were not followed`],
    [passedOver.others, `${passedOver.others} devices, sockets or pipes were passed over`],
    [copied.files, `${copied.files} were copied, not linked: of the first, ${copied.reason ?? ''}`],
  ];
  return [
    ...lines.filter(([count]) => count > 0).map(([, line]) => line),
    ...report.repositories.map(({ subscription, path, importable, packages, bytes: size }) => {
      const held = `${packages.held} of ${packages.listed} packages held, ${bytesText(size.held)} of ${bytesText(size.listed)}`;
      const closed = importable
        ? ''
        : ` (only with --subscription ${subscription}: its content belongs to an identity)`;
      return plainText(`${subscription}: ${path}: ${held}${closed}`);
    }),
  ];
}
