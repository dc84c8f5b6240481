import type { Entry } from 'tiercel';

interface Held {
  value: string;
  tags: string[];
  /** Its tags, the keys that it depends on, and what came with those: whatever invalidates one of them takes it too. */
  names: Set<string>;
  freshUntil: number;
  stale: number;
}

const asTag = (tag: string) => `tag ${tag}`;
const asDependency = (key: string) => `key ${key}`;

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

  private left({ freshUntil }: Held): number {
    return freshUntil - this.now();
  }

  private until(ttl: number): number {
    return ttl === 0 ? Number.POSITIVE_INFINITY : this.now() + ttl;
  }

  /** Removes the entries of a namespace that `hit` says; returns how many. */
  private remove(namespace: readonly string[], hit: (key: string, held: Held) => boolean): number {
    const held = this.in(namespace);
    const gone = this.keys(namespace).filter((key) => hit(key, held.get(key) as Held));
    for (const key of gone) held.delete(key);
    return gone.length;
  }

  private changed(namespace: readonly string[], key: string): number {
    return this.remove(namespace, (_, { names }) => names.has(asDependency(key)));
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
    options: { ttl?: number; stale?: number; tags?: string[]; dependsOn?: string[] },
  ): void {
    const { ttl = this.ttlByDefault, stale = 0, tags = [], dependsOn = [] } = options;
    const names = new Set([...tags.map(asTag), ...dependsOn.map(asDependency)]);
    for (const other of dependsOn) for (const name of this.alive(namespace, other)?.names ?? []) names.add(name);
    names.delete(asDependency(key));
    this.in(namespace).delete(key);
    this.changed(namespace, key);
    this.in(namespace).set(key, { value, tags, names, freshUntil: this.until(ttl), stale });
    this.counts.sets++;
  }

  touch(namespace: readonly string[], key: string, ttl: number): boolean {
    const held = this.alive(namespace, key);
    if (held !== undefined) held.freshUntil = this.until(ttl);
    return held !== undefined;
  }

  extendTtl(namespace: readonly string[], key: string, by: number): boolean {
    const held = this.alive(namespace, key);
    if (held !== undefined) held.freshUntil += by;
    return held !== undefined;
  }

  expire(namespace: readonly string[], key: string): boolean {
    const held = this.alive(namespace, key);
    if (held !== undefined && this.left(held) > 0) {
      held.stale += this.left(held);
      held.freshUntil = this.now();
    }
    return held !== undefined;
  }

  addTags(namespace: readonly string[], key: string, tags: readonly string[]): boolean {
    const held = this.alive(namespace, key);
    if (held === undefined) return false;
    // What depends on it came without the new ones.
    if (tags.some((tag) => !held.names.has(asTag(tag)))) this.changed(namespace, key);
    held.tags = [...new Set([...held.tags, ...tags])];
    for (const tag of tags) held.names.add(asTag(tag));
    return true;
  }

  delete(namespace: readonly string[], key: string): boolean {
    return this.deleteWithDependents(namespace, key).found;
  }

  deleteWithDependents(namespace: readonly string[], key: string): { found: boolean; count: number } {
    const found = this.alive(namespace, key) !== undefined && this.in(namespace).delete(key);
    return { found, count: (found ? 1 : 0) + this.changed(namespace, key) };
  }

  invalidateTags(namespace: readonly string[], tags: readonly string[]): number {
    return this.remove(namespace, (_, { names }) => tags.some((tag) => names.has(asTag(tag))));
  }

  /** By a prefix or a pattern: what has such a key, or depends on one. */
  invalidateKeys(namespace: readonly string[], matches: (key: string) => boolean): number {
    const prefix = asDependency('');
    const depends = (name: string) => name.startsWith(prefix) && matches(name.slice(prefix.length));
    return this.remove(namespace, (key, { names }) => matches(key) || [...names].some(depends));
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
