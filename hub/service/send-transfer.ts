import type { Transfer } from '../../base/transfer.ts';
import { asWaystationError, invariant, WaystationError } from '../../base/errors.ts';
import type { Exchange } from '../../web/exchange.ts';
import { openOutlet } from '../../web/outlet.ts';

/** Milliseconds after which a client that takes nothing is dropped. */
const stall = 60_000;

/**
 * Answers with bytes on their way from an origin, at the pace of the slower side. The head leaves with the first of
 * them. Who reads them proves them by their digest: what an origin lied is found there.
 * @throws WaystationError, the response untouched, when the origin fails before the first byte.
 */
export async function sendTransfer(
  exchange: Exchange,
  transfer: Transfer,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const { request, response } = exchange;
  invariant(transfer.offset === 0, 'what is passed through begins at the beginning');
  const head = (): void => {
    const length = transfer.total === null ? {} : { 'content-length': String(transfer.total) };
    if (!response.headersSent) response.writeHead(200, { ...headers, ...length });
  };
  if (request.method === 'HEAD') {
    transfer.cancel();
    head();
    response.end();
    return;
  }
  const outlet = openOutlet(response, stall);
  let bytes = 0;
  let failure: unknown = null;
  exchange.sending();
  try {
    await transfer.consume(async (chunk) => {
      if (outlet.left) throw new WaystationError('cancelled', 'the PoP has left');
      head();
      if (!(await outlet.write(chunk))) throw new WaystationError('cancelled', 'the PoP has left');
      bytes += chunk.length;
    });
    head();
    await outlet.end();
  } catch (error) {
    failure = error;
  }
  outlet.detach();
  if (failure !== null && !response.headersSent && !outlet.left) throw asWaystationError(failure);
  // A length that was promised and not kept is what tells the client.
  if (failure !== null) response.destroy();
  exchange.ended(bytes, failure !== null && !outlet.left);
}
