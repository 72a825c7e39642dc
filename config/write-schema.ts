import { writeFileSync } from 'node:fs';
import { configJsonSchemaText } from './json-schema.ts';

// Renews docs/config.schema.json after a change of the schema; a test compares the two.
writeFileSync(new URL('../docs/config.schema.json', import.meta.url), configJsonSchemaText());
