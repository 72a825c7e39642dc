import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { configJsonSchema, configJsonSchemaText } from '../../config/json-schema.ts';

const docs = new URL('../../docs/', import.meta.url);

test('docs/config.schema.json is what the schema says now', () => {
  expect(readFileSync(new URL('config.schema.json', docs), 'utf8')).toBe(configJsonSchemaText());
});

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
  readonly default?: unknown;
  readonly additionalProperties?: unknown;
}

/** Every key of the schema as a dotted path, lists left out, with its default. */
function keysOf(node: Node, path = ''): [key: string, fallback: unknown][] {
  const own = Object.entries(node.properties ?? {}).flatMap(([name, child]): [string, unknown][] => {
    const key = path === '' ? name : `${path}.${name}`;
    return [[key, child.default], ...keysOf(child, key)];
  });
  const parts = [...(node.anyOf ?? []), ...(node.oneOf ?? []), ...(node.items === undefined ? [] : [node.items])];
  return [...own, ...parts.flatMap((part) => keysOf(part, path))];
}

const keys = new Map(keysOf(configJsonSchema()));

test('every map with known keys refuses others', () => {
  const text = configJsonSchemaText();
  const sections = text.match(/"properties": \{\n/g) ?? [];
  expect(sections.length).toBeGreaterThan(15);
  expect(text.match(/"additionalProperties": false/g)).toHaveLength(sections.length);
});

test('docs/configuration.md explains every key that stands for a value, with its default', () => {
  const rows = readFileSync(new URL('configuration.md', docs), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('|'));
  const leaves = [...keys].filter(([key]) => ![...keys.keys()].some((other) => other.startsWith(`${key}.`)));
  expect(leaves.length).toBeGreaterThan(50);
  const unexplained = leaves.filter(([key, fallback]) => {
    // The tables say once what is above all of their keys.
    const name = key
      .replace(/^subscriptions\.(repositories\.)?/, '')
      .replace(/^hub\.(?!type$|url$|domain$|tokenFile$|name$)/, '');
    const shown = typeof fallback === 'string' && fallback !== '' ? `\`${fallback}\`` : '';
    return !rows.some((line) => line.replaceAll('[]', '').includes(`\`${name}\``) && line.includes(shown));
  });
  expect(unexplained.map(([key]) => key)).toEqual([]);
});
