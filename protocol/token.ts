import { z } from 'zod';
import { WaystationError } from '../base/errors.ts';

const content = z.object({
  /** Base URL of the hub, without a trailing `/`. */
  url: z.url({ protocol: /^https$/ }),
  /** sha256 of the hub's authority (DER), hex: who cannot show a chain to it is another hub. */
  ca: z.string().regex(/^[0-9a-f]{64}$/),
  id: z.string().regex(/^[0-9a-f]{16}$/),
  /** 256 random bits, base64url. The hub keeps a hash of it. */
  secret: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});

/** What a token says: where to register, how to know the right hub, and the right to do it. */
export type RegistrationToken = z.output<typeof content>;

const prefix = 'wst1_';

/** One line without spaces, to be pasted or kept in a file. */
export function tokenText(token: RegistrationToken): string {
  return prefix + Buffer.from(JSON.stringify(token)).toString('base64url');
}

/** @throws WaystationError `token_refused` when it is none. It is in no message. */
export function parseToken(text: string): RegistrationToken {
  try {
    const line = text.trim();
    if (!line.startsWith(prefix)) throw new Error(`it does not begin with ${prefix}`);
    return content.parse(JSON.parse(Buffer.from(line.slice(prefix.length), 'base64url').toString()));
  } catch {
    throw new WaystationError('token_refused', 'this is no token of a hub: `waystation hub token create` prints one');
  }
}
