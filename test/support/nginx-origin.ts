import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import type { KeyPair } from './faulty-origin-certificates.ts';
import { freePorts } from './pop.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import type { TemporaryDirectory } from './temporary-directory.ts';

export interface NginxOptions {
  /** Directives of the server, beside those that are here. */
  readonly server?: string;
  readonly tls?: KeyPair;
}

/** One request that has ended. */
export interface NginxRequest {
  readonly path: string;
  readonly status: number;
  /** What it said of itself: request line without the path, and the fields that a GET of ours may have. */
  readonly fields: string;
  /** Number of its connection. */
  readonly connection: string;
}

const format = [
  '$uri',
  '$status',
  '$connection',
  '$request_method $server_protocol $http_host $http_connection $http_user_agent $http_accept $http_accept_encoding $http_range $http_cookie $http_authorization',
].join('\\t');

/** A real nginx with a folder of its own: an origin as sites have it. */
export class NginxOrigin implements AsyncDisposable {
  /** With a slash at its end. */
  readonly url: string;
  readonly #folder: TemporaryDirectory;
  readonly #process: ChildProcess;

  static async start({ server = '', tls }: NginxOptions = {}): Promise<NginxOrigin> {
    const folder = await temporaryDirectory();
    const [port = 0] = await freePorts(1);
    const { path } = folder;
    mkdirSync(join(path, 'files'));
    for (const [name, text] of Object.entries(tls ?? {})) writeFileSync(join(path, `${name}.pem`), text);
    const secure = tls === undefined ? '' : `ssl_certificate ${path}/cert.pem; ssl_certificate_key ${path}/key.pem;`;
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (of) => `${of}_temp_path ${path}/${of};`,
    );
    const file = join(path, 'nginx.conf');
    writeFileSync(
      file,
      `daemon off; worker_processes 1; pid ${path}/pid; error_log ${path}/error.log;${process.getuid?.() === 0 ? ' user root;' : ''}
events { worker_connections 512; }
http { log_format tabs escape=none '${format}'; access_log ${path}/access.log tabs; ${temporary.join(' ')}
server { listen 127.0.0.1:${port}${tls === undefined ? '' : ' ssl'}; root ${path}/files; ${secure} ${server} } }\n`,
    );
    const child = spawn('nginx', ['-c', file, '-p', path, '-e', `${path}/error.log`], {
      env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
      stdio: 'ignore',
    });
    const origin = new NginxOrigin(folder, child, `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/`);
    await origin.#listening(port);
    return origin;
  }

  private constructor(folder: TemporaryDirectory, child: ChildProcess, url: string) {
    this.#folder = folder;
    this.#process = child;
    this.url = url;
    // A test that ran out of time disposes of nothing; its process must not stay.
    const end = (): void => void child.kill('SIGTERM');
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
  }

  put(path: string, bytes: Buffer): void {
    const file = join(this.#folder.path, 'files', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }

  /** Those that have ended so far, in that order. */
  async requests(): Promise<readonly NginxRequest[]> {
    const text = await readFile(join(this.#folder.path, 'access.log'), 'utf8');
    const lines = text.split('\n').slice(0, -1);
    return lines.map((line) => {
      const [path = '', status, connection = '', fields = ''] = line.split('\t');
      return { path, status: Number(status), connection, fields };
    });
  }

  /** Bytes of the log: it grows with each request that ends. */
  async logged(): Promise<number> {
    return (await stat(join(this.#folder.path, 'access.log'))).size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#process.exitCode === null ? once(this.#process, 'exit') : null;
    this.#process.kill('SIGTERM');
    await ended;
    await this.#folder[Symbol.asyncDispose]();
  }

  async #listening(port: number): Promise<void> {
    for (;;) {
      if (this.#process.exitCode !== null)
        throw new Error(`nginx ended: ${await readFile(join(this.#folder.path, 'error.log'), 'utf8')}`);
      const socket = connect(port, '127.0.0.1');
      const open = await new Promise((resolve) =>
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false)),
      );
      socket.destroy();
      if (open === true) return;
      await after(20);
    }
  }
}
