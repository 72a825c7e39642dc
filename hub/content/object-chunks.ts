import type { OpenObject } from '../store/object-store.ts';

/** Bytes of one read. */
const readSize = 256 * 1024;

/** The bytes of an open object in order; it is released in the end, however that comes. */
export async function* objectChunks(object: OpenObject): AsyncGenerator<Buffer> {
  try {
    for (let position = 0; position < object.size;) {
      const buffer = Buffer.allocUnsafe(Math.min(readSize, object.size - position));
      const count = await object.read(buffer, position, buffer.length);
      yield buffer.subarray(0, count);
      position += count;
    }
  } finally {
    object.release();
  }
}
