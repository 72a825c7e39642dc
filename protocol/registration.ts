import { z } from 'zod';
import { publicKeys } from './signed.ts';

/** Certificate signing request (PKCS #10, RFC 2986), as PEM. Its subject is not looked at: the hub says who one is. */
const csr = z.string().min(1).max(16_384);
/** PEM. */
const certificate = z.string().min(1).max(65_536);

/** Names of PoPs: parts of keys, URLs and labels of metrics. */
export const popName = z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/);

/** Body of `POST /v1/registrations`. */
export const registrationRequest = z.object({
  token: z.string().min(1).max(4_096),
  csr,
  /** How the PoP would like to be called, its host name unless it is configured. */
  name: popName,
});

export type RegistrationRequest = z.output<typeof registrationRequest>;

/** Body of `POST /v1/renewals`, by whom the certificate of the connection names. */
export const renewalRequest = z.object({ csr });

/** Answer of both: who the PoP is from now on. */
export const popCredentials = z.object({
  pop: z.object({ id: z.uuid(), name: popName }),
  certificate,
  /** Of the hub's authority. */
  authority: certificate,
  /** The keys by which the hub signs. */
  keys: publicKeys,
});

export type PopCredentials = z.output<typeof popCredentials>;

/** The name of a PoP in its certificate: a subject alternative name of type URI. */
export const popUri = (id: string): string => `urn:waystation:pop:${id}`;
