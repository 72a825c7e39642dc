/** Twelve bits of an entry: a PoP has a few scopes, and one more for each repository that md5 or sha1 lists. */
const mostScopes = 4096;

/** Short numbers for the names of scopes; of this process only. */
export class ScopeNumbers {
  readonly #numbers = new Map<string, number>();
  readonly #names: string[] = [];

  /** By number. */
  get names(): readonly string[] {
    return this.#names;
  }

  known(scope: string): number | null {
    return this.#numbers.get(scope) ?? null;
  }

  /** @returns null when there are no numbers left: what such a scope holds is served, but never evicted. */
  numberOf(scope: string): number | null {
    const known = this.#numbers.get(scope);
    if (known !== undefined) return known;
    const number = this.#names.length;
    if (number === mostScopes) return null;
    this.#names.push(scope);
    this.#numbers.set(scope, number);
    return number;
  }
}
