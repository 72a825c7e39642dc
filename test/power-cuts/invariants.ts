import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { digestOf } from '../../base/digest.ts';
import type { GenerationDocument } from '../../base/generation.ts';
import { parsePartName } from '../../cache/disk/layout.ts';
import type { Store } from '../../cache/store.ts';
import { generation, repositoryDocument } from '../cache/generation-documents.ts';
import { readAll } from '../cache/pieces.ts';
import type { Seeded } from '../simulation/seeded.ts';
import { RecordedFiles } from '../support/recorded-files.ts';
import type { FoundFolder } from '../support/recorded-files.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';
import { layout, start } from './machine.ts';
import type { Fact, KnownFile, KnownMap, Machine, Replacement, Running } from './machine.ts';

/** One invariant that a state breaks: see `docs/testing.md`. */
export interface Violation {
  readonly invariant: string;
  readonly text: string;
}

export type Say = (invariant: string, text: string) => unknown;

const patient = new AbortController().signal;

/**
 * Starts the real store on a state that a cut left, twice, and says what is broken.
 * @param cut changes that were made before the cut; what callers were told later was never said.
 * @returns the files as the checks leave them.
 */
export async function check(
  machine: Machine,
  { found, cut }: { readonly found: FoundFolder; readonly cut: number },
  random: Seeded,
): Promise<readonly Violation[]> {
  const violations: Violation[] = [];
  const say: Say = (invariant, text) => void violations.push({ invariant, text });
  const files = new RecordedFiles(found);
  try {
    const first = await start(files, { random: random.fork() });
    // Half of the time clients are there before what was left is tidied.
    if (random.chance(0.5)) await checkServed(first.store, machine, cut, say);
    await first.store.recovered;
    checkRest(files, first, machine, say);
    await stop(first, say);
    const before = contents(files);
    const second = await start(files, { random: random.fork() });
    await second.store.recovered;
    for (const difference of differences(before, contents(files))) say('P7', difference);
    await checkServed(second.store, machine, cut, say);
    await checkNext(second, machine, say);
    checkRest(files, second, machine, say);
    await stop(second, say);
  } catch (error) {
    say('P4', `the store does not start and work: ${error instanceof Error ? error.stack : String(error)}`);
  }
  return violations;
}

/** P1, P2, P3: what is given out is right, and what was told to be there is there. */
export async function checkServed(store: Store, machine: Machine, cut: number, say: Say): Promise<void> {
  for (const file of machine.known) await checkFile(store, file, say);
  for (const { fact, at } of machine.facts)
    if (at <= cut && !wasRemoved(machine, fact, at, cut)) await checkFact(store, fact, say);
  for (const unlisted of machine.unlisted) {
    const { repository, file, versions } = unlisted;
    const kept = await store.unlisted.open({ repository, file, scope: 'open', supplier: null }).catch(() => null);
    const bytes = kept === null ? null : (await readAll(kept.source)).bytes;
    const version = versions.findIndex((each) => bytes?.equals(each));
    if (bytes !== null && version < 0) say('P1', `wrong bytes of the unlisted ${file}`);
    const possible = possibleAfter(
      machine.fetches.filter(({ by }) => by.unlisted === unlisted),
      cut,
    );
    if (!possible.some((by) => (by?.version ?? -1) === version))
      say(
        'P2',
        `the unlisted ${file} is version ${version}, and should be ${possible.map((by) => by?.version).join(' or ')}`,
      );
  }
  await checkGenerations(store, machine, cut, say);
}

/** Whether a process took away, since it told of it, what it may take away. */
function wasRemoved({ files, mayGo }: Machine, fact: Fact, told: number, cut: number): boolean {
  const [what, path] =
    fact.kind === 'map'
      ? [fact.map, layout.map(fact.map.primary)]
      : [fact.file, layout.blob(fact.file.scope, fact.file.listed)];
  if (!mayGo.has(what)) return false;
  return files.journal
    .slice(told, cut)
    .some((change) => 'from' in change && `${change.from.folder.path}/${change.from.name}` === path);
}

async function checkFile(store: Store, { scope, listed, bytes }: KnownFile, say: Say): Promise<void> {
  const held = await store.blobs.open(scope, listed);
  if (held === null) return;
  const got = await readAll(held);
  if (got.error !== null || !got.bytes.equals(bytes))
    say('P1', `wrong bytes of ${listed.digest}: ${got.error?.message ?? `${got.bytes.length} of ${listed.size}`}`);
}

async function checkFact(store: Store, fact: Fact, say: Say): Promise<void> {
  if (fact.kind === 'map') return checkMap(store, fact.map, 'P2', say);
  const { scope, listed } = fact.file;
  const held = await store.blobs.open(scope, listed);
  held?.release();
  if (held === null) say('P2', `${listed.digest} (${listed.size} bytes) is lost`);
}

async function checkMap(store: Store, map: KnownMap, invariant: string, say: Say): Promise<void> {
  try {
    let index = 0;
    for await (const { href, listed } of store.sink.packages(map.primary)) {
      const entry = map.entries[index];
      index += 1;
      if (entry?.href !== href || entry.listed.digest !== listed.digest || entry.listed.size !== listed.size)
        say('P1', `wrong entry ${href} in the map of ${map.primary}`);
    }
    if (index !== map.entries.length) say('P1', `the map of ${map.primary} has ${index} entries`);
  } catch (error) {
    say(invariant, `the map of ${map.primary}: ${String(error)}`);
  }
}

async function checkGenerations(store: Store, machine: Machine, cut: number, say: Say): Promise<void> {
  const subscriptions = new Set(machine.publications.map(({ by }) => by.subscription));
  for (const subscription of subscriptions) {
    const publications = machine.publications.filter(({ by }) => by.subscription === subscription);
    const possible = possibleAfter(publications, cut).map((by) => by?.id ?? null);
    const current = store.current(subscription);
    if (!possible.includes(current?.id ?? null))
      say('P3', `${subscription} serves ${current?.id ?? 'nothing'}, and should serve ${possible.join(' or ')}`);
    const told = publications.filter(({ resolved }) => resolved !== null && resolved <= cut);
    for (const { by } of told.filter((each) => !machine.mayRetire.has(each.by.id)))
      if (!store.kept(subscription).some(({ id }) => id === by.id)) say('P3', `generation ${by.id} is lost`);
    for (const document of store.kept(subscription)) await checkReferences(store, machine, document, say);
  }
}

/** Whatever a generation refers to is there: its records and its maps. */
async function checkReferences(store: Store, machine: Machine, document: GenerationDocument, say: Say): Promise<void> {
  for (const [path, repository] of Object.entries(document.repositories)) {
    for (const listed of [repository.repomd, ...Object.values(repository.records)]) {
      const held = await store.blobs.open(repository.scope, listed);
      held?.release();
      if (held === null) say('P3', `${document.id} refers to ${listed.digest}, which is not held`);
    }
    const map = machine.maps.find(({ primary }) => primary === repository.map);
    const first = map?.entries[0];
    if (map === undefined || first === undefined) continue;
    await checkMap(store, map, 'P3', say);
    const place = store.served.placeIn(document, `${path}/${first.href}`);
    const found = place === null ? null : await store.served.find(place).catch(() => null);
    if (found?.kind !== 'listed' || found.listed.digest !== first.listed.digest)
      say('P3', `${document.id} does not list ${first.href}`);
  }
}

/** What may be found after the cut: the last that was told to be durable, and all that was begun after it. */
function possibleAfter<T>(replacements: readonly Replacement<T>[], cut: number): readonly (T | null)[] {
  const last = replacements.findLastIndex(({ resolved }) => resolved !== null && resolved <= cut);
  const begun = replacements.slice(Math.max(0, last)).filter(({ began }) => began <= cut);
  return [...(last < 0 ? [null] : []), ...begun.map(({ by }) => by)];
}

/** P5, P6: what is counted is there, and nothing is left that nobody goes on with. */
export function checkRest(files: RecordedFiles, { store }: Running, machine: Machine, say: Say): void {
  // A map is no part of the budget; one that was half written and cannot be removed may be counted or not.
  const maps = files.bytesBelow(layout.parts, 'map-');
  // A part that is a second name of a file elsewhere takes no room of the store's: that is there without it.
  const elsewhere = new Set([...files.below('')].flatMap(([path, file]) => (isOurs(path) ? [] : [file])));
  const parts = [...files.below(layout.parts)].filter(([, file]) => !elsewhere.has(file));
  const taken = new Set([...files.below(layout.blobs), ...parts].map(([, file]) => file));
  const there = [...taken].reduce((sum, { size }) => sum + size, 0);
  const possible = [there, there - maps];
  if (!possible.includes(store.space.used)) say('P5', `${store.space.used} bytes are counted, ${there} are there`);
  if (store.space.reserved !== 0) say('P5', `${store.space.reserved} bytes stay reserved`);
  const right = new Map(machine.known.map(({ scope, listed, bytes }) => [layout.blob(scope, listed), bytes]));
  const aside = new Set([...machine.mayGo].map((each) => ('listed' in each ? asideOf(each) : '')));
  for (const [path, file] of files.below(layout.root)) {
    if (path.startsWith(`${layout.blobs}/`)) {
      const bytes = right.get(path);
      const [, algorithm = '', , hex = '', size = ''] = path.slice(layout.blobs.length).split(/[/.]/).slice(1);
      const digest = algorithm === 'sha256' && bytes === undefined ? digestOf(file.content) : null;
      const isRight = digest === null ? bytes?.equals(file.content) : digest === `sha256:${hex}`;
      if (isRight !== true || file.size !== Number(size)) say('P1', `${path} is not what its name says`);
    } else if (path.startsWith(`${layout.parts}/`)) {
      const goesOn = machine.known.some(
        ({ scope, listed }) => path === layout.part(scope, listed) && file.size > 0 && file.size < listed.size,
      );
      if (!goesOn) say('P6', `${path} (${file.size} bytes) is left`);
    } else if (path.endsWith('.new') || (path.startsWith(`${layout.damaged}/`) && !aside.has(path)))
      say('P6', `${path} is left`);
  }
}

function isOurs(path: string): boolean {
  return path.startsWith(`${layout.root}/`);
}

/** Where a file lies that a scenario set aside. */
function asideOf({ scope, listed }: KnownFile): string {
  return join(layout.damaged, `${scope}.${basename(layout.blob(scope, listed))}`);
}

/** P4: what was lost is fetched again, and the next generation is published. */
export async function checkNext({ store, clock, disk }: Running, machine: Machine, say: Say): Promise<void> {
  for (const file of machine.known) {
    const { scope, listed, bytes } = file;
    await store.sink.ensure(scope, listed, new ScriptedLoader([], { again: { bytes } }), patient);
    if (!(await store.sink.holds(scope, listed))) say('P4', `${listed.digest} was filled, and is not held`);
    await checkFile(store, file, say);
  }
  for (const map of machine.maps) {
    await store.sink.writeMap(map.primary, async (to) => {
      for (const entry of map.entries) to.add(entry);
    });
    await checkMap(store, map, 'P4', say);
  }
  // While it is rolled back, nothing newer is served.
  if (store.generations.rolledBackSince('corp') !== null) await store.publication.release('corp');
  const next = generation(50, { 'corp/base': repositoryDocument() }, 'corp');
  await store.publish(next);
  if (store.current('corp')?.id !== next.id) say('P4', 'the next generation is not served');
  await rest({ store, clock, disk });
}

/** Lets what lingers end. */
export async function rest({ store, clock, disk }: Pick<Running, 'store' | 'clock' | 'disk'>): Promise<void> {
  while (store.fills.active > 0) {
    // Of a process that was killed nothing ends any more: it would be waited for while all other worlds run.
    if (disk.dead) await new Promise<never>(() => {});
    await setImmediate();
    clock.advance(50);
  }
}

export async function stop(running: Running, say: Say): Promise<void> {
  await running.store.close();
  for (let turn = 0; turn < 20 && running.disk.handles > 0; turn += 1) await setImmediate();
  if (running.disk.handles > 0) say('P5', `${running.disk.handles} files stay open`);
}

function contents(files: RecordedFiles): ReadonlyMap<string, Buffer> {
  return new Map([...files.below('')].map(([path, file]) => [path, file.content]));
}

function differences(before: ReadonlyMap<string, Buffer>, after: ReadonlyMap<string, Buffer>): readonly string[] {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths].flatMap((path) => {
    const [was, is] = [before.get(path), after.get(path)];
    if (was !== undefined && is !== undefined && was.equals(is)) return [];
    // Begun by its sha256, while the first start adopted the same bytes by another digest, and so gave them this name.
    const part = is === undefined ? parsePartName(basename(path)) : null;
    if (part !== null && after.has(layout.blob(part.scope, part.listed))) return [];
    // The snapshot of the index: order of eviction, and which start it is for.
    if (path === layout.snapshot || path === layout.usedSnapshot) return [];
    return [`${path} was ${was?.length ?? 'absent'} and is ${is?.length ?? 'absent'} after the second start`];
  });
}
