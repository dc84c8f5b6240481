import { backoff } from '../backoff.js';
import type { Milliseconds } from '../duration.js';
import { isRequestScoped } from '../engine/platform.js';
import { ignore } from '../memory/flight.js';
import { startTimer, unref } from '../timers.js';
import type { Bus, Carried, Cover } from './bus.js';
import { type Change, placeId } from './change.js';
import { Echoes } from './echoes.js';
import { atEndOfTurn } from './end-of-turn.js';
import { answers, type Guard } from './guard.js';
import { aged, type Propagation } from './propagation.js';
import type { RemoteCall, RemotePoint, RemoteTier, RemoteWrite } from './remote.js';

/** Changes that one call replays. */
const BATCH = 64;

/** What an outbox needs to know of the cache. */
export interface OutboxOptions {
  readonly remote: { readonly tier: RemoteTier; readonly guard: Guard } | undefined;
  readonly bus: { readonly bus: Bus; readonly guard: Guard } | undefined;
  /** If values go with the changes. */
  readonly propagation: Propagation | undefined;
  /** Most changes that wait. */
  readonly limit: number;
  /** How long to wait before what failed is tried again, at most; longer where nothing is tried, see {@link Guard.breaker}. */
  readonly retry: Milliseconds;
  /** The path of the cache: what is changed if nobody knows any more what was. */
  readonly root: readonly string[];
  readonly now: () => Milliseconds;
  /** What the cache has under a key by now, if it may be trusted to be the newest value. */
  readonly current: (change: Change & { readonly key: string }) => RemoteWrite | undefined;
  /** The second tier is told of this from now on, until it knows. Must not throw. */
  readonly telling: (change: Change) => void;
  /** The second tier knows of these changes from now on. Must not throw. */
  readonly told: (changes: readonly Change[]) => void;
  /** Since when changes of others are heard of without a gap: a new number each time; 0 while they are not. */
  readonly session: () => number;
}

/** A change that is not everywhere yet. */
interface Item {
  readonly change: Change;
  /** Of all changes sent: a later one of the same takes its place. */
  readonly sequence: number;
  /** Whether the second tier, and whether the other caches, are still to hear of it. */
  remote: boolean;
  bus: boolean;
  /** {@link OutboxOptions.session} when it was made; 0 if its value is not to be replayed. */
  session: number;
  /** What tells others that have the memory of it, as long as the second tier does not know. */
  cover?: Cover | undefined;
}

/** What the second tier said of changes, and where they stand there, if that is known. */
interface Answer {
  readonly counts: readonly number[];
  readonly point: RemotePoint | undefined;
}

/** Changes that others are told of at the end of a turn, and whether they will know. */
interface Telling {
  readonly changes: Change[];
  readonly told: Promise<boolean>;
}

/** What became of changes. */
export interface Sent<T> {
  /** What the change of memory returned. */
  readonly here: T;
  /** What the second tier said of each, if it did. */
  readonly counts?: readonly number[] | undefined;
  /** Not everywhere yet: waits to be tried again. */
  readonly pending: boolean;
}

/**
 * Brings changes to the second tier and then to the other caches, and tries again until they are there, in order.
 *
 * While a change is on its way to the second tier, or waits, what that has in its place is not to be read:
 * {@link covers}. So no order of answers brings back what was changed. What waits is the newest change of each key and
 * no values: when it is tried again a value is taken from memory, if it is still there and nobody can have changed it
 * since; else the key is deleted. When too many wait they become one, of everything in the cache.
 */
export class Outbox {
  /** Changes that had to wait, those of them that are everywhere now, and how often there were too many. */
  queued = 0;
  replayed = 0;
  overflows = 0;
  readonly #options: OutboxOptions;
  /** What waits, the oldest first. */
  readonly #queue = new Map<string, Item>();
  /** Keys with a change that the second tier does not know of: how many, and the newest that is everywhere. */
  readonly #keys = new Map<string, { count: number; settled: number }>();
  /** Such changes that are of more than a key. */
  #scopes = 0;
  #sequence = 0;
  #flushing: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #echoes = new Echoes();
  #telling: Telling | undefined;
  /** Where a request may not wait for what another began, each tells for itself. */
  readonly #isAlone = isRequestScoped();
  #closed = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#queue.size;
  }

  /** Whether the second tier, asked for a key, may not know yet what was changed. */
  covers(namespace: readonly string[], key: string): boolean {
    return this.#scopes > 0 || (this.#keys.size > 0 && this.#keys.has(placeId(namespace, key)));
  }

  /**
   * Makes changes here, and sends them, or values that were set. Rejects only with what memory throws.
   * @param make changes memory: whoever has that as well reads in the second tier nothing of before from then on
   * @param writes what keys were set to: one for each change, or none at all
   */
  async send<T>(changes: readonly Change[], make: () => T, writes?: readonly RemoteWrite[]): Promise<Sent<T>> {
    const items = this.#begin(changes, writes);
    let here: T;
    try {
      here = make();
    } catch (error) {
      for (const item of items) if (item.remote) this.#uncover(item);
      throw error;
    }
    return { here, ...(await this.#send(changes, items, writes)) };
  }

  #begin(changes: readonly Change[], writes: readonly RemoteWrite[] | undefined): readonly Item[] {
    const { remote, session } = this.#options;
    return changes.map((change, i): Item => {
      // Memory cannot tell what a value depends on.
      const isWhole = (writes?.[i]?.entry.dependsOn.length ?? 0) === 0;
      const item = {
        change,
        sequence: ++this.#sequence,
        remote: remote !== undefined,
        bus: true,
        session: isWhole ? session() : 0,
      };
      if (item.remote) this.#cover(item);
      return item;
    });
  }

  async #send(
    changes: readonly Change[],
    items: readonly Item[],
    writes: readonly RemoteWrite[] | undefined,
  ): Promise<Omit<Sent<unknown>, 'here'>> {
    const { remote, bus } = this.#options;
    // What waits goes first.
    if (this.#queue.size > 0) {
      for (const item of items) this.#enqueue(item);
      await this.flush();
      return { pending: items.some((item) => this.#waits(item)) };
    }
    const { propagation, now } = this.#options;
    const began = now();
    const values = writes && propagation?.encode(writes);
    const answer = writes === undefined ? await this.#change(changes, items) : await this.#write(writes, items);
    const counts = answer?.counts;
    const carried = answer?.point && {
      point: answer.point,
      values: changes.map((_, i) => (counts?.[i] === 1 ? aged(values?.[i], now() - began) : undefined)),
    };
    const isDone = remote === undefined || counts !== undefined;
    // Others are told in any case, as they may have it in memory; and again once the second tier knows.
    const isHeard = (await this.#publish(changes, carried)) && isDone;
    for (const item of items) {
      if (isDone && item.remote) this.#uncover(item);
      item.bus = bus !== undefined && !isHeard;
      if (item.remote || item.bus) this.#enqueue(item);
      else this.#settled(item);
    }
    // What was refused, as too much was under way, waits no longer than that.
    if (isDone && isHeard && this.#queue.size > 0) void this.flush();
    else this.#arm();
    return { counts, pending: !isDone || !isHeard };
  }

  /** Tries again what waits; ends when nothing does, or when it fails. */
  flush(): Promise<void> {
    this.#flushing ??= this.#replayAll().finally(() => {
      this.#flushing = undefined;
      this.#arm();
    });
    return this.#flushing;
  }

  /** Others changed something: a value that was replayed meanwhile may be the older one. */
  heard(changes: readonly Change[]): void {
    if (this.#echoes.size === 0) return;
    const outdated = this.#echoes.take(changes, idOf, this.#options.now());
    if (outdated.length > 0)
      void this.send(
        outdated.map((change) => ({ ...change, kind: 'delete' }) as Change),
        ignore,
      );
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  // ---- One attempt

  async #change(changes: readonly Change[], items?: readonly Item[]): Promise<Answer | undefined> {
    const answer = await this.#call('change', changes, (tier, call) => tier.change(changes, call));
    if (answer !== undefined) this.#told(changes, items);
    return answer;
  }

  async #write(writes: readonly RemoteWrite[], items?: readonly Item[]): Promise<Answer | undefined> {
    const answer = await this.#call('write', writes, async (tier, call) =>
      (await tier.write(writes, call)).map(Number),
    );
    if (answer !== undefined)
      this.#told(
        writes.map(({ namespace, key }) => ({ kind: 'set', namespace, key })),
        items,
      );
    return answer;
  }

  /** The second tier knows: what others cannot have read there meanwhile need not be taken away again. */
  #told(changes: readonly Change[], items: readonly Item[] = []): void {
    this.#options.told(changes.filter((_, i) => items[i]?.cover?.holds() !== true));
    for (const { cover } of items) cover?.end();
  }

  async #call(
    operation: string,
    about: readonly Change[] | readonly RemoteWrite[],
    make: (tier: RemoteTier, call: RemoteCall) => Promise<readonly number[]>,
  ): Promise<Answer | undefined> {
    const { remote, propagation } = this.#options;
    return remote?.guard.call(operation, async (call) => {
      const made = async (of: RemoteCall) => answers(await make(remote.tier, of), about.length, operation);
      if (propagation === undefined) return { counts: await made(call), point: undefined };
      const { result, point } = await propagation.ordered(call, about, made);
      return { counts: result, point };
    });
  }

  /**
   * Tells others; whether they will know. What is told within one turn is told at once, as all that a call of the second
   * tier wrote is; but for what values go with, as that is of one point in the order of the second tier.
   */
  #publish(changes: readonly Change[], carried?: Carried): Promise<boolean> {
    if (this.#options.bus === undefined) return Promise.resolve(true);
    if (carried !== undefined || this.#isAlone) return this.#tell(changes, carried);
    this.#telling ??= this.#gather();
    for (const change of changes) this.#telling.changes.push(change);
    return this.#telling.told;
  }

  #gather(): Telling {
    const changes: Change[] = [];
    const told = new Promise<boolean>((resolve) => {
      atEndOfTurn(() => {
        this.#telling = undefined;
        resolve(this.#tell(changes));
      });
    });
    return { changes, told };
  }

  async #tell(changes: readonly Change[], carried?: Carried): Promise<boolean> {
    const { bus, guard } = this.#options.bus as NonNullable<OutboxOptions['bus']>;
    const published = await guard.call('publish', async () => {
      await (carried === undefined ? bus.publish(changes) : bus.publish(changes, carried));
      return changes;
    });
    return published !== undefined;
  }

  // ---- What waits

  #enqueue(item: Item): void {
    const { change } = item;
    const id = idOf(change);
    const other = this.#queue.get(id);
    // One that was long on its way comes here after those that were made since.
    const settled = 'key' in change ? (this.#keys.get(placeOf(change))?.settled ?? 0) : 0;
    if (Math.max(settled, other?.sequence ?? 0) > item.sequence) {
      if (item.remote) this.#uncover(item);
      item.bus = false;
      return;
    }
    if (other !== undefined) this.#drop(id, other);
    if (this.#queue.size >= this.#options.limit) {
      this.#overflow(item);
      return;
    }
    this.queued++;
    this.#queue.set(id, item);
  }

  /** It is everywhere, and with it what older ones of the same key were to bring about. */
  #settled({ change, sequence }: Item): void {
    // Whatever else happens to it, a key that was only made stale may have to be deleted as well.
    if (!('key' in change) || change.kind === 'expire') return;
    const id = idOf(change);
    const older = this.#queue.get(id);
    if (older !== undefined && older.sequence < sequence) this.#drop(id, older);
    const known = this.#keys.get(placeOf(change));
    if (known !== undefined) known.settled = Math.max(known.settled, sequence);
  }

  /** Whether it waits, or what took its place. */
  #waits({ change, sequence }: Item): boolean {
    const all = idOf({ kind: 'clear', namespace: this.#options.root });
    return [idOf(change), all].some((id) => (this.#queue.get(id)?.sequence ?? 0) >= sequence);
  }

  #drop(id: string, item: Item): void {
    this.#queue.delete(id);
    if (item.remote) this.#uncover(item);
    item.bus = false;
  }

  /** Forgets which changes wait: everything is changed. */
  #overflow(last: Item): void {
    this.overflows++;
    for (const [id, item] of [...this.#queue]) this.#drop(id, item);
    if (last.remote) this.#uncover(last);
    const { remote, bus, root } = this.#options;
    const change: Change = { kind: 'clear', namespace: root };
    const all: Item = {
      change,
      sequence: ++this.#sequence,
      remote: remote !== undefined,
      bus: bus !== undefined,
      session: 0,
    };
    if (all.remote) this.#cover(all);
    this.#queue.set(idOf(change), all);
  }

  async #replayAll(): Promise<void> {
    while (this.#queue.size > 0 && !this.#closed) {
      // Not of a copy: that is as long as all that waits, and each change that finds something waiting comes here.
      const batch: [string, Item][] = [];
      for (const one of this.#queue) if (batch.push(one) === BATCH) break;
      if (!(await this.#replay(batch.map(([, item]) => item)))) return;
      for (const [id, item] of batch) {
        if (this.#queue.get(id) === item) this.#queue.delete(id);
        this.replayed++;
      }
    }
  }

  /** Whether it went well. */
  async #replay(items: readonly Item[]): Promise<boolean> {
    const { current, session, now } = this.#options;
    const changes: Change[] = [];
    const writes: RemoteWrite[] = [];
    const written: Item[] = [];
    for (const item of items) {
      if (!item.remote) continue;
      const { change } = item;
      const mayWrite = change.kind === 'set' && item.session !== 0 && item.session === session();
      const write = mayWrite ? current(change) : undefined;
      if (write === undefined) changes.push(change.kind === 'set' ? { ...change, kind: 'delete' } : change);
      else {
        writes.push(write);
        written.push(item);
        // From now on, not once it is there: a change that is heard of meanwhile may have come there first.
        this.#echoes.add(idOf(change), change, now());
      }
    }
    if (changes.length > 0 && (await this.#change(changes)) === undefined) return false;
    if (writes.length > 0 && (await this.#write(writes)) === undefined) {
      // It may be the value that is to blame: next time the key is deleted.
      for (const item of written) item.session = 0;
      return false;
    }
    for (const item of items) if (item.remote) this.#uncover(item);
    const unheard = items.filter(({ bus }) => bus);
    if (unheard.length > 0 && !(await this.#publish(unheard.map(({ change }) => change)))) return false;
    for (const item of unheard) item.bus = false;
    for (const item of items) this.#settled(item);
    return true;
  }

  /** Sees to it that what waits is tried again. */
  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#queue.size === 0 || this.#closed) return;
    const { remote, bus, retry } = this.#options;
    const refused = Math.max(...[remote, bus].map((to) => to?.guard.breaker.readyIn ?? 0));
    // Not within the millisecond before, which would be refused once more: timers count in whole ones.
    this.#timer = unref(startTimer(() => void this.flush(), Math.max(refused + 1, backoff(0, retry, retry))));
  }

  // ---- What the second tier does not know

  #cover(item: Item): void {
    const { change } = item;
    this.#options.telling(change);
    item.cover = this.#options.bus?.bus.cover?.(change);
    if (!('key' in change)) {
      this.#scopes++;
      return;
    }
    const id = placeOf(change);
    const known = this.#keys.get(id);
    if (known === undefined) this.#keys.set(id, { count: 1, settled: 0 });
    else known.count++;
  }

  #uncover(item: Item): void {
    item.remote = false;
    item.cover?.end();
    const { change } = item;
    if (!('key' in change)) {
      this.#scopes--;
      return;
    }
    const id = placeOf(change);
    const known = this.#keys.get(id);
    if (known === undefined) return;
    if (known.count === 1) this.#keys.delete(id);
    else known.count--;
  }
}

function placeOf(change: Change & { readonly key: string }): string {
  return placeId(change.namespace, change.key);
}

/** Of two changes of the same place the newer one is enough; but to expire is less than to delete. */
function idOf(change: Change): string {
  if (!('key' in change)) return JSON.stringify(change);
  return change.kind === 'expire' ? `expire ${placeOf(change)}` : placeOf(change);
}
