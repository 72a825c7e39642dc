import { createHash } from 'node:crypto';
import { systemClock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import type { Answer, Transfer } from '../../base/transfer.ts';
import { Client } from '../../origin/client.ts';
import type { Ask, ClientOptions } from '../../origin/client.ts';
import { Health } from '../../origin/health.ts';
import { anonymousIdentity } from '../../origin/identity.ts';
import type { Identity } from '../../origin/identity.ts';
import { freeTraffic } from '../support/free-traffic.ts';

/** A client, its health, and an end to both. */
export class TestClient implements AsyncDisposable {
  readonly client: Client;
  readonly health: Health;

  constructor(
    identity: Partial<Identity> & { readonly urls: readonly string[] },
    options: Partial<ClientOptions> = {},
  ) {
    this.health = options.health ?? new Health({ clock: systemClock, log: silentLogger });
    this.client = new Client({
      identity: { ...anonymousIdentity(identity.urls), ...identity },
      version: '1.2.3',
      health: this.health,
      traffic: freeTraffic(),
      clock: systemClock,
      log: silentLogger,
      ...options,
    });
  }

  get(url: string, ask: Partial<Ask> = {}, signal = new AbortController().signal): Promise<Answer> {
    return this.client.get({ url: new URL(url), offset: 0, validators: null, startWithin: 5000, ...ask }, signal);
  }

  async found(url: string, ask: Partial<Ask> = {}, signal?: AbortSignal): Promise<Transfer> {
    const answer = await this.get(url, ask, signal);
    if (answer.kind !== 'found') throw new Error(`answered ${answer.kind}`);
    return answer.transfer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.health.close(new WaystationError('cancelled', 'the test is over'));
    await this.client.close();
  }
}

/** What a transfer brings. */
export async function bytesOf(transfer: Transfer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await transfer.consume((chunk) => void chunks.push(chunk));
  return Buffer.concat(chunks);
}

/** Bytes that differ everywhere, so that a shift or a swap shows. */
export function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  const block = createHash('sha256').update(String(size)).digest();
  for (let at = 0; at < size; at += 4)
    bytes.writeUInt32LE(((at * 2_654_435_761) ^ block.readUInt32LE(at % 28)) >>> 0, Math.min(at, size - 4));
  return bytes;
}

/** What a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<WaystationError> {
  const thrown: unknown = await promise.then(
    () => new Error('did not fail'),
    (reason: unknown) => reason,
  );
  if (thrown instanceof WaystationError) return thrown;
  throw thrown;
}
