import { digestOf } from '../../base/digest.ts';
import { describe, expect, test } from 'vitest';
import { compose, reusesNames } from '../../sync/flip.ts';
import type { FlipInput, FlipMember } from '../../sync/flip.ts';
import { documentOf } from './documents.ts';

const [old, next] = [documentOf('old'), documentOf('new')];
const guard = { kind: 'rbac', name: 'readers' };

function member(path: string, changes: Partial<FlipMember> = {}): FlipMember {
  return { path, guard: null, scope: 'open', proven: null, sound: true, ...changes };
}

function flip(changes: Partial<FlipInput>): Record<string, unknown> {
  const nothing = new Set<string>();
  return compose({
    flip: 'each',
    current: {},
    members: [],
    authoritative: false,
    waiting: nothing,
    given: nothing,
    ...changes,
  });
}

describe('flip each', () => {
  test('a failed member keeps what it had, beside those that are proven', () => {
    const members = [member('a', { proven: next }), member('b', { proven: old, sound: false })];
    expect(flip({ current: { a: old, b: old }, members })).toEqual({ a: next, b: old });
  });

  test('one that never succeeded blocks nobody', () => {
    expect(flip({ members: [member('a', { proven: next }), member('b', { sound: false })] })).toEqual({ a: next });
  });

  test('what left the list stays', () => {
    expect(flip({ current: { a: old, gone: old }, members: [member('a', { proven: next })] })).toEqual({
      a: next,
      gone: old,
    });
    expect(flip({ current: { a: old } })).toEqual({ a: old });
  });

  test('one that has to wait keeps what it had, and holds nobody', () => {
    const members = [member('a', { proven: next }), member('b', { proven: next })];
    expect(flip({ current: { a: old, b: old }, members, waiting: new Set(['a']) })).toEqual({ a: old, b: next });
  });

  test('a path that another subscription serves by now is let go', () => {
    const members = [member('b', { proven: null, sound: false })];
    expect(flip({ current: { a: old, b: old }, members, given: new Set(['b']) })).toEqual({ a: old });
  });
});

describe('flip together', () => {
  const both = [member('a', { proven: next }), member('b', { proven: next })];

  test('all move at once when every one is proven', () => {
    expect(flip({ flip: 'together', current: { a: old }, members: both })).toEqual({ a: next, b: next });
  });

  test.each([
    ['failed', [member('a', { proven: next }), member('b', { proven: old, sound: false })]],
    ['never succeeded', [member('a', { proven: next }), member('b', { sound: false })]],
  ])('none moves when one %s', (_what, members) => {
    expect(flip({ flip: 'together', current: { a: old, b: old }, members })).toEqual({ a: old, b: old });
    expect(flip({ flip: 'together', members })).toEqual({});
  });

  test('none moves while one has to wait', () => {
    const current = { a: old, b: old };
    expect(flip({ flip: 'together', current, members: both, waiting: new Set(['b']) })).toEqual(current);
  });

  test('a guard closes its path although another member blocks', () => {
    const members = [member('a', { proven: next, guard }), member('b', { sound: false })];
    expect(flip({ flip: 'together', current: { a: old }, members })).toEqual({ a: { ...old, guard } });
  });
});

describe('guards', () => {
  test('one that appears closes its path though nothing new could be read', () => {
    expect(flip({ current: { a: old }, members: [member('a', { proven: old, guard, sound: false })] })).toEqual({
      a: { ...old, guard },
    });
  });

  test('one that a hub no longer shows opens nothing by itself', () => {
    const current = { a: { ...old, guard } };
    expect(flip({ current, members: [member('a', { proven: next })] })).toEqual({ a: { ...next, guard } });
  });

  test('one that the operator took away goes once the content is proven without the credentials', () => {
    const guarded = { ...old, guard, scope: 'yum-1' };
    const lifted = { current: { a: guarded }, authoritative: true };
    expect(flip({ ...lifted, members: [member('a', { proven: guarded, sound: false })] })).toEqual({ a: guarded });
    expect(flip({ ...lifted, members: [member('a', { proven: old })] })).toEqual({ a: old });
  });
});

test('only a name that is kept for other bytes endangers clients in the midst of the old metadata', () => {
  const named = (content: string) =>
    documentOf(content, { records: { 'repodata/primary.xml.gz': documentOf(content).repomd } });
  expect(reusesNames(named('one'), named('two'))).toBe(true);
  expect(reusesNames(named('one'), named('one'))).toBe(false);
  expect(reusesNames(old, next)).toBe(false);
  const treeOf = (image: string) =>
    documentOf('one', { tree: { files: { 'images/install.img': digestOf(image) }, variants: [], unusable: 0 } });
  expect(reusesNames(treeOf('one'), treeOf('two'))).toBe(true);
  expect(reusesNames(treeOf('one'), treeOf('one'))).toBe(false);
  expect(reusesNames(old, treeOf('one'))).toBe(false);
  const files = (content: string) => documentOf(content, { content: 'file', records: {} });
  expect([reusesNames(files('one'), files('two')), reusesNames(files('one'), files('one'))]).toEqual([true, false]);
});
