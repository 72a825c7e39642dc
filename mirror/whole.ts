import { WaystationError } from '../base/errors.ts';
import type { Transfer } from '../base/transfer.ts';

/**
 * Reads a small body to its end.
 * @param limit bytes
 * @throws WaystationError `upstream_too_large` at the first byte over the limit; whatever the transfer throws.
 */
export async function readWhole(transfer: Transfer, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  const tooLarge = (): WaystationError =>
    new WaystationError('upstream_too_large', `${transfer.source} is larger than ${limit} bytes`);
  if (transfer.total !== null && transfer.total > limit) {
    transfer.cancel();
    throw tooLarge();
  }
  await transfer.consume((chunk) => {
    size += chunk.length;
    if (size > limit) throw tooLarge();
    chunks.push(chunk);
  });
  return Buffer.concat(chunks);
}
