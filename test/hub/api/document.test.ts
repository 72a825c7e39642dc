import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { operations } from '../../../hub/api/app.ts';
import { apiDocumentText } from '../../../hub/api/document.ts';

test('docs/hub-api.json is what the API is now', () => {
  const file = new URL('../../../docs/hub-api.json', import.meta.url);
  // `npm run schema` renews it.
  expect(readFileSync(file, 'utf8')).toBe(apiDocumentText());
});

test('the document has every operation, with the role that it takes', () => {
  const { paths } = JSON.parse(apiDocumentText()) as { paths: Record<string, Record<string, object>> };
  for (const { path, method, id, role } of operations)
    expect(paths[`/api/v1${path}`]?.[method]).toMatchObject({ operationId: id, description: `Role: ${role}` });
  expect(Object.values(paths).flatMap(Object.keys)).toHaveLength(operations.length);
});

test('nobody changes anything with the role viewer, and only channels, notes and reports with publisher', () => {
  const changing = operations.filter(({ method }) => method !== 'get');
  expect(changing.filter(({ role }) => role === 'viewer')).toEqual([]);
  const byPublisher = changing.filter(({ role }) => role === 'publisher').map(({ id }) => id);
  expect(byPublisher).toEqual(['promote', 'rollback', 'addNote', 'checkSnapshot']);
});
