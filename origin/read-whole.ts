import { WaystationError } from '../base/errors.ts';
import type { Transfer } from '../base/transfer.ts';

/**
 * Reads a small body to its end.
 * @param limit bytes.
 * @throws WaystationError `upstream_too_large` as soon as more is announced or comes; whatever `consume` rejects with.
 */
export async function readWhole(transfer: Transfer, limit: number): Promise<Buffer> {
  const tooLarge = (): WaystationError =>
    new WaystationError('upstream_too_large', `${transfer.source} has more than ${limit} bytes`);
  if (transfer.total !== null && transfer.total > limit) {
    transfer.cancel();
    throw tooLarge();
  }
  const chunks: Buffer[] = [];
  let size = 0;
  await transfer.consume((chunk) => {
    size += chunk.length;
    if (size > limit) throw tooLarge();
    chunks.push(chunk);
  });
  return Buffer.concat(chunks, size);
}
