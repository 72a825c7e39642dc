/**
 * The second defence against secrets in the log: the first is that nobody puts them into a field or a message.
 * Values of fields with a telling name, user info of URLs and authorization schemes are blanked.
 */
const secretName = /passw|passphrase|secret|token|authorization|cookie|credential|private.?key|entitlement/i;
/** A path or a URL of a secret is not the secret: operators need it in messages. */
const locationName = /(file|path|url|name)$/i;
const blank = '[redacted]';
const deepest = 6;

/** The text without user info in URLs and without what follows an authorization scheme. */
export function redactedText(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@]*@/gi, `$1${blank}@`)
    .replace(/\b(basic|bearer)\s+[a-z0-9._~+/-]{6,}=*/gi, `$1 ${blank}`);
}

/** A copy of log fields that is safe to write. Errors become plain objects with code, message, stack and cause. */
export function redacted(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactedText(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? String(value) : value;
  if (depth > deepest) return '[deeper]';
  if (value instanceof Error) return redactedError(value, depth);
  if (value instanceof Date || value instanceof URL)
    return redactedText(value instanceof URL ? value.href : value.toJSON());
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Map || isHeaders(value)) return redacted(Object.fromEntries(value), depth);
  if (value instanceof Set) return redacted([...value], depth);
  if (Array.isArray(value)) return value.map((item) => redacted(item, depth + 1));
  const copy: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value))
    copy[name] = secretName.test(name) && !locationName.test(name) ? blank : redacted(field, depth + 1);
  return copy;
}

/** Those of fetch. Their class is not named here: naming it has Node load the whole of fetch. */
function isHeaders(value: object): value is Headers {
  return Object.prototype.toString.call(value) === '[object Headers]';
}

function redactedError(error: Error, depth: number): object {
  const code = 'code' in error ? { code: error.code } : {};
  const cause = error.cause === undefined ? {} : { cause: redacted(error.cause, depth + 1) };
  return {
    name: error.name,
    ...code,
    message: redactedText(error.message),
    stack: redactedText(error.stack ?? ''),
    ...cause,
  };
}
