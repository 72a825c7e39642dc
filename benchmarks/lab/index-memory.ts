import { hash } from 'node:crypto';
import { BlobIndex } from '../../cache/blobs/blob-index.ts';

// Run by itself with --expose-gc: prints the bytes that an index of as many blobs as its argument says takes.
const count = Number(process.argv[2]);
const settled = (): number => {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};
fill(new BlobIndex(), 1_000);
const before = settled();
const index = new BlobIndex();
fill(index, count);
const bytes = settled() - before;
if (index.size !== count) throw new Error('the index lost some');
console.log(bytes);

function fill(into: BlobIndex, blobs: number): void {
  for (let number = 0; number < blobs; number += 1)
    into.add('open', { digest: `sha256:${hash('sha256', `package ${number}\n`)}`, size: number });
}
