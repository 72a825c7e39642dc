import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { WaystationError } from '../../base/errors.ts';
import type { KeyFolder } from './key-folder.ts';
import { certificateKeys, cryptoKeys, newKey, publicHalf, serialNumber, x509 } from './x509.ts';

const day = 24 * 60 * 60_000;
/** Clocks of PoPs may be behind: a certificate counts from a day before it was made. */
const skew = day;
const authorityLife = 20 * 365 * day;

/** A certificate and its key, as PEM. */
export interface CertificateAndKey {
  readonly certificate: string;
  readonly key: string;
}

/** What a certificate is made for. Times in milliseconds since the epoch. */
export interface CertificateRequest {
  /** The public key, as SubjectPublicKeyInfo (DER). */
  readonly publicKey: Buffer;
  readonly commonName: string;
  /** Host names and addresses of a server; or `urn:` names of a client. */
  readonly names: readonly { readonly type: 'dns' | 'ip' | 'url'; readonly value: string }[];
  readonly use: 'server' | 'client';
  readonly from: number;
  readonly until: number;
}

/** The hub's own certificate authority: PoPs trust it, and it alone says who is one. */
export class Authority {
  readonly certificate: string;
  readonly #key: string;

  private constructor(certificate: string, key: string) {
    this.certificate = certificate;
    this.#key = key;
  }

  /** Makes key and certificate where there are none. @param name for people: the host of the hub. */
  static async make(folder: KeyFolder, name: string, now: number): Promise<Authority> {
    const { X509CertificateGenerator, BasicConstraintsExtension, KeyUsagesExtension, KeyUsageFlags } = await x509();
    const key = await folder.make('ca.key', newKey());
    const keys = await cryptoKeys(key);
    const certificate = await X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      name: [{ CN: [`waystation hub ${name}`] }],
      notBefore: new Date(now - skew),
      notAfter: new Date(now + authorityLife),
      signingAlgorithm: certificateKeys,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    });
    await folder.make('ca.crt', `${certificate.toString('pem')}\n`);
    return Authority.open(folder);
  }

  /** @throws WaystationError `secret_unreadable` when there is none, or certificate and key are not each other's. */
  static async open(folder: KeyFolder): Promise<Authority> {
    const [certificate, key] = [await folder.need('ca.crt'), await folder.need('ca.key')];
    if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) {
      throw new WaystationError('secret_unreadable', `${folder.path}: ca.key is not the key of ca.crt`);
    }
    return new Authority(certificate, key);
  }

  /** sha256 of the certificate (DER), hex: by this a PoP knows the hub before it trusts it. */
  get fingerprint(): string {
    return createHash('sha256').update(new X509Certificate(this.certificate).raw).digest('hex');
  }

  /** @returns a certificate, as PEM. */
  async issue({ publicKey, commonName, names, use, from, until }: CertificateRequest): Promise<string> {
    const library = await x509();
    const { X509CertificateGenerator, BasicConstraintsExtension, KeyUsagesExtension, KeyUsageFlags } = library;
    const purpose = library.ExtendedKeyUsage[use === 'server' ? 'serverAuth' : 'clientAuth'];
    const own = new library.X509Certificate(this.certificate);
    const certificate = await X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: [{ CN: [commonName] }],
      issuer: own.subject,
      notBefore: new Date(from - skew),
      notAfter: new Date(until),
      signingAlgorithm: certificateKeys,
      publicKey: new library.PublicKey(publicKey),
      signingKey: (await cryptoKeys(this.#key)).privateKey,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new library.ExtendedKeyUsageExtension([purpose]),
        new library.SubjectAlternativeNameExtension(names.map(({ type, value }) => ({ type, value }))),
        await library.AuthorityKeyIdentifierExtension.create(own),
      ],
    });
    return `${certificate.toString('pem')}\n`;
  }

  /** A new key and a certificate for a server of this host. */
  async issueServer(host: string, life: { readonly from: number; readonly until: number }): Promise<CertificateAndKey> {
    const key = newKey();
    const bare = host.replace(/^\[|\]$/g, '');
    const names = [{ type: isIP(bare) === 0 ? ('dns' as const) : ('ip' as const), value: bare }];
    const certificate = await this.issue({
      publicKey: publicHalf(key),
      commonName: bare,
      names,
      use: 'server',
      ...life,
    });
    return { certificate, key };
  }
}
