import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { multipartLayout } from '../../http/multipart.ts';
import { contentRange, parseRange } from '../../http/ranges.ts';
import { sendBody, sendSegments } from '../../web/body-writer.ts';
import { openListener } from '../../web/listener.ts';
import { multipartBoundary } from '../../web/response.ts';
import { memorySource } from '../support/memory-source.ts';
import { describeWith, tool } from '../support/tools.ts';

const run = promisify(execFile);

describeWith([tool('zck')], 'the real zchunk downloader', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zchunk-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('with an older copy takes only what changed, as many parts of one answer', async () => {
    // Bytes that do not compress, so that there are many chunks; then a change in each of 40 places.
    const older = Buffer.concat(
      Array.from({ length: 100_000 }, (_, index) => createHash('sha256').update(`${index}`).digest()),
    );
    const newer = Buffer.from(older);
    for (let place = 1; place <= 40; place++) newer.write('changed', place * 75_000);
    await writeFile(join(folder, 'older'), older);
    await writeFile(join(folder, 'newer'), newer);
    for (const name of ['older', 'newer']) await run('zck', ['-o', `${name}.zck`, name], { cwd: folder });
    const file = await readFile(join(folder, 'newer.zck'));
    await rm(join(folder, 'newer.zck'));

    let mostParts = 0;
    let bytes = 0;
    const listener = await openListener({
      address: '127.0.0.1:0',
      log: silentLogger,
      onRequest: (request, response) => {
        const decision = parseRange(request.headers.range, file.length);
        if (decision.kind !== 'ranges') return void response.writeHead(500).end();
        const { ranges } = decision;
        mostParts = Math.max(mostParts, ranges.length);
        bytes += ranges.reduce((sum, { start, end }) => sum + end - start, 0);
        if (ranges.length === 1) {
          const [{ start, end }] = ranges;
          const headers = { 'content-range': contentRange(ranges[0], file.length), 'content-length': end - start };
          response.writeHead(206, headers);
          return void sendBody(response, memorySource(file), start, end);
        }
        const layout = multipartLayout({
          ranges,
          size: file.length,
          contentType: 'application/x-zchunk',
          boundary: multipartBoundary(),
        });
        response.writeHead(206, { 'content-type': layout.contentType, 'content-length': layout.contentLength });
        return void sendSegments(response, memorySource(file, { chunk: 5000 }), layout.segments);
      },
    });
    const url = `http://${listener.address}/newer.zck`;
    await run('zckdl', ['--fail-no-ranges', '--source', 'older.zck', url], { cwd: folder });
    await listener.drain(0);
    expect((await readFile(join(folder, 'newer.zck'))).equals(file)).toBe(true);
    expect(mostParts).toBeGreaterThan(10);
    expect(bytes).toBeLessThan(file.length * 0.9);
  });
});
