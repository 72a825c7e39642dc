import { writeFileSync } from 'node:fs';
import { apiDocumentText } from './document.ts';

// Renews docs/hub-api.json after a change of the API; a test compares the two.
writeFileSync(new URL('../../docs/hub-api.json', import.meta.url), apiDocumentText());
