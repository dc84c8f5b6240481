import type { Milliseconds } from '../duration.js';
import type { Namespace } from '../engine/engine.js';
import { invalidOption, TiercelError } from '../errors.js';
import { GET_PEEK, GET_TAGS } from '../generated/abi.js';
import { platformClock, userClock } from '../memory/clock.js';
import { insideOf } from '../memory/inside.js';
import { MemoryCache } from '../memory/memory-cache.js';
import type { ReadSetOptions } from '../memory/options.js';
import type { Shared } from '../memory/shared.js';
import type { Count } from '../memory/types.js';
import { startTimer } from '../timers.js';
import { Backoffs } from './backoffs.js';
import type { Bus, BusListener, Carried, CarriedValue, CommonMemory } from './bus.js';
import type { Change } from './change.js';
import { Emitter } from './emitter.js';
import { Gathering } from './gathering.js';
import { answers, Guard } from './guard.js';
import { LateWrites } from './late-writes.js';
import { Locks } from './locks.js';
import { isMemoryCache, type ReadLoadOptions, type ReadStoreOptions, type ReadTierOptions } from './options.js';
import { Outbox } from './outbox.js';
import { aged, Propagation } from './propagation.js';
import {
  isEntry,
  type RemoteCall,
  type RemoteEntry,
  type RemoteFollower,
  type RemoteFound,
  type RemotePoint,
  type RemoteRead,
  type RemoteTier,
  type RemoteWrite,
} from './remote.js';
import type { Health, Logger } from './types.js';

const REMOTE_TIMEOUT: Milliseconds = 100;
const BREAKER = { failures: 3, reset: 5_000 };
const MAX_PENDING = 10_000;

/** Caches with tiers of their own that have one memory, by that. */
const users = new WeakMap<object, number>();

/** What all views of one cache share: the tiers, and what is known of their state. */
export class Tiers<V> implements BusListener {
  readonly memory: MemoryCache<V>;
  readonly shared: Shared<V>;
  readonly root: Namespace;
  readonly name: string;
  readonly defaults: ReadLoadOptions;
  readonly remote: { readonly tier: RemoteTier; readonly guard: Guard } | undefined;
  readonly bus: { readonly bus: Bus; readonly guard: Guard } | undefined;
  readonly outbox: Outbox;
  readonly events: Emitter;
  readonly backoffs = new Backoffs();
  readonly locks: Locks;
  readonly now: () => Milliseconds;
  readonly remoteTimeout: Milliseconds;
  closed = false;
  readonly counts = {
    remoteHits: 0,
    remoteMisses: 0,
    remoteWrites: 0,
    remoteRefusals: 0,
    graced: 0,
    softTimeouts: 0,
    hardTimeouts: 0,
    eagerRefreshes: 0,
    heard: 0,
    doubts: 0,
    valuesTaken: 0,
    valuesRefused: 0,
  };
  readonly #ownsMemory: boolean;
  readonly #isSharedByThreads: boolean;
  readonly #logger: Logger | undefined;
  readonly #flushes: boolean;
  readonly #propagation: Propagation | undefined;
  readonly #follower: RemoteFollower | undefined;
  /** How often the bus came up; part of what {@link OutboxOptions.session} is made of. */
  #session = 0;
  #trusted: boolean;
  #reason = 'not connected yet';
  readonly #gathering: Gathering;
  readonly #writes = new LateWrites();

  constructor(options: ReadTierOptions<V>) {
    const { memory, remote, bus, namespace = [], name = 'default', defaults = {} } = options;
    this.now = options.now === undefined ? platformClock() : userClock(options.now);
    this.#ownsMemory = !isMemoryCache(memory);
    this.#gathering = new Gathering((reads) => this.#ask(reads), remote?.isPipelined === true);
    const base = isMemoryCache(memory)
      ? memory
      : MemoryCache.createSync<V>({ ...(options.now !== undefined && { now: options.now }), ...memory });
    this.memory = base.namespace(...namespace);
    const inside = insideOf(this.memory);
    this.shared = inside.shared;
    this.root = inside.ns;
    this.#isSharedByThreads = base.stats().shared !== undefined;
    users.set(this.shared, (users.get(this.shared) ?? 0) + 1);
    this.name = name;
    this.defaults = { stale: this.shared.staleByDefault, ...defaults };
    this.#logger = options.logger;
    this.#flushes = options.onDoubt !== 'revalidate';
    this.remoteTimeout = options.remoteTimeout ?? REMOTE_TIMEOUT;
    this.events = new Emitter();
    this.locks = new Locks(this.now);
    const { failures, reset } = { ...BREAKER, ...options.breaker };
    const guardOf = (tier: string) =>
      new Guard({
        timeout: this.remoteTimeout,
        failures,
        reset,
        now: this.now,
        onError: (operation, error) => this.failed(tier, operation, error),
        onState: (state) => {
          this.events.emit('breaker', { tier, state });
          // What waits comes before anything else.
          if (state === 'closed') void this.outbox.flush();
        },
      });
    this.remote = remote && { tier: remote, guard: guardOf(remote.name ?? 'remote') };
    this.bus = bus && { bus, guard: guardOf(bus.name ?? 'bus') };
    this.#trusted = bus === undefined;
    this.#follower = bus && remote?.follow?.(() => this.#isHearing);
    this.#propagation = propagationOf(options);
    this.outbox = new Outbox({
      remote: this.remote,
      bus: this.bus,
      propagation: this.#propagation,
      limit: options.maxPending ?? MAX_PENDING,
      retry: Math.max(reset, 10),
      root: this.pathOf(this.root),
      now: this.now,
      // What others have brought may be older than what was set.
      current: (change) => (this.#isMemoryCommon ? undefined : this.#current(change)),
      telling: (change) => this.#follower?.changed([change]),
      told: (changes) => this.#told(changes),
      session: () => (this.bus !== undefined && this.trusted ? this.#session : 0),
    });
  }

  /** Begins to listen; waits for the bus no longer than for an answer. */
  async open(): Promise<void> {
    if (this.bus === undefined) return;
    const { bus, guard } = this.bus;
    await guard.call('open', async () => {
      await bus.open(this, this.#common);
      return bus;
    });
  }

  /** The path of a namespace in the second tier and on the bus. */
  pathOf(ns: Namespace): readonly string[] {
    return [this.name, ...ns.path];
  }

  refuseClosed(): void {
    if (this.closed) throw new TiercelError('ERR_TIERCEL_CLOSED', 'the cache is closed: create a new one');
  }

  /** Tells of a failure that no caller hears of. */
  failed(tier: string, operation: string, error: unknown): void {
    this.events.emit('error', { tier, operation, error });
    try {
      this.#logger?.warn(`tiercel: ${tier}: ${operation} failed`, { tier, operation, error });
    } catch {
      // Nobody is left to tell.
    }
  }

  // ---- The second tier

  /** Whether the second tier may be asked for a key: it is there, and knows of all that was changed here. */
  isReadable(path: readonly string[], key: string): boolean {
    if (this.remote === undefined || this.closed || this.outbox.covers(path, key)) return false;
    return this.bus?.bus.covers?.(path, key) !== true;
  }

  /** Whether what the second tier has of a value that depends on others is as new as memory is. */
  get isSettled(): boolean {
    return this.bus?.bus.isUnsettled !== true;
  }

  /** What the second tier has, for each read; undefined if it did not answer. An entry that makes no sense is none. */
  read(reads: readonly RemoteRead[]): Promise<readonly RemoteFound[] | undefined> {
    // Only one call is made to see whether it is there again: nobody else is to wait for that.
    return this.remote?.guard.breaker.state === 'closed' ? this.#gathering.read(reads) : this.#ask(reads);
  }

  async #ask(reads: readonly RemoteRead[]): Promise<readonly RemoteFound[] | undefined> {
    const { tier, guard } = this.remote as NonNullable<typeof this.remote>;
    const asked = this.#isHearing ? (this.#follower ?? tier) : tier;
    const read = async (call: RemoteCall) => answers(await asked.read(reads, call), reads.length, 'read');
    const propagation = this.#propagation;
    const found = await guard.call(
      'read',
      propagation === undefined ? read : async (call) => (await propagation.ordered(call, reads, read)).result,
    );
    return found?.map((one) => {
      if (one?.entry !== undefined && !isEntry(one.entry)) {
        this.failed(
          tier.name ?? 'remote',
          'read',
          new TiercelError('ERR_TIERCEL_CORRUPT_VALUE', 'read: an entry is damaged'),
        );
        return { lease: one.lease };
      }
      return one ?? {};
    });
  }

  /** Writes what a load brought, while nobody waits for it. Never rejects. */
  writeLater(write: RemoteWrite): Promise<void> {
    const { tier, guard } = this.remote as NonNullable<typeof this.remote>;
    if (this.#writes.isFull) return Promise.resolve();
    const propagation = this.#propagation;
    const began = this.now();
    const [value] = propagation?.loads === true ? propagation.encode([write]) : [];
    const make = async (call: RemoteCall) => answers(await tier.write([write], call), 1, 'write');
    const writing = guard
      .call('write', async (call) =>
        propagation === undefined ? { result: await make(call) } : propagation.ordered(call, [write], make),
      )
      .then((answer) => {
        if (answer === undefined) return;
        if (answer.result[0] === true) this.counts.remoteWrites++;
        else this.counts.remoteRefusals++;
        if (answer.result[0] === true && 'point' in answer && answer.point !== undefined)
          this.#tell(write, answer.point, aged(value, this.now() - began));
      });
    return this.#writes.add(writing, this.remoteTimeout);
  }

  /** Tells others of a value that was loaded, if that is of any use to them. */
  #tell({ namespace, key }: RemoteWrite, point: RemotePoint, value: CarriedValue | undefined): void {
    if (this.bus === undefined || value === undefined) return;
    const { bus, guard } = this.bus;
    const changes: Change[] = [{ kind: 'set', namespace, key }];
    const telling = guard.call('publish', async () => {
      await bus.publish(changes, { point, values: [value] });
      return changes;
    });
    void this.#writes.add(telling, this.remoteTimeout);
  }

  /** An entry of the second tier, of a value that is being stored in memory with these options. */
  entryOf(value: unknown, options: ReadSetOptions): RemoteEntry {
    const { ttl, stale, tags, dependsOn } = this.shared.termsOf(options);
    return {
      ...options.note,
      value,
      ttl: ttl === 0 ? Number.POSITIVE_INFINITY : ttl,
      stale,
      tags,
      dependsOn,
    } as RemoteEntry;
  }

  /** Options with the last word on times: scattered, and long enough for all who accept stale values. */
  settle<T extends ReadStoreOptions>(options: T): T {
    const { ttl, stale } = this.shared.termsOf(options);
    const { jitter = 0, grace = 0 } = options;
    const scattered = jitter === 0 ? ttl : ttl * (1 + jitter * (2 * Math.random() - 1));
    return { ...options, ttl: scattered, stale: Math.max(stale, grace) };
  }

  /** What memory has under a key that was set, as it may be set again. */
  #current(change: Change & { readonly key: string }): RemoteWrite | undefined {
    const { engine, values } = this.shared;
    if (this.shared.closed) return undefined;
    const { namespace, key } = change;
    const ns = this.#at(namespace);
    const slot = engine.get(ns, key, this.shared.now(), GET_PEEK | GET_TAGS);
    if (slot < 0) return undefined;
    const { ttl } = engine;
    const tags = engine.readTags();
    const note = values.note(slot);
    const entry = { ...note, value: values.read(ns, slot), ttl, stale: 0, tags, dependsOn: [] } as RemoteEntry;
    return { namespace, key, entry };
  }

  /** Whether others fill the same memory, by a second tier of their own. */
  get #isMemoryCommon(): boolean {
    return this.#isSharedByThreads || (users.get(this.shared) ?? 0) > 1;
  }

  /**
   * The others do not know what is on its way from here to the second tier: what they have read there meanwhile is perhaps
   * what was changed, and is taken away again.
   */
  #told(changes: readonly Change[]): void {
    this.#follower?.changed(changes);
    if (this.#isMemoryCommon && !this.shared.closed) for (const change of changes) this.#apply(change);
  }

  // ---- The bus

  /** Changes that others told of. */
  get heard(): Count {
    return this.counts.heard + (this.bus?.bus.heard ?? 0);
  }

  /** Whether nothing that memory holds can have been invalidated elsewhere without being heard of. */
  get trusted(): boolean {
    this.bus?.bus.check?.();
    return this.#trusted;
  }

  /** Whether what memory has may be served where a fresh value cannot be had: in doubt only if that was asked for. */
  get servesStale(): boolean {
    return this.trusted || !this.#flushes;
  }

  /**
   * Whether this cache hears of all changes, and before anybody reads what follows from that: not so if others, who may have
   * heard more, have the same memory.
   */
  get #isHearing(): boolean {
    return this.bus !== undefined && !this.closed && !this.#isKept && !this.#isMemoryCommon && this.trusted;
  }

  /** This cache's part of a memory of all threads, for a bus that keeps that; by the clock of all. */
  get #common(): CommonMemory | undefined {
    const { opening } = this.shared;
    return opening && { opening, name: this.name, root: this.root.path, isEmptied: this.#flushes };
  }

  /** Whether whoever hears of changes does to memory what follows from them. */
  get #isKept(): boolean {
    return this.bus?.bus.keepsMemory === true;
  }

  changed(changes: readonly Change[], carried?: Carried, age?: Milliseconds): void {
    if (this.closed || this.shared.closed) return;
    this.counts.heard += changes.length;
    this.#follower?.changed(changes);
    const isNewest = this.#propagation?.heard(changes, carried);
    try {
      for (const [i, change] of changes.entries()) {
        this.#apply(change);
        const value = isNewest && age !== undefined ? carried?.values[i] : undefined;
        if (value !== undefined)
          this.#take(change, isNewest?.[i] === true ? aged(value, age as Milliseconds) : undefined);
      }
    } catch (error) {
      // Refused by this memory, so that nobody knows what it was about: a longer key than it takes, for one.
      this.failed(this.bus?.bus.name ?? 'bus', 'changed', error);
      this.missed('a change could not be applied');
    }
    this.outbox.heard(changes);
  }

  live(): void {
    if (this.closed || this.#trusted) return;
    this.#follower?.forget();
    // Whatever was loaded meanwhile may have been invalidated, unheard.
    if (!this.#isKept) this.#forget();
    this.#propagation?.doubt();
    this.#session++;
    this.#trusted = true;
    this.#reason = '';
    this.events.emit('doubt', { state: 'live', reason: '' });
    void this.outbox.flush();
  }

  missed(reason: string): void {
    if (this.closed) return;
    this.#follower?.forget();
    this.counts.doubts++;
    this.#session++;
    if (!this.#isKept) this.#forget();
    this.#propagation?.doubt();
    this.events.emit('doubt', { state: 'missed', reason });
  }

  down(reason: string): void {
    if (this.closed) return;
    this.#follower?.forget();
    this.#reason = reason;
    if (!this.#trusted) return;
    this.#trusted = false;
    this.counts.doubts++;
    if (this.#flushes && !this.#isKept) this.#forget();
    this.events.emit('doubt', { state: 'down', reason });
  }

  /** Drops everything, and voids the loads in flight. */
  #forget(): void {
    if (!this.shared.closed) this.memory.clear();
  }

  /** Takes a value that another cache set, if nothing speaks against it. */
  #take(change: Change, value: CarriedValue | undefined): void {
    const { shared } = this;
    const isWanted =
      value !== undefined && 'key' in change && this.trusted && this.#isBelow(change.namespace) && !shared.closed;
    // What others with the same memory have on its way is not known here.
    if (!isWanted || this.#isMemoryCommon || this.outbox.covers(change.namespace, change.key)) {
      this.counts.valuesRefused++;
      return;
    }
    const { ttl, stale, tags, json, etag, lastModified, took } = value;
    const note = {
      ...(etag !== undefined && { etag }),
      ...(lastModified !== undefined && { lastModified }),
      ...(took !== undefined && { took }),
    };
    try {
      const options = { ttl, stale, tags, ...(Object.keys(note).length > 0 && { note }) };
      const isStored = shared.set(this.#at(change.namespace), change.key, JSON.parse(json) as V, options);
      this.counts[isStored ? 'valuesTaken' : 'valuesRefused']++;
    } catch {
      // This memory does not take it. It may be read from the second tier.
      this.counts.valuesRefused++;
    }
  }

  /** Whether a path is that of this cache, or below it. */
  #isBelow(namespace: readonly string[]): boolean {
    return this.pathOf(this.root).every((part, i) => namespace[i] === part);
  }

  /** Does to memory what another cache did to its own. */
  #apply(change: Change): void {
    const [name, ...path] = change.namespace;
    if (name !== this.name) return;
    const { shared } = this;
    const { engine } = shared;
    const ns = this.#at(change.namespace);
    const now = shared.now();
    switch (change.kind) {
      case 'set':
      case 'delete':
        engine.delete(ns, change.key, now);
        break;
      case 'expire':
        shared.expire(ns, change.key);
        break;
      case 'tags':
        engine.invalidateTags(ns, change.tags, now);
        break;
      case 'prefix':
        engine.invalidatePrefix(ns, change.prefix, now);
        break;
      case 'pattern':
        engine.invalidatePattern(ns, change.pattern, now);
        break;
      case 'clear':
        // A memory that this is only a part of is not emptied for what is above it.
        if (path.length < this.root.path.length) this.memory.clear();
        else engine.clear(ns, now);
        break;
    }
    shared.finish();
  }

  #at([, ...path]: readonly string[]): Namespace {
    const { engine } = this.shared;
    return path.reduce((ns, part) => engine.namespace(ns, part), engine.root);
  }

  // ---- State

  health(): Health {
    const { remote, bus, outbox } = this;
    const busState = this.trusted ? 'live' : 'down';
    const isOk =
      outbox.size === 0 &&
      this.trusted &&
      [remote, bus].every((tier) => tier === undefined || tier.guard.breaker.state === 'closed');
    return {
      ok: isOk && !this.closed,
      ...(remote && {
        remote: {
          name: remote.tier.name ?? 'remote',
          state: remote.guard.breaker.state,
          inFlight: remote.guard.inFlight,
          ...remote.guard.counts,
          ...(remote.tier.health && { details: { ...remote.tier.health(), ...this.#follower?.health?.() } }),
        },
      }),
      ...(bus && {
        bus: {
          name: bus.bus.name ?? 'bus',
          state: busState,
          reason: this.#reason,
          missed: this.counts.doubts,
          ...bus.guard.counts,
          ...(bus.bus.health && { details: bus.bus.health() }),
        },
      }),
      pending: { changes: outbox.size, queued: outbox.queued, replayed: outbox.replayed, overflows: outbox.overflows },
    };
  }

  /** Ends everything, what waits for the second tier last. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    if (this.#ownsMemory) this.shared.loading.abort();
    // Memory last: values that wait are taken from there.
    await Promise.all([this.#writes.over(), this.outbox.flush()]);
    if (this.#ownsMemory) this.memory.close();
    users.set(this.shared, (users.get(this.shared) ?? 1) - 1);
    this.events.clear();
    this.outbox.close();
    await this.#closeBus();
  }

  /** Waits for it no longer than for an answer, however often it failed to give one. */
  async #closeBus(): Promise<void> {
    const { bus } = this;
    if (bus === undefined) return;
    const closing = new Promise<void>((resolve) => {
      resolve(bus.bus.close());
    }).catch((error: unknown) => this.failed(bus.bus.name ?? 'bus', 'close', error));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = startTimer(resolve, this.remoteTimeout);
    });
    await Promise.race([closing, late]);
    clearTimeout(timer);
  }
}

const PUBLISHED_BYTES = 16 * 1024;

function propagationOf<V>({ publishValue, remote, bus }: ReadTierOptions<V>): Propagation | undefined {
  if (!publishValue) return undefined;
  if (remote === undefined || bus === undefined)
    throw invalidOption('publishValue', publishValue, 'only with a second tier and a bus');
  return new Propagation({ maxBytes: PUBLISHED_BYTES, loads: true, ...(publishValue !== true && publishValue) });
}
