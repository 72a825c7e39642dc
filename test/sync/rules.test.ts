import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf, hexOf } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import type { ErrorCode } from '../../base/errors.ts';
import { jittered, retryDelay } from '../../sync/backoff.ts';
import { canonicalJson, generationDocument, sameRepositories } from '../../sync/generation-document.ts';
import { PathOwners } from '../../sync/paths.ts';
import { documentOf } from './documents.ts';

const minute = 60_000;

describe('the next try', () => {
  const delay = (code: ErrorCode, row: { attempts?: number; lasting?: number; retryAfter?: number } = {}): number => {
    const error = new WaystationError(code, 'x', { retryAfter: row.retryAfter ?? null });
    return retryDelay({ error, attempts: row.attempts ?? 1, lasting: row.lasting ?? 0 }, 15 * minute);
  };

  test('comes within 4 s in a short outage, however often it failed', () => {
    for (const code of ['upstream_unreachable', 'upstream_timeout', 'upstream_cut', 'upstream_status'] as const) {
      for (const attempts of [1, 2, 50, 600]) expect(delay(code, { attempts, lasting: 30 * minute })).toBe(3000);
    }
    expect(delay('upstream_breaker_open')).toBe(1000);
  });

  test('comes every half minute in a long outage', () => {
    expect(delay('upstream_unreachable', { attempts: 1000, lasting: 61 * minute })).toBe(30_000);
  });

  test('comes ever later for what the upstream says wrongly, up to the refresh', () => {
    const delays = [1, 2, 3, 4, 30, 3000].map((attempts) => delay('record_mismatch', { attempts }));
    expect(delays).toEqual([2000, 4000, 8000, 16_000, 15 * minute, 15 * minute]);
  });

  test('is not before the time that the upstream asked for, but an hour is enough', () => {
    expect(delay('upstream_status', { retryAfter: 120 })).toBe(2 * minute);
    expect(delay('upstream_status', { retryAfter: 864_000 })).toBe(60 * minute);
  });

  test('is moved by a tenth at most', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (random) => {
        const moved = jittered(1000, () => random);
        return moved >= 900 && moved <= 1100;
      }),
    );
  });
});

describe('a generation document', () => {
  const now = Date.parse('2026-11-23T10:15:00.250Z');
  const content = {
    subscription: 'corp',
    hubVersion: null,
    repositories: { a: documentOf('x') },
    now,
    taken: () => false,
  };

  test('is named by its UTC second and the sha256 of its content in canonical JSON', () => {
    const { id, ...body } = generationDocument(content);
    expect(body.created).toBe('2026-11-23T10:15:00.250Z');
    expect(id).toBe(`20261123T101500Z-${hexOf(digestOf(canonicalJson(body))).slice(0, 8)}`);
  });

  test('gets another name when its name is taken', () => {
    const first = generationDocument(content);
    const second = generationDocument({ ...content, taken: (id) => id === first.id });
    expect(second.id).not.toBe(first.id);
    expect(second.repositories).toEqual(first.repositories);
  });

  test('canonical JSON does not depend on the order of keys, and is JSON', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).toReversed());
        expect(canonicalJson(turned)).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('repositories are the same only if paths, files, scopes and guards are', () => {
    const a = documentOf('x');
    expect(sameRepositories({ a, b: a }, { b: a, a: { ...a } })).toBe(true);
    for (const other of [
      {},
      { a, b: a },
      { a: documentOf('y') },
      { a: { ...a, scope: 's' } },
      { a: { ...a, asc: a.repomd } },
    ]) {
      expect(sameRepositories({ a }, other)).toBe(false);
    }
    expect(sameRepositories({ a }, { a: { ...a, guard: { kind: 'x509', name: 'n' } } })).toBe(false);
  });
});

describe('a path', () => {
  test('belongs to who claimed it first', () => {
    const owners = new PathOwners();
    expect(owners.claim('p', 'corp')).toBeNull();
    expect(owners.claim('p', 'corp')).toBeNull();
    expect(owners.claim('p', 'vendor')).toBe('corp');
    expect(owners.ownerOf('p')).toBe('corp');
  });

  test('is not given away when a hub forgets it, but when the operator took it out of the list', () => {
    const owners = new PathOwners();
    owners.claim('p', 'corp');
    owners.leave('p', 'corp', false);
    expect(owners.claim('p', 'vendor')).toBe('corp');
    owners.leave('p', 'vendor', true);
    expect(owners.claim('p', 'vendor')).toBe('corp');
    owners.leave('p', 'corp', true);
    expect(owners.claim('p', 'vendor')).toBeNull();
    expect(owners.claim('p', 'corp')).toBe('vendor');
  });
});
