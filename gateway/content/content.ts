import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Place } from '../../cache/generations/served.ts';
import type { Store } from '../../cache/store.ts';
import { cacheStatus } from '../../http/cache-status.ts';
import { mediaType } from '../../http/media-types.ts';
import { decodeRequestPath, encodePath } from '../../http/request-path.ts';
import { objectionTo, objectionToPending } from './access.ts';
import type { Exchanges } from './exchange.ts';
import type { Exchange } from '../../web/exchange.ts';
import type { Folders } from './folders.ts';
import { sendHot } from './hot-lane.ts';
import type { HotLane } from './hot-lane.ts';
import type { ListedFiles } from './listed.ts';
import type { ContentPorts } from './ports.ts';
import { refuse } from '../../web/refuse.ts';
import type { Targets } from './target.ts';
import { sendText } from './text.ts';
import type { TreeFiles } from './tree-files.ts';
import type { UnlistedFiles } from './unlisted.ts';

export interface ContentOptions {
  readonly store: Store;
  readonly ports: ContentPorts;
  readonly targets: Targets;
  readonly hot: HotLane;
  readonly listed: ListedFiles;
  readonly trees: TreeFiles;
  readonly unlisted: UnlistedFiles;
  readonly folders: Folders;
  /**
   * The .repo text of a repository for `config.repo` in it: Pulp makes such files, with URLs that lead past this server.
   */
  readonly repoFile: (repository: string) => string | null;
  readonly exchanges: Exchanges;
  readonly log: Logger;
}

/** A file that a request asks for. */
interface FileAsked {
  readonly place: Place;
  readonly pinned: 'no' | 'generation' | 'date';
  /** Of the served view in which the place was found. */
  readonly epoch: number;
  /** The path as it came. */
  readonly raw: string;
}

/**
 * The way of a GET, in order: hot lane → path → class → access → metadata → held file or fill. Everything that is not
 * content is handed on.
 */
export class Content {
  readonly #options: ContentOptions;

  constructor(options: ContentOptions) {
    this.#options = options;
  }

  /** Answers at once from memory. @returns false when the long way is needed. */
  serveHot(exchange: Exchange): boolean {
    const { request, response } = exchange;
    const { hot, store, ports, exchanges } = this.#options;
    const { headers } = request;
    if (
      request.method !== 'GET' ||
      headers.range !== undefined ||
      headers['if-none-match'] !== undefined ||
      headers['if-match'] !== undefined
    )
      return false;
    const answer = hot.get(exchange.target, store.served.epoch);
    if (answer === undefined || ports.draining()) return false;
    const stale = answer.repomdOf !== null && answer.staleHeaders !== null && ports.stale(answer.repomdOf);
    if (answer.repomdOf !== null) store.repomdServed(answer.repomdOf);
    if (answer.turn !== store.turn) {
      answer.turn = store.turn;
      store.used(answer.scope, answer.digest);
    }
    if (answer.use !== null) answer.use.uses += 1;
    exchange.outcome = stale ? 'stale' : 'hit';
    exchange.ended(answer.body.length, false);
    exchanges.headSent(exchange);
    sendHot(response, stale && answer.staleHeaders !== null ? answer.staleHeaders : answer.headers, answer.body);
    return true;
  }

  /** @returns false when the path is not content: the page, `.repo` texts and keys. Answers every error itself. */
  async serve(exchange: Exchange): Promise<boolean> {
    try {
      return await this.#serve(exchange);
    } catch (error) {
      this.#failed(exchange, error);
      return true;
    }
  }

  async #serve(exchange: Exchange): Promise<boolean> {
    const { request } = exchange;
    const { targets, ports } = this.#options;
    const { epoch } = this.#options.store.served;
    const decoded = decodeRequestPath(request.url ?? '');
    if ('error' in decoded) throw new WaystationError('bad_path', `the request path is refused: ${decoded.reason}`);
    const target = targets.of(decoded.path);
    if (target.kind === 'other') return false;
    if (request.method !== 'GET' && request.method !== 'HEAD')
      throw new WaystationError('method_not_allowed', 'only GET and HEAD');
    if (ports.draining()) throw new WaystationError('draining', 'this server is about to stop');
    if (target.kind === 'redirect') this.#redirect(exchange, target.location);
    else if (target.kind === 'folder') await this.#folder(exchange, target.path, target.place);
    else if (target.kind === 'none') this.#absent(target.path);
    else await this.#file(exchange, { ...target, epoch, raw: decoded.raw });
    return true;
  }

  async #file(exchange: Exchange, asked: FileAsked): Promise<void> {
    const { place, pinned, epoch, raw } = asked;
    const { store, listed, trees, unlisted, ports } = this.#options;
    const objection = objectionTo(place, store.served, ports);
    if (objection !== null) throw objection;
    const found = await store.served.find(place, pinned !== 'no');
    if (found.kind === 'listed') return listed.serve(exchange, { place, found, pinned, epoch });
    if (found.kind === 'tree') return trees.serve(exchange, { place, found, pinned, epoch });
    // Some metadata has its names percent-encoded; who asks for them as they stand there means that file.
    const spelled = raw.includes('%') ? { ...place, file: asSpelled(place.file, raw) } : null;
    const again = spelled === null ? found : await store.served.find(spelled, pinned !== 'no');
    if (spelled !== null && again.kind === 'listed')
      return listed.serve(exchange, { place: spelled, found: again, pinned, epoch });
    if (spelled !== null && again.kind === 'tree')
      return trees.serve(exchange, { place: spelled, found: again, pinned, epoch });
    const repoFile =
      place.file === 'config.repo' && found.kind === 'unlisted' ? this.#options.repoFile(place.repository.path) : null;
    if (repoFile !== null) return sendText(exchange, repoFile, { 'content-type': mediaType('.repo') });
    if (found.kind === 'unlisted') return unlisted.serve(exchange, place, { pinned });
    throw new WaystationError('not_found', `the metadata of ${place.repository.path} lists no such file`);
  }

  async #folder(exchange: Exchange, path: string, place: Place | null): Promise<void> {
    const { folders, store, ports } = this.#options;
    const objection = place === null ? null : objectionTo(place, store.served, ports);
    if (objection !== null) throw objection;
    if (!(await folders.serve(exchange, path, place))) this.#absent(path);
  }

  #absent(path: string): never {
    const pending = this.#options.ports.pending(path);
    if (pending !== null) throw objectionToPending(pending, this.#options.ports);
    throw new WaystationError('not_found', 'no repository here has such a path');
  }

  #redirect(exchange: Exchange, location: string): void {
    exchange.outcome = 'local';
    exchange.ended(0, false);
    exchange.response
      .writeHead(301, {
        location: encodePath(location),
        'content-length': '0',
        'cache-control': 'no-cache',
        'cache-status': cacheStatus.local,
      })
      .end();
  }

  #failed(exchange: Exchange, error: unknown): void {
    const failure = asWaystationError(error);
    if (failure.code === 'internal') this.#options.log.error({ err: error, path: exchange.target }, 'a request failed');
    if (exchange.response.headersSent) exchange.response.destroy();
    else if (!exchange.response.destroyed) refuse(exchange, failure);
  }
}

/** The file as the request target spells it: the target's last segments, as many as the file has. */
function asSpelled(file: string, raw: string): string {
  return raw.split('/').slice(-file.split('/').length).join('/');
}
