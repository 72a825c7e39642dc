import * as z from 'zod';
import { schema } from './schema.ts';

/** The JSON Schema (2020-12) of the configuration file, for editors: what may be written, with defaults. */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' });
  return { $schema, title: 'waystation configuration', ...rest };
}

/** The text of `docs/config.schema.json`. */
export function configJsonSchemaText(): string {
  return `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
}
