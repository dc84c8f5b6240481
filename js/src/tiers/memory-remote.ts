import type { Milliseconds } from '../duration.js';
import { TiercelError } from '../errors.js';
import { platformClock } from '../memory/clock.js';
import { insideOf } from '../memory/inside.js';
import { MemoryCache } from '../memory/memory-cache.js';
import { type Change, placeId } from './change.js';
import { Locks } from './locks.js';
import type {
  RemoteCall,
  RemoteEntry,
  RemoteFound,
  RemoteLock,
  RemoteLockRequest,
  RemotePlace,
  RemoteRead,
  RemoteTier,
  RemoteTouch,
  RemoteWrite,
} from './remote.js';

export type RemoteOperation = 'read' | 'write' | 'change' | 'touch' | 'lock';

/** What goes wrong with a call. */
export interface RemoteFault {
  /** What passes before the call takes effect, and then before its answer is there: milliseconds, or a promise. */
  before?: Milliseconds | Promise<void>;
  after?: Milliseconds | Promise<void>;
  /** The call takes no effect and rejects with this. */
  error?: unknown;
  /** The call takes effect and rejects with this. */
  lost?: unknown;
}

interface Stored extends RemotePlace {
  readonly entry: RemoteEntry;
  freshUntil: Milliseconds;
  readonly stale: Milliseconds;
  /** The nonces of all scopes that it belongs to, as they were before its value was loaded. */
  readonly nonces: ReadonlyMap<string, number>;
}

interface Lease {
  readonly nonces: ReadonlyMap<string, number>;
  readonly sequence: number;
}

/** Most scopes of which the time of the last change is remembered. */
const MOST_CHANGES = 4096;

let epochs = 0;
/** Of this process alone, as the tier is; and not drawn, which Workers do not allow at module scope. */
const newEpoch = () => `epoch ${++epochs}`;

/**
 * A second tier in this process, for tests: several caches can share it, and what it does can be delayed or made to
 * fail. It works as one over a network must: a scope (a namespace, a tag, a key) has a *nonce*, a number that is new
 * whenever it is invalidated; an entry is right only as long as all of its nonces are there and the same. So whatever it
 * forgets may cost a miss, and no clock decides what is newer.
 */
export class MemoryRemote implements RemoteTier {
  readonly name = 'memory';
  /** Asked for each call what is to go wrong with it. */
  fault: ((operation: RemoteOperation, call: RemoteCall) => RemoteFault | undefined) | undefined;
  /** Calls of each kind, and the keys that were read. */
  readonly calls = { read: 0, write: 0, change: 0, touch: 0, lock: 0, keys: 0 };
  readonly #now: () => Milliseconds;
  readonly #locks: Locks;
  readonly #entries = new Map<string, Stored>();
  readonly #nonces = new Map<string, number>();
  readonly #changedAt = new Map<string, number>();
  /** What changed before this is not remembered any more. */
  #floor = 0;
  #sequence = 0;
  /** Writes and changes so far, since everything was forgotten. */
  #point = { epoch: newEpoch(), at: 0 };
  #globs: MemoryCache | undefined;

  constructor(now: () => Milliseconds = platformClock()) {
    this.#now = now;
    this.#locks = new Locks(now);
  }

  get size(): number {
    return this.#entries.size;
  }

  read(reads: readonly RemoteRead[], call: RemoteCall): Promise<RemoteFound[]> {
    this.calls.keys += reads.length;
    return this.#do('read', call, () => reads.map((read) => this.#read(read)));
  }

  write(writes: readonly RemoteWrite[], call: RemoteCall): Promise<boolean[]> {
    return this.#do('write', call, () => writes.map((write) => this.#write(write)));
  }

  change(changes: readonly Change[], call: RemoteCall): Promise<number[]> {
    return this.#do('change', call, () => changes.map((change) => this.#change(change)));
  }

  touch(touches: readonly RemoteTouch[], call: RemoteCall): Promise<boolean[]> {
    return this.#do('touch', call, () =>
      touches.map(({ namespace, key, ttl }) => {
        const stored = this.#find(namespace, key);
        if (stored !== undefined) stored.freshUntil = this.#now() + (ttl === 0 ? Number.POSITIVE_INFINITY : ttl);
        return stored !== undefined;
      }),
    );
  }

  async lock(request: RemoteLockRequest, call: RemoteCall): Promise<RemoteLock | undefined> {
    await this.#do('lock', call, () => undefined);
    return this.#locks.acquire(placeId(request.namespace, request.key), request.ttl, request.wait, call.signal);
  }

  /** Forgets everything, as a server that starts empty does. */
  wipe(): void {
    this.#entries.clear();
    this.#nonces.clear();
    this.#changedAt.clear();
    this.#floor = ++this.#sequence;
    this.#point = { epoch: newEpoch(), at: 0 };
  }

  // ---- Calls

  async #do<T>(operation: RemoteOperation, call: RemoteCall, effect: () => T): Promise<T> {
    this.calls[operation]++;
    const { before, after, error, lost } = this.fault?.(operation, call) ?? {};
    if (before !== undefined) await pause(before);
    if (error !== undefined) throw error;
    const result = effect();
    if (operation === 'write' || operation === 'change') this.#point = { ...this.#point, at: this.#point.at + 1 };
    const point = this.#point;
    if (after !== undefined) await pause(after);
    if (lost !== undefined) throw lost;
    call.ordered?.(point);
    return result;
  }

  #read({ namespace, key, lease, tags, dependsOn }: RemoteRead): RemoteFound {
    const stored = this.#find(namespace, key);
    const entry = stored && {
      ...stored.entry,
      value: structuredClone(stored.entry.value),
      ttl: stored.freshUntil - this.#now(),
    };
    if (!lease) return { entry };
    const nonces = this.#noncesOf(namespace, [
      keyScope(namespace, key),
      expiryScope(namespace, key),
      patternScope(namespace),
      ...namesOf(namespace, tags, dependsOn),
    ]);
    return { entry, lease: { nonces, sequence: ++this.#sequence } satisfies Lease };
  }

  #write({ namespace, key, entry, lease }: RemoteWrite): boolean {
    const { tags, dependsOn, ttl, stale } = entry;
    const copy = copyOf(entry.value);
    const names = namesOf(namespace, tags, dependsOn);
    if (lease !== undefined && !this.#holds(lease as Lease, names)) return false;
    const nonces = new Map(this.#noncesOf(namespace, names));
    // What invalidates an entry that it was made from invalidates it as well.
    for (const other of dependsOn)
      for (const [scope, nonce] of this.#find(namespace, other)?.nonces ?? []) nonces.set(scope, nonce);
    // To what depends on the key, and to loads of it that are under way, it is another value.
    this.#renew(keyScope(namespace, key));
    this.#entries.set(placeId(namespace, key), {
      namespace,
      key,
      entry: { ...entry, value: copy },
      freshUntil: this.#now() + ttl,
      stale,
      nonces,
    });
    return true;
  }

  #change(change: Change): number {
    const { namespace } = change;
    switch (change.kind) {
      case 'set':
      case 'delete': {
        const was = this.#find(namespace, change.key) !== undefined;
        this.#entries.delete(placeId(namespace, change.key));
        this.#renew(keyScope(namespace, change.key));
        return Number(was);
      }
      case 'expire': {
        const stored = this.#find(namespace, change.key);
        // What a load under way has read is just as old.
        this.#renew(expiryScope(namespace, change.key));
        if (stored !== undefined) stored.freshUntil = Math.min(stored.freshUntil, this.#now());
        return Number(stored !== undefined);
      }
      case 'tags':
        return this.#counting(() => {
          for (const tag of change.tags) this.#renew(tagScope(namespace, tag));
        });
      case 'prefix':
        return this.#counting(() => this.#renewKeys(namespace, (key) => key.startsWith(change.prefix)));
      case 'pattern':
        return this.#counting(() => this.#renewKeys(namespace, (key) => this.#matches(change.pattern, key)));
      case 'clear':
        return this.#counting(() => this.#renew(namespaceScope(namespace)));
    }
  }

  // ---- Nonces

  /** What is under a key and may still be served. */
  #find(namespace: readonly string[], key: string): Stored | undefined {
    const id = placeId(namespace, key);
    const stored = this.#entries.get(id);
    if (stored === undefined || (this.#isRight(stored) && this.#now() < stored.freshUntil + stored.stale))
      return stored;
    this.#entries.delete(id);
    return undefined;
  }

  #isRight({ nonces }: Pick<Stored, 'nonces'>): boolean {
    for (const [scope, nonce] of nonces) if (this.#nonces.get(scope) !== nonce) return false;
    return true;
  }

  /** Whether nothing that a lease covers was invalidated, nor any of the names that are only known now. */
  #holds(lease: Lease, names: readonly string[]): boolean {
    if (!this.#isRight(lease) || lease.sequence < this.#floor) return false;
    return names.every((scope) => lease.nonces.has(scope) || (this.#changedAt.get(scope) ?? 0) < lease.sequence);
  }

  /** Of a namespace, those above it, and other scopes. */
  #noncesOf(namespace: readonly string[], others: readonly string[]): ReadonlyMap<string, number> {
    const scopes = [...namespace.map((_, i) => namespaceScope(namespace.slice(0, i + 1))), ...others];
    return new Map(scopes.map((scope) => [scope, this.#nonces.get(scope) ?? this.#renew(scope)]));
  }

  #renew(scope: string): number {
    const nonce = ++this.#sequence;
    this.#nonces.set(scope, nonce);
    this.#changedAt.set(scope, nonce);
    if (this.#changedAt.size > MOST_CHANGES) {
      this.#changedAt.clear();
      this.#floor = nonce;
    }
    return nonce;
  }

  #renewKeys(namespace: readonly string[], matches: (key: string) => boolean): void {
    for (const scope of [...this.#nonces.keys()]) {
      const [kind, key, ...path] = JSON.parse(scope) as string[];
      if (kind === 'key' && matches(key as string) && placeId(path, '') === placeId(namespace, '')) this.#renew(scope);
    }
    // Whose key is not known as a scope is found here, or is a lease of it.
    for (const [id, stored] of [...this.#entries]) {
      if (matches(stored.key) && placeId(stored.namespace, '') === placeId(namespace, '')) this.#entries.delete(id);
    }
    this.#renew(patternScope(namespace));
  }

  #matches(pattern: string, key: string): boolean {
    this.#globs ??= MemoryCache.createSync({ maxEntries: 1, maxKeyBytes: 2 ** 20 });
    return insideOf(this.#globs).shared.engine.matches(pattern, key);
  }

  /** How many entries may be served no more after an invalidation. */
  #counting(invalidate: () => void): number {
    const live = [...this.#entries.values()].filter((stored) => this.#find(stored.namespace, stored.key) !== undefined);
    invalidate();
    return live.filter((stored) => this.#find(stored.namespace, stored.key) !== stored).length;
  }
}

/** A second tier in this process, for tests. @param now a clock in milliseconds; default: the platform's */
export function memoryRemote(now?: () => Milliseconds): MemoryRemote {
  return new MemoryRemote(now);
}

const namespaceScope = (namespace: readonly string[]) => JSON.stringify(['namespace', '', ...namespace]);
const keyScope = (namespace: readonly string[], key: string) => JSON.stringify(['key', key, ...namespace]);
const expiryScope = (namespace: readonly string[], key: string) => JSON.stringify(['expiry', key, ...namespace]);
const tagScope = (namespace: readonly string[], tag: string) => JSON.stringify(['tag', tag, ...namespace]);
const patternScope = (namespace: readonly string[]) => JSON.stringify(['pattern', '', ...namespace]);

function namesOf(namespace: readonly string[], tags: readonly string[], dependsOn: readonly string[]): string[] {
  return [...tags.map((tag) => tagScope(namespace, tag)), ...dependsOn.map((key) => keyScope(namespace, key))];
}

function copyOf(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch (cause) {
    throw new TiercelError('ERR_TIERCEL_NOT_SERIALIZABLE', 'value: cannot be copied', { cause });
  }
}

function pause(what: Milliseconds | Promise<void>): Promise<void> {
  return typeof what === 'number' ? new Promise((resolve) => void setTimeout(resolve, what)) : what;
}
