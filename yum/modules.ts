import { setImmediate } from 'node:timers/promises';
import { parse } from 'yaml';
import { WaystationError } from '../base/errors.ts';
import type { Nevra } from './nevra.ts';

/** Characters of one document: the largest of real modules.yaml files have some 200 KB. */
const maxDocument = 8 * 1024 * 1024;
/** Artifacts of all documents. Large distributions list some 100,000. */
const maxArtifacts = 5_000_000;

/** What modules.yaml says of packages. */
export interface Modules {
  /** The streams, as `name:stream`, whose artifacts a package is among, in any version or context of the stream. */
  streamsOf(nevra: Nevra): readonly string[];
  /** Documents that could not be read, and were passed over. */
  readonly unusable: number;
}

/** A repository without modules.yaml. */
export const noModules: Modules = { streamsOf: () => [], unusable: 0 };

/**
 * Reads a decompressed modules.yaml (modulemd 1 and 2), document by document: of each `modulemd` its name, stream and
 * artifacts. Other documents (defaults, translations, obsoletes) are passed over, and so is one that is no YAML.
 * @throws WaystationError `metadata_too_large`, `metadata_invalid` when it is not UTF-8, or the source's own error.
 */
export async function readModules(source: AsyncIterable<Buffer>): Promise<Modules> {
  const streams = new Map<string, string[]>();
  let artifacts = 0;
  let unusable = 0;
  for await (const text of documents(source)) {
    const stream = streamIn(text);
    if (stream === 'unusable') unusable += 1;
    else if (stream !== null) {
      artifacts += stream.artifacts.length;
      if (artifacts > maxArtifacts) throw tooLarge(`lists more than ${maxArtifacts} artifacts`);
      for (const artifact of stream.artifacts) addTo(streams, artifact, stream.name);
    }
    // A document takes milliseconds; others want to be served meanwhile.
    await setImmediate();
  }
  return { streamsOf: (nevra) => streams.get(textOf(nevra)) ?? [], unusable };
}

function addTo(streams: Map<string, string[]>, artifact: string, stream: string): void {
  const known = streams.get(artifact);
  if (known === undefined) streams.set(artifact, [stream]);
  else if (!known.includes(stream)) known.push(stream);
}

/** A package as artifacts are written. */
function textOf({ name, epoch, version, release, arch }: Nevra): string {
  return `${name}-${epoch || '0'}:${version}-${release}.${arch}`;
}

/** The documents of a stream, as YAML separates them: by lines that begin with `---` or `...`. */
async function* documents(source: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let lines: string[] = [];
  let length = 0;
  for await (const line of linesOf(source)) {
    if (/^(---|\.\.\.)(\s|$)/.test(line)) {
      if (length > 0) yield lines.join('\n');
      lines = [];
      length = 0;
    } else {
      length += line.length + 1;
      if (length > maxDocument) throw tooLarge('has a document larger than 8 MiB');
      lines.push(line);
    }
  }
  if (length > 0) yield lines.join('\n');
}

async function* linesOf(source: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (bytes?: Buffer): string => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined });
    } catch {
      throw new WaystationError('metadata_invalid', 'modules.yaml: is not UTF-8');
    }
  };
  let rest = '';
  for await (const chunk of source) {
    const lines = (rest + decode(chunk)).split(/\r?\n/);
    rest = lines.pop() ?? '';
    if (rest.length > maxDocument) throw tooLarge('has a line larger than 8 MiB');
    yield* lines;
  }
  rest += decode();
  if (rest !== '') yield rest;
}

interface Stream {
  readonly name: string;
  readonly artifacts: readonly string[];
}

/** @returns null for a document that is about something else. */
function streamIn(text: string): Stream | 'unusable' | null {
  if (/^document:\s*['"]?modulemd-/m.test(text)) return null;
  // What matters is a fraction of a document, and YAML is read slowly. Whatever is written unusually is read whole.
  const essence = streamFrom(essenceOf(text));
  return essence !== null && essence.artifacts.length > 0 ? essence : (streamFrom(text) ?? 'unusable');
}

/** @returns null when the text is no YAML or not as expected. */
function streamFrom(text: string): Stream | null {
  let root: unknown;
  try {
    // Only strings: a stream `1.10` is no number.
    root = parse(text, { schema: 'failsafe', logLevel: 'silent' });
  } catch {
    return null;
  }
  const data = member(root, 'data');
  const [name, stream] = [member(data, 'name'), member(data, 'stream')];
  if (member(root, 'document') !== 'modulemd' || typeof name !== 'string' || typeof stream !== 'string') return null;
  const rpms = member(member(data, 'artifacts'), 'rpms');
  const artifacts = Array.isArray(rpms) ? rpms.filter((artifact) => typeof artifact === 'string') : [];
  return { name: `${name}:${stream}`, artifacts: artifacts.map(withEpoch) };
}

function member(of: unknown, key: string): unknown {
  return typeof of === 'object' && of !== null && Object.hasOwn(of, key) ? (of as Record<string, unknown>)[key] : null;
}

/** Artifacts have an epoch by their specification; a producer may have left it out. */
function withEpoch(artifact: string): string {
  const [, name, version, rest] = /^(.+)-([^-]+)-([^-]+)$/.exec(artifact) ?? [];
  return name === undefined || version?.includes(':') === true ? artifact : `${name}-0:${version}-${rest}`;
}

/**
 * The lines of a document in block style that say what kind it is, and of its data name, stream and artifacts: by
 * indentation, as what belongs to a key is further in than the key.
 */
function essenceOf(text: string): string {
  const kept: string[] = [];
  let inData = false;
  let indentation = -1;
  let keeping = false;
  for (const line of text.split('\n')) {
    const depth = line.search(/[^ ]/);
    if (depth < 0 || line[depth] === '#') continue;
    if (depth === 0) {
      inData = /^data:\s*$/.test(line);
      keeping = inData || line.startsWith('document:');
      indentation = -1;
    } else if (inData) {
      if (indentation < 0) indentation = depth;
      if (depth <= indentation) keeping = /^ *(name|stream|artifacts):/.test(line);
    }
    if (keeping) kept.push(line);
  }
  return kept.join('\n');
}

function tooLarge(reason: string): WaystationError {
  return new WaystationError('metadata_too_large', `modules.yaml: ${reason}`);
}
