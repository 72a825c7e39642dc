import { writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { Server } from 'node:net';

/**
 * Preloaded into the program (`--import`): whenever a listener is about to be opened, writes what is loaded by then to the
 * file that WAYSTATION_TEST_LOADED names. Modules as URLs, Node's own by their internal names.
 */
const urls: string[] = [];
registerHooks({
  load: (url, context, next) => {
    urls.push(url);
    return next(url, context);
  },
});

const listen = Reflect.get(Server.prototype, 'listen') as (...words: unknown[]) => Server;
Server.prototype.listen = function listenAndTell(this: Server, ...words: unknown[]): Server {
  const file = process.env['WAYSTATION_TEST_LOADED'];
  const { moduleLoadList } = process as unknown as { moduleLoadList: readonly string[] };
  if (file !== undefined) writeFileSync(file, JSON.stringify({ urls, internal: moduleLoadList }));
  return listen.apply(this, words);
};
