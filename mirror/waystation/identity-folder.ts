import { createPrivateKey, X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { digestOf, hexOf } from '../../base/digest.ts';
import { systemCode, WaystationError } from '../../base/errors.ts';
import { assignmentAnswer } from '../../protocol/assignment.ts';
import type { AssignmentAnswer } from '../../protocol/assignment.ts';
import { popUri } from '../../protocol/registration.ts';
import { publicKeys } from '../../protocol/signed.ts';
import { newKey } from './certificate-request.ts';
import { makePrivateFolder, moveDurably, ownerOf, readIfThere, writeDurably } from './durable-file.ts';
import type { Owner } from './durable-file.ts';
import { nothingSeen, seenFile } from './seen.ts';
import type { Seen } from './seen.ts';

const hubFile = z.object({
  format: z.literal(1),
  url: z.string(),
  id: z.string(),
  name: z.string(),
  /** Id of the token of the registration. */
  token: z.string(),
  /** RFC 3339, by the hub's clock: when the certificate came. */
  issued: z.iso.datetime(),
  /** By which the hub signs. */
  keys: publicKeys,
  /** The life of the hub's store that is believed; null: none was seen yet. */
  epoch: z.int().min(1).nullable(),
});

/** Who this PoP is at a hub, and how it knows the hub. */
export interface PopIdentity extends z.output<typeof hubFile> {
  /** PEM. */
  readonly key: string;
  readonly certificate: string;
  /** Of the hub: it alone is trusted. */
  readonly authority: string;
}

const names = {
  hub: 'hub.json',
  key: 'key.pem',
  nextKey: 'key.next.pem',
  certificate: 'certificate.pem',
  authority: 'authority.pem',
  seen: 'seen.json',
  assignment: 'assignment.json',
} as const;

/**
 * The folder of what one hub gave this PoP: `docs/on-disk-format.md`. A new key is there before it is asked a certificate
 * for, so that a question whose answer was lost can be asked again; key and certificate change together, whatever is cut off.
 */
export class IdentityFolder {
  readonly path: string;
  readonly #state: string;
  #owner: Owner | undefined;

  /** @param state the state directory. @param url any URL of the hub: its origin counts. */
  constructor(state: string, url: string) {
    this.#state = state;
    this.path = join(state, 'identity', hexOf(digestOf(new URL(url).origin)).slice(0, 16));
  }

  /** null: there is none. @throws WaystationError `secret_unreadable` when it cannot be used. */
  async load(): Promise<PopIdentity | null> {
    const [text, certificate, authority] = await Promise.all([
      this.#read('hub'),
      this.#read('certificate'),
      this.#read('authority'),
    ]);
    if (text === null || certificate === null || authority === null) return null;
    const hub = hubFile.safeParse(parsed(text));
    if (!hub.success) throw this.#broken(`${names.hub} is not readable`);
    // A registration that was cut off between the two files: the same token gets the same answer again.
    if (!isOf(certificate, hub.data.id)) return null;
    return { ...hub.data, certificate, authority, key: await this.#keyOf(certificate) };
  }

  /** Differs when what `load` gives may differ. */
  async stamp(): Promise<string> {
    const files = [names.hub, names.certificate].map(async (name) => {
      try {
        const { ino, mtimeNs, size } = await stat(join(this.path, name), { bigint: true });
        return `${ino} ${mtimeNs} ${size}`;
      } catch (error) {
        return systemCode(error) ?? 'unreadable';
      }
    });
    return (await Promise.all(files)).join(', ');
  }

  /** The key that a certificate is to be asked for: made, unless there is one for which none came. PEM. */
  async nextKey(): Promise<string> {
    const waiting = await this.#read('nextKey');
    if (waiting !== null) return waiting;
    const key = newKey();
    await this.#write('nextKey', key);
    return key;
  }

  /** Takes over an identity whose key is the one of `nextKey`. */
  async adopt(identity: PopIdentity): Promise<void> {
    const { authority, certificate } = identity;
    await this.#write('authority', authority);
    await this.update(identity);
    // From here on the certificate says which of the two keys counts.
    await this.#write('certificate', certificate);
    await this.#turn();
  }

  /** Writes down what is known of the hub; key and certificate stay. */
  async update(identity: PopIdentity): Promise<void> {
    await this.#write('hub', `${JSON.stringify(hubFile.parse(identity), null, 2)}\n`);
  }

  async seen(): Promise<Seen> {
    const text = await this.#read('seen');
    if (text === null) return nothingSeen;
    const seen = seenFile.safeParse(parsed(text));
    if (!seen.success) throw this.#broken(`${names.seen} is not readable: remove it only if the hub is the right one`);
    return seen.data;
  }

  async keepSeen(seen: Seen): Promise<void> {
    await this.#write('seen', `${JSON.stringify(seen, null, 2)}\n`);
  }

  /** What was believed last; null: nothing, or it is not readable. */
  async assignment(): Promise<AssignmentAnswer | null> {
    const text = await this.#read('assignment');
    const answer = assignmentAnswer.safeParse(text === null ? null : parsed(text));
    return answer.success ? answer.data : null;
  }

  async keepAssignment(answer: AssignmentAnswer): Promise<void> {
    await this.#write('assignment', `${JSON.stringify(answer)}\n`);
  }

  /** The key of a certificate. What a cut-off change left is brought to its end. */
  async #keyOf(certificate: string): Promise<string> {
    const [key, next] = [await this.#read('key'), await this.#read('nextKey')];
    if (key !== null && belong(certificate, key)) return key;
    if (next === null || !belong(certificate, next))
      throw this.#broken(`${names.key} is not the key of the certificate`);
    await this.#turn();
    return next;
  }

  async #turn(): Promise<void> {
    await moveDurably(join(this.path, names.nextKey), join(this.path, names.key));
  }

  #read(name: keyof typeof names): Promise<string | null> {
    return readIfThere(join(this.path, names[name]));
  }

  async #write(name: keyof typeof names, text: string): Promise<void> {
    if (this.#owner === undefined) {
      await makePrivateFolder(this.#state, null);
      this.#owner = await ownerOf(this.#state);
      await makePrivateFolder(this.path, this.#owner);
    }
    await writeDurably(join(this.path, names[name]), text, this.#owner);
  }

  #broken(why: string): WaystationError {
    return new WaystationError('secret_unreadable', `the identity in ${this.path} cannot be used: ${why}`);
  }
}

function isOf(certificate: string, id: string): boolean {
  try {
    return (new X509Certificate(certificate).subjectAltName ?? '').includes(popUri(id));
  } catch {
    return false;
  }
}

function belong(certificate: string, key: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
