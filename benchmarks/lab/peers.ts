import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, startPinned, stopped, untilAnswering } from './processes.ts';
import type { Measured } from './processes.ts';

/** nginx serving a folder: the upstream of all. @param core that it is pinned to; null: to none. */
export async function startOrigin(work: string, root: string, core: number | null, extra = ''): Promise<Measured> {
  return startNginx({ name: 'origin-server', work, core, location: `root ${root}; ${extra}` });
}

/** nginx as an operator would set it up before a repository: proxy_cache with lock, sendfile, keep-alive. */
export async function startNginxCache(work: string, origin: string, core: number): Promise<Measured> {
  const cache = join(work, 'nginx-cache');
  mkdirSync(cache, { recursive: true });
  return startNginx({
    name: 'nginx proxy_cache',
    work,
    core,
    server: `proxy_cache_path ${cache} levels=1:2 keys_zone=c:10m max_size=10g inactive=1d use_temp_path=off;`,
    location: `proxy_pass ${origin}; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_cache c; proxy_cache_valid 200 1d; proxy_cache_lock on; proxy_ignore_headers Cache-Control Expires;`,
  });
}

/** Varnish with a disk-less store and default coalescing; null where it is not installed. */
export async function startVarnish(work: string, origin: string, core: number): Promise<Measured | null> {
  if (spawnSync('varnishd', ['-V']).error !== undefined) return null;
  const port = await freePort();
  const folder = join(work, 'varnish');
  const { hostname, port: originPort } = new URL(origin);
  const file = join(work, 'bench.vcl');
  writeFileSync(file, `vcl 4.1;\nbackend default { .host = "${hostname}"; .port = "${originPort}"; }\n`);
  const words = ['-F', '-n', folder, '-a', `127.0.0.1:${port}`, '-f', file, '-s', 'malloc,256m', '-j', 'none'];
  const child = startPinned(core, 'varnishd', words);
  const url = `http://127.0.0.1:${port}`;
  await untilAnswering(`${url}/repodata/repomd.xml`);
  return { name: 'varnish', url, pid: child.pid ?? 0, stop: () => stopped(child) };
}

/** This PoP, from the sources, with one repository at /content/bench/. */
export async function startPop(
  work: string,
  origin: string,
  core: number,
  refresh = '1h',
): Promise<Measured & { readonly admin: string }> {
  return popOn({ work, origin, core, refresh, tls: null });
}

/** The same, which serves over TLS too: `secured` is its URL there. @param tls names of the files. */
export async function startTlsPop(
  work: string,
  origin: string,
  core: number,
  tls: { readonly cert: string; readonly key: string },
): Promise<Measured & { readonly secured: string }> {
  return popOn({ work, origin, core, refresh: '1h', tls });
}

async function popOn({
  work,
  origin,
  core,
  refresh,
  tls,
}: {
  work: string;
  origin: string;
  core: number;
  refresh: string;
  tls: { readonly cert: string; readonly key: string } | null;
}): Promise<Measured & { readonly admin: string; readonly secured: string }> {
  const [content, secured, admin] = [await freePort(), await freePort(), await freePort()];
  const file = join(work, 'pop.yaml');
  const addresses = [`127.0.0.1:${content}`, ...(tls === null ? [] : [{ address: `127.0.0.1:${secured}`, tls }])];
  const url = `http://127.0.0.1:${content}`;
  const config = {
    listen: { content: addresses, admin: `127.0.0.1:${admin}` },
    publicUrl: url,
    state: join(work, 'pop-state'),
    subscriptions: [
      { name: 'bench', hub: { type: 'yum' }, refresh, repositories: [{ path: 'bench', url: `${origin}/` }] },
    ],
  };
  writeFileSync(file, JSON.stringify(config));
  const child = startPinned(core, process.execPath, [
    join(import.meta.dirname, '../../cli/waystation.ts'),
    'serve',
    '--config',
    file,
  ]);
  await untilAnswering(`http://127.0.0.1:${admin}/healthz/ready`);
  return {
    name: 'waystation',
    url: `${url}/content/bench`,
    secured: `https://127.0.0.1:${secured}/content/bench`,
    admin: `http://127.0.0.1:${admin}`,
    pid: child.pid ?? 0,
    stop: () => stopped(child),
  };
}

async function startNginx(options: {
  name: string;
  work: string;
  core: number | null;
  location: string;
  server?: string;
}): Promise<Measured> {
  const port = await freePort();
  const folder = join(options.work, options.name.replaceAll(' ', '-'));
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log; user root;
events { worker_connections 4096; }
http { access_log ${folder}/access.log; sendfile on; tcp_nopush on; keepalive_timeout 75; keepalive_requests 1000000; open_file_cache max=512;
client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
${options.server ?? ''} server { listen 127.0.0.1:${port} backlog=1024; location / { ${options.location} } } }\n`,
  );
  const child = startPinned(options.core, 'nginx', ['-c', file, '-p', folder]);
  const url = `http://127.0.0.1:${port}`;
  await untilAnswering(`${url}/`);
  return { name: options.name, url, pid: child.pid ?? 0, stop: () => stopped(child) };
}
