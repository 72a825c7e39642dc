import { digestFrom } from '../base/digest.ts';
import { WaystationError } from '../base/errors.ts';
import type { PackageEntry, Unservable } from '../base/package-entry.ts';
import { checkHref, maxHrefBytes } from './repository-path.ts';

/** Where the packages of a primary.xml go. The same shape as a sink's map writer. */
export interface PackageWriter {
  add(entry: PackageEntry): void;
  unservable(entry: Unservable): void;
}

/** What both readers of primary.xml take from one `<package>`: decoded, not trimmed, not judged. */
export interface PackageFields {
  readonly name: string;
  readonly arch: string;
  readonly epoch: string;
  readonly version: string;
  readonly release: string;
  readonly checksumType: string;
  /** null: there is none, or more than one. */
  readonly checksum: string | null;
  /** null: there is none, or more than one. */
  readonly size: string | null;
  readonly hrefs: readonly string[];
  /** The package is in another place (`xml:base`). */
  readonly elsewhere: boolean;
}

/** What a hostile document may cost: packages in all, and characters of the hrefs that are only named. */
export const maxPackages = 5_000_000;
const maxUnservable = 32 * 1024 * 1024;

/** The one judgement on packages, so that both readers cannot differ in it: an entry, or unservable and named. */
export class PackageJudge {
  readonly #writer: PackageWriter;
  #packages = 0;
  #unservable = 0;

  constructor(writer: PackageWriter) {
    this.#writer = writer;
  }

  /** Packages so far, servable or not. */
  get packages(): number {
    return this.#packages;
  }

  /** @throws WaystationError `metadata_too_large` beyond what any repository has. */
  judge(fields: PackageFields): void {
    if (++this.#packages > maxPackages) throw tooLarge(`lists more than ${maxPackages} packages`);
    const [href = ''] = fields.hrefs;
    if (fields.hrefs.length !== 1) return this.#refuse(href, 'location');
    if (fields.elsewhere) return this.#refuse(href, 'absolute');
    const checked = checkHref(href);
    if (!checked.ok) return this.#refuse(href, checked.reason);
    const digest = fields.checksum === null ? null : digestFrom(fields.checksumType.trim(), detached(fields.checksum));
    if (digest === null) return this.#refuse(checked.path, 'checksum');
    const size = fields.size?.trim() ?? '';
    if (!/^\d{1,15}$/.test(size)) return this.#refuse(checked.path, 'size');
    this.#writer.add({
      href: detached(checked.path),
      listed: { digest, size: Number(size) },
      name: detached(fields.name.trim()),
      epoch: fields.epoch.trim() || '0',
      version: detached(fields.version.trim()),
      release: detached(fields.release.trim()),
      arch: detached(fields.arch.trim()),
    });
  }

  #refuse(href: string, reason: Unservable['reason']): void {
    const name = detached(href.slice(0, maxHrefBytes));
    this.#unservable += 64 + name.length;
    if (this.#unservable > maxUnservable) throw tooLarge('names too many packages that cannot be served');
    this.#writer.unservable({ href: name, reason });
  }
}

function tooLarge(reason: string): WaystationError {
  return new WaystationError('metadata_too_large', `primary.xml ${reason}`);
}

/**
 * A string of its own. V8 keeps slices of 13 and more characters as views of their parent, so 60,000 kept hrefs would
 * keep the whole document in memory.
 */
function detached(text: string): string {
  return text.length < 13 ? text : Buffer.from(text).toString();
}
