import type { Agent } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { digestOf } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import { download } from './http-download.ts';

/** A file that was not what the metadata of the same run says. */
export interface Wrong {
  readonly href: string;
  readonly status: number;
  /** Of what came; null when it did not come whole. */
  readonly digest: Digest | null;
}

/** What a client like dnf saw of one repository. */
export interface MetadataRun {
  /** Of the repomd.xml that it read first. */
  readonly repomd: Digest;
  readonly files: number;
  readonly wrong: readonly Wrong[];
}

interface Named {
  readonly href: string;
  readonly digest: string;
}

export interface RunOptions {
  readonly agent?: Agent;
  /** Awaited once repomd.xml was read. */
  readonly pause?: () => Promise<unknown>;
}

/**
 * Reads repomd.xml, then every record that it names, then every package that primary names; compares each with the
 * checksum that named it. @throws when repomd.xml itself cannot be had.
 */
export async function metadataRun(base: string, repository: string, options: RunOptions = {}): Promise<MetadataRun> {
  const get = (href: string): ReturnType<typeof download> => download(base, `/content/${repository}/${href}`, options);
  const repomd = await get('repodata/repomd.xml');
  if (repomd.status !== 200 || !repomd.complete) throw new Error(`repomd.xml of ${repository}: ${repomd.status}`);
  await options.pause?.();
  const wrong: Wrong[] = [];
  /** @returns the bytes, null when they are not what was named. */
  const check = async ({ href, digest }: Named): Promise<Buffer | null> => {
    const { status, body, complete } = await get(href);
    const came = complete ? digestOf(body) : null;
    if (status === 200 && came === `sha256:${digest}`) return body;
    wrong.push({ href, status, digest: came });
    return null;
  };
  const records = named(repomd.body.toString(), /<data .*?<\/data>/gs);
  const bodies = await Promise.all(records.map(check));
  const primary = bodies[records.findIndex(({ href }) => href.endsWith('primary.xml.gz'))];
  const packages = primary ? named(gunzipSync(primary).toString(), /<package .*?<\/package>/gs) : [];
  for (const each of packages) await check(each);
  return { repomd: digestOf(repomd.body), files: records.length + packages.length, wrong };
}

function named(xml: string, element: RegExp): Named[] {
  return [...xml.matchAll(element)].map(([text]) => ({
    href: /<location href="([^"]+)"/.exec(text)?.[1] ?? '',
    digest: /<checksum [^>]*>([0-9a-f]+)</.exec(text)?.[1] ?? '',
  }));
}
