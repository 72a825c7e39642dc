import type { getRequestListener } from '@hono/node-server';
import type { ListenerOptions } from '../web/listener.ts';

type Handler = ListenerOptions['onRequest'];
/** An application of hono, whatever it knows of its requests. */
interface Application {
  readonly fetch: Parameters<typeof getRequestListener>[0];
}

/**
 * Serves an application of hono. It is made with its first request: hono and what it brings (a second HTTP client, for
 * the classes of fetch) take a good part of a start, and nothing that is content waits for them.
 */
export function webApp(load: () => Promise<Application>): Handler {
  let handler: Promise<Handler> | null = null;
  return (request, response) => {
    handler ??= made(load);
    void handler.then((handle) => handle(request, response));
  };
}

async function made(load: () => Promise<Application>): Promise<Handler> {
  const { getRequestListener } = await import('@hono/node-server');
  const app = await load();
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  return (request, response) => void listener(request, response);
}
