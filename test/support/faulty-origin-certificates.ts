import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

async function openssl(words: string, options: Readonly<Record<string, string>>): Promise<void> {
  await run('openssl', [...words.split(' '), ...Object.entries(options).flat()]);
}

export interface KeyPair {
  /** PEM. */
  readonly key: string;
  readonly cert: string;
}

/** A throw-away CA that issues certificates through the `openssl` command (P-256, one day). */
export class CertificateAuthority implements AsyncDisposable {
  /** PEM of the CA's certificate. */
  readonly cert: string;
  readonly #directory: string;
  #issued = 0;

  static async create(): Promise<CertificateAuthority> {
    const directory = await mkdtemp(join(tmpdir(), 'test-ca-'));
    await openssl('req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1', {
      '-subj': '/CN=Test CA',
      '-keyout': join(directory, 'ca.key'),
      '-out': join(directory, 'ca.crt'),
    });
    return new CertificateAuthority(directory, await readFile(join(directory, 'ca.crt'), 'utf8'));
  }

  private constructor(directory: string, cert: string) {
    this.#directory = directory;
    this.cert = cert;
  }

  /** @param names subject alternative names as openssl has them: `IP:127.0.0.1`, `DNS:origin.test`. */
  async issue(commonName: string, names: readonly string[] = ['IP:127.0.0.1', 'DNS:localhost']): Promise<KeyPair> {
    const base = join(this.#directory, String(this.#issued++));
    await writeFile(`${base}.ext`, `subjectAltName=${names.join(',')}\n`);
    await openssl('req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes', {
      '-subj': `/CN=${commonName}`,
      '-keyout': `${base}.key`,
      '-out': `${base}.csr`,
    });
    await openssl('x509 -req -days 1 -CAcreateserial', {
      '-in': `${base}.csr`,
      '-extfile': `${base}.ext`,
      '-CA': join(this.#directory, 'ca.crt'),
      '-CAkey': join(this.#directory, 'ca.key'),
      '-out': `${base}.crt`,
    });
    return { key: await readFile(`${base}.key`, 'utf8'), cert: await readFile(`${base}.crt`, 'utf8') };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}
