import type { Entry } from 'tiercel';

interface Held {
  value: string;
  tags: string[];
  ttl: number;
  stale: number;
  setAt: number;
}

/** Counts that the statistics of a cache must agree with. */
export interface Counts {
  hits: number;
  staleHits: number;
  misses: number;
  sets: number;
}

/**
 * What a cache does, said as plainly as possible: a Map for each namespace and no bounds. `a namespace`
 * is the list of its parts as JSON; those below it begin with the same parts.
 */
export class Model {
  readonly counts: Counts = { hits: 0, staleHits: 0, misses: 0, sets: 0 };
  private readonly namespaces = new Map<string, Map<string, Held>>();
  private latest = 0;

  constructor(
    private readonly clock: () => number,
    private readonly ttlByDefault: number,
  ) {}

  /** A clock that steps back stands still. Each operation looks at it, as those of the cache do. */
  private now(): number {
    this.latest = Math.max(this.latest, this.clock());
    return this.latest;
  }

  private in(namespace: readonly string[]): Map<string, Held> {
    const name = JSON.stringify(namespace);
    const found = this.namespaces.get(name) ?? new Map<string, Held>();
    this.namespaces.set(name, found);
    return found;
  }

  private left({ ttl, setAt }: Held): number {
    return ttl === 0 ? Number.POSITIVE_INFINITY : setAt + ttl - this.now();
  }

  private alive(namespace: readonly string[], key: string): Held | undefined {
    this.now();
    const held = this.in(namespace).get(key);
    if (held === undefined || this.left(held) > 0 || this.left(held) + held.stale > 0) return held;
    this.in(namespace).delete(key);
    return undefined;
  }

  private fresh(namespace: readonly string[], key: string): Held | undefined {
    const held = this.alive(namespace, key);
    return held !== undefined && this.left(held) > 0 ? held : undefined;
  }

  get(namespace: readonly string[], key: string): string | undefined {
    const value = this.peek(namespace, key);
    if (value === undefined) this.counts.misses++;
    else this.counts.hits++;
    return value;
  }

  peek(namespace: readonly string[], key: string): string | undefined {
    return this.fresh(namespace, key)?.value;
  }

  getEntry(namespace: readonly string[], key: string): Entry<string> | undefined {
    const held = this.alive(namespace, key);
    if (held === undefined) {
      this.counts.misses++;
      return undefined;
    }
    const ttl = this.left(held);
    if (ttl > 0) this.counts.hits++;
    else this.counts.staleHits++;
    return { value: held.value, stale: ttl <= 0, ttl, tags: held.tags };
  }

  ttl(namespace: readonly string[], key: string): number | undefined {
    const held = this.alive(namespace, key);
    return held === undefined ? undefined : this.left(held);
  }

  set(
    namespace: readonly string[],
    key: string,
    value: string,
    options: { ttl?: number; stale?: number; tags?: string[] },
  ): void {
    const { ttl = this.ttlByDefault, stale = 0, tags = [] } = options;
    this.in(namespace).set(key, { value, tags, ttl, stale, setAt: this.now() });
    this.counts.sets++;
  }

  touch(namespace: readonly string[], key: string, ttl: number): boolean {
    const held = this.alive(namespace, key);
    if (held !== undefined) Object.assign(held, { ttl, setAt: this.now() });
    return held !== undefined;
  }

  delete(namespace: readonly string[], key: string): boolean {
    return this.alive(namespace, key) !== undefined && this.in(namespace).delete(key);
  }

  invalidateTags(namespace: readonly string[], tags: readonly string[]): number {
    const hit = this.keys(namespace).filter((key) =>
      this.in(namespace)
        .get(key)
        ?.tags.some((t) => tags.includes(t)),
    );
    for (const key of hit) this.in(namespace).delete(key);
    return hit.length;
  }

  clear(namespace: readonly string[]): number {
    let count = 0;
    for (const name of this.namespaces.keys()) {
      const parts = JSON.parse(name) as string[];
      if (!namespace.every((part, i) => part === parts[i])) continue;
      count += this.keys(parts).length;
      this.in(parts).clear();
    }
    return count;
  }

  /** Of the entries that may be served, stale ones too. */
  keys(namespace: readonly string[]): string[] {
    this.now();
    return [...this.in(namespace).keys()].filter((key) => this.alive(namespace, key) !== undefined);
  }

  /** Forgets what a bounded cache has evicted: the keys that it does not hold any more. */
  keepOnly(namespace: readonly string[], keys: ReadonlySet<string>): void {
    for (const key of this.keys(namespace)) if (!keys.has(key)) this.in(namespace).delete(key);
  }
}
