import type { Identity } from './identity.ts';

/** PEM texts of one moment. */
export interface Material {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

/** Whether nothing of it comes from files, which may change. */
export function isFixed({ ca, cert, key }: Identity['tls']): boolean {
  return ca === null && cert === null && key === null;
}

/**
 * All at once: a certificate and its key that are replaced together are read together.
 * @throws WaystationError `secret_unreadable`
 */
export async function readMaterial(tls: Identity['tls']): Promise<Material> {
  const read = async (secret: (() => Promise<string>) | null): Promise<string | null> => (await secret?.()) ?? null;
  const [ca, cert, key] = await Promise.all([read(tls.ca), read(tls.cert), read(tls.key)]);
  return { ca, cert, key };
}

export function sameMaterial(one: Material, other: Material): boolean {
  return one.ca === other.ca && one.cert === other.cert && one.key === other.key;
}

/** As `node:tls` takes it. */
export function tlsOptions({ ca, cert, key }: Material): { ca?: string; cert?: string; key?: string } {
  return { ...(ca === null ? {} : { ca }), ...(cert === null ? {} : { cert }), ...(key === null ? {} : { key }) };
}
