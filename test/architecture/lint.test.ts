import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lintOverrides } from './lint-overrides.ts';
import { checkout } from './sources.ts';

const config = JSON.parse(readFileSync(join(checkout, '.oxlintrc.json'), 'utf8'));

test('the linter enforces the same import table as the house', () => {
  expect(config.overrides.filter(({ rules }: { rules: object }) => 'no-restricted-imports' in rules)).toEqual(
    lintOverrides(),
  );
});

test('floating promises are errors', () => {
  expect(config.options.typeAware).toBe(true);
  expect(config.rules['typescript/no-floating-promises']).toBe('error');
});
