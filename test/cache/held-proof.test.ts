import { expect, test } from 'vitest';
import type { Listed } from '../../base/digest.ts';
import { digestOf } from '../../base/digest.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import type { Audit } from '../../cache/upkeep/audit.ts';
import { HeldProof } from '../../cache/upkeep/held-proof.ts';
import { nobody, RunRecord } from '../../runs/run-record.ts';
import { StandingClock } from '../support/standing-clock.ts';

function listed(text: string): Listed {
  return { digest: digestOf(Buffer.from(text)), size: text.length };
}

const document = {
  scope: 'open',
  guard: null,
  repomd: listed('repomd'),
  asc: null,
  key: listed('key'),
  treeinfo: null,
  records: { 'repodata/primary.xml': listed('primary') },
  map: digestOf(Buffer.from('primary')),
} as unknown as RepositoryDocument;
const of = { path: 'a', document };
const packages = ['one', 'two!', 'three'].map((text) => ({ href: `${text}.rpm`, listed: listed(text) }));

/** A proof over an audit that writes down what it is asked; of what is absent it reads nothing. */
function proof(absent: ReadonlySet<string> = new Set(), failing: Error | null = null) {
  const checked: string[] = [];
  const audit: Pick<Audit, 'check'> = {
    check: async ({ scope, listed: { digest, size } }, { onRead }) => {
      if (failing !== null) throw failing;
      checked.push(`${scope} ${digest}`);
      if (absent.has(digest)) return 'absent';
      await onRead?.(size);
      return 'right';
    },
  };
  const sink = {
    packages: async function* () {
      yield* packages;
    },
  };
  const run = new RunRecord({
    prefix: '',
    subscription: 'a',
    kind: 'full',
    clock: new StandingClock(),
    observer: nobody,
  });
  run.begin();
  return { checked, run, proof: new HeldProof({ audit, sink }) };
}

const never = new AbortController().signal;

test('metadata is every file that the document names itself', async () => {
  const { checked, run, proof: proving } = proof();
  await proving.metadata(of, run.phase('held files'), never);
  const files = [document.repomd, document.key, document.records['repodata/primary.xml']];
  expect(checked.toSorted()).toEqual(files.map((file) => `open ${file?.digest}`).toSorted());
  expect(run.status().phases).toEqual([{ name: 'held files', done: 3, total: 3, bytes: 16, totalBytes: 16 }]);
});

test('packages are those of the map; what is not held is passed over, and counted as dealt with', async () => {
  const { checked, run, proof: proving } = proof(new Set([listed('two!').digest]));
  const map = digestOf(Buffer.from('primary'));
  await proving.packages({ ...of, map }, run.phase('held files'), never);
  expect(checked).toHaveLength(3);
  expect(run.status().phases).toEqual([{ name: 'held files', done: 3, total: 3, bytes: 12, totalBytes: 12 }]);
});

test('a disk that cannot be read, and a run that is called off, end it', async () => {
  const failing = new Error('EIO');
  const one = proof(new Set(), failing);
  await expect(one.proof.metadata(of, one.run.phase('held files'), never)).rejects.toBe(failing);
  const called = new Error('called off');
  const two = proof();
  await expect(two.proof.metadata(of, two.run.phase('held files'), AbortSignal.abort(called))).rejects.toBe(called);
  expect(two.checked).toEqual([]);
});
