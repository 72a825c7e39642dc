import type { Hono } from 'hono';
import type { ListenerOptions } from '../web/listener.ts';

type Handler = ListenerOptions['onRequest'];

/**
 * Serves an application of hono. It is made with its first request: hono and what it brings (a second HTTP client, for
 * the classes of fetch) take a good part of a start, and nothing that is content waits for them.
 */
export function webApp(load: () => Promise<Hono>): Handler {
  let handler: Promise<Handler> | null = null;
  return (request, response) => {
    handler ??= made(load);
    void handler.then((handle) => handle(request, response));
  };
}

async function made(load: () => Promise<Hono>): Promise<Handler> {
  const { getRequestListener } = await import('@hono/node-server');
  const app = await load();
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  return (request, response) => void listener(request, response);
}
