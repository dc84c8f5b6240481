import type { CacheApiLike, KvNamespaceLike } from 'tiercel/edge';

interface Value {
  readonly bytes: Uint8Array;
  readonly expires: number;
  /** Of all that was written, so that no place goes back to what was before. */
  readonly sequence?: number;
}

/**
 * Workers KV as it is documented: what is written is there at once where it was written, and elsewhere when it has spread. It
 * keeps to the limits, and fails where KV does.
 */
export class KvWorld {
  /** What each place sees, by key. */
  readonly places = new Map<string, Map<string, Value>>();
  readonly calls = { get: 0, put: 0 };
  /** Writes that some places have not seen yet, in the order in which KV took them. */
  #spreading: { readonly key: string; readonly value: Value; readonly unseen: Set<string> }[] = [];
  readonly #now: () => number;
  #sequence = 0;
  /** What a call waits for, if anything. */
  delay: (operation: 'get' | 'put', key: string) => Promise<void> | undefined = () => undefined;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  at(place: string): KvNamespaceLike {
    const seen = this.places.get(place) ?? new Map<string, Value>();
    this.places.set(place, seen);
    const check = (key: string) => {
      if (key === '' || key === '.' || key === '..' || Buffer.byteLength(key) > 512) throw new Error('KV failed: 414');
    };
    return {
      get: async (key) => {
        this.calls.get++;
        check(key);
        await this.delay('get', key);
        const value = seen.get(key);
        if (value === undefined || value.expires <= this.#now()) return null;
        return value.bytes.slice().buffer as ArrayBuffer;
      },
      put: async (key, bytes, { expirationTtl }) => {
        this.calls.put++;
        check(key);
        if (expirationTtl < 60 || !Number.isInteger(expirationTtl)) throw new Error('KV PUT failed: 400');
        if (bytes.length > 25 * 2 ** 20) throw new Error('KV PUT failed: 413');
        const value = { bytes: bytes.slice(), expires: this.#now() + expirationTtl * 1000, sequence: 0 };
        await this.delay('put', key);
        value.sequence = ++this.#sequence;
        seen.set(key, value);
        const unseen = new Set([...this.places.keys()].filter((other) => other !== place));
        this.#spreading.push({ key, value, unseen });
      },
    };
  }

  /** Has one place see a write, of any key. Whether there was any. */
  spread(choose: (count: number) => number): boolean {
    const all = this.#spreading.flatMap((write) => [...write.unseen].map((place) => ({ write, place })));
    const next = all[choose(all.length)];
    if (next === undefined) return false;
    const { write, place } = next;
    write.unseen.delete(place);
    const seen = this.places.get(place) as Map<string, Value>;
    if ((seen.get(write.key)?.sequence ?? 0) < (write.value.sequence ?? 0)) seen.set(write.key, write.value);
    this.#spreading = this.#spreading.filter(({ unseen }) => unseen.size > 0);
    return true;
  }

  settle(): void {
    while (this.spread(() => 0));
  }

  /** What one place has under a name that begins so. */
  names(place: string, begin = ''): string[] {
    return [...(this.places.get(place)?.keys() ?? [])].filter((name) => name.startsWith(begin));
  }
}

/** A cache of the Cache API, which keeps to `max-age`. */
export class FakeCacheApi implements CacheApiLike {
  readonly responses = new Map<string, { readonly bytes: Uint8Array; readonly expires: number }>();
  readonly calls = { match: 0, put: 0 };
  readonly #now: () => number;
  delay: (operation: 'match' | 'put', url: string) => Promise<void> | undefined = () => undefined;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  async match(url: string): Promise<Response | undefined> {
    this.calls.match++;
    await this.delay('match', url);
    const found = this.responses.get(new URL(url).href);
    if (found === undefined || found.expires <= this.#now()) return undefined;
    return new Response(found.bytes.slice());
  }

  async put(url: string, response: Response): Promise<void> {
    this.calls.put++;
    const age = /^max-age=(\d+)$/.exec(response.headers.get('Cache-Control') ?? '')?.[1];
    if (age === undefined) throw new TypeError('no max-age');
    await this.delay('put', url);
    const bytes = new Uint8Array(await response.arrayBuffer());
    this.responses.set(new URL(url).href, { bytes, expires: this.#now() + Number(age) * 1000 });
  }
}
