import { hubApi } from './app.ts';

/** The OpenAPI document of the API, as it is now. */
export function apiDocumentText(): string {
  const unused = (): never => {
    throw new Error('nobody asks');
  };
  const log = { debug: unused, info: unused, warn: unused, error: unused, child: unused };
  const app = hubApi({ control: unused, identify: unused, trusted: null, log });
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'waystation hub',
      version: '1',
      description: 'What operators see of a hub, and do to it. Errors are application/problem+json (docs/errors.md).',
    },
  });
  return `${JSON.stringify(document, null, 2)}\n`;
}
