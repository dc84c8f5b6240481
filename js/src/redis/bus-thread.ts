// The thread that listens for all threads that have one memory: an entry point of its own, which a Worker runs.
import { BroadcastChannel, workerData } from 'node:worker_threads';
import { MemoryCache } from '../memory/memory-cache.js';
import type { Bus, BusListener } from '../tiers/bus.js';
import { type Cache, createCache } from '../tiers/cache.js';
import type { Change } from '../tiers/change.js';
import { type Channel, SequencedBus } from '../tiers/sequenced-bus.js';
import { LONGEST_DELAY } from '../timers.js';
import { channelOf } from './channel.js';
import type { RedisClient } from './port.js';
import { delayOf } from './restart.js';
import { Board, DOWN, ENDED, LIVE } from './thread-board.js';
import {
  channelName,
  Hall,
  type Part,
  Presence,
  present,
  type Said,
  type ThreadData,
  threadName,
} from './thread-hall.js';

/** How long it waits for the first cache that wants it. */
const EMPTY_AT_FIRST = 10_000;

/** A part of memory, kept by a cache of this thread's own. */
interface KeptPart {
  readonly place: string;
  readonly cache: Cache;
  users: number;
}

interface User {
  readonly part: KeptPart;
  readonly row: number;
  readonly connection: string;
}

/** Values stay as they are here. */
const NOT_NEEDED = () => {
  throw new Error('the thread of a bus reads no values');
};

/**
 * Hears of changes, and has them applied to the memory. On the board it tells whether it hears, and until when it has: a
 * read of any thread goes by that, so it waits for no turn of an event loop but that of this thread.
 */
class BusThread implements BusListener {
  readonly #data: ThreadData;
  readonly #board = new Board();
  readonly #hall: Hall;
  readonly #presence: Presence;
  readonly #channel: BroadcastChannel;
  readonly #users = new Map<string, User>();
  readonly #parts = new Map<string, KeptPart>();
  /** The caches that keep those parts. */
  readonly #keepers = new Set<BusListener>();
  #memory: MemoryCache | undefined;
  #bus: SequencedBus | undefined;
  /** What was said is done one after the other. */
  #done: Promise<void> = Promise.resolve();
  #applied = 0;
  #attempts = 0;
  #why = '';

  constructor(data: ThreadData) {
    this.#data = data;
    this.#hall = new Hall(data.opening.options.shared);
    this.#board.turn(DOWN, 'not connected yet');
    this.#presence = new Presence(threadName(data.id));
    this.#channel = new BroadcastChannel(channelName(data.id));
  }

  start(): void {
    this.#channel.onmessage = (event) => {
      const { data } = event as { readonly data: Said };
      this.#done = this.#done.then(() => this.#take(data));
    };
    process.on('uncaughtExceptionMonitor', (error) => {
      this.#why = `: ${error.message}`;
    });
    process.on('exit', () => this.#ended());
    setInterval(() => this.#look(), Math.min(this.#data.settings.heartbeat, LONGEST_DELAY));
    this.#say({ kind: 'hello' });
    void this.#connect();
  }

  #say(said: Said): void {
    this.#channel.postMessage(said);
  }

  #turn(state: number, reason: string): void {
    this.#board.turn(state, reason);
    this.#say({ kind: 'turned' });
  }

  // ---- The connection

  async #connect(): Promise<void> {
    const { client: module, settings, family } = this.#data;
    const { heartbeat, patience } = settings;
    try {
      const { default: make } = (await import(module)) as { default?: unknown };
      if (typeof make !== 'function') throw new Error(`${module} has no function as its default export`);
      const client = (await make()) as RedisClient & { on(event: string, listener: () => void): void };
      const channel = this.#observed(channelOf(client, settings));
      client.on('error', () => {
        // What it comes to is noticed; unheard it would end this thread.
      });
      this.#bus = new SequencedBus(channel, { heartbeat, patience }, 'redis', family);
      await this.#bus.open(this);
    } catch (error) {
      this.#turn(DOWN, `no client: ${error instanceof Error ? error.message : String(error)}`);
      setTimeout(() => void this.#connect(), delayOf(this.#attempts++));
    }
  }

  /** The same channel; how far it was heard is told once what it brought is done. */
  #observed(channel: Channel): Channel {
    return {
      open: (listener) =>
        channel.open({
          ...listener,
          message: (text) => {
            listener.message(text);
            this.#tellHeard();
          },
        }),
      send: (text) => channel.send(text),
      close: () => channel.close(),
    };
  }

  #tellHeard(): void {
    const { heardUntil, counts } = this.#bus as SequencedBus;
    this.#board.heard(heardUntil, { applied: this.#applied, ...counts });
  }

  // ---- What is heard

  changed(changes: readonly Change[]): void {
    this.#applied += changes.length;
    for (const keeper of this.#keepers) keeper.changed(changes);
  }

  live(): void {
    // Each empties its part: whatever was loaded meanwhile may have been invalidated, unheard.
    for (const keeper of this.#keepers) keeper.live();
    this.#tellHeard();
    this.#turn(LIVE, '');
  }

  missed(reason: string): void {
    for (const keeper of this.#keepers) keeper.missed(reason);
  }

  down(reason: string): void {
    this.#board.turn(DOWN, reason);
    for (const keeper of this.#keepers) keeper.down(reason);
    this.#say({ kind: 'turned' });
  }

  // ---- Those whose memory it is

  async #take(said: Said): Promise<void> {
    if (said.kind === 'join') await this.#join(said.user, said.part);
    else if (said.kind === 'leave') this.#leave(said.user);
  }

  async #join(user: string, part: Part): Promise<void> {
    try {
      const place = JSON.stringify([part.name, part.root, part.isEmptied]);
      const kept = this.#parts.get(place) ?? (await this.#keep(place, part));
      const row = this.#users.get(user)?.row ?? this.#board.takeRow(this.#rows);
      if (!this.#users.has(user)) kept.users++;
      this.#users.set(user, { part: kept, row, connection: part.connection });
      this.#count(present());
      this.#say({ kind: 'joined', user, board: this.#board.memory, row });
    } catch (error) {
      this.#say({ kind: 'refused', user, reason: String(error) });
    }
  }

  async #keep(place: string, { name, root, isEmptied }: Part): Promise<KeptPart> {
    const keepers = this.#keepers;
    let leave: (() => void) | undefined;
    const bus: Bus = {
      open: (keeper) => {
        keepers.add(keeper);
        leave = () => keepers.delete(keeper);
        // What was changed before this nobody has applied.
        if (this.#board.state === LIVE) keeper.live();
      },
      publish: () => Promise.resolve(),
      close: () => leave?.(),
    };
    const onDoubt = isEmptied ? 'flush' : 'revalidate';
    const cache = await createCache({ memory: this.#open(), name, namespace: [...root], bus, onDoubt });
    // Also for a change that this memory refuses. By now it is empty.
    cache.on('doubt', ({ state, reason }) => {
      if (state === 'missed') this.#turn(this.#board.state, reason);
    });
    const part = { place, cache, users: 0 };
    this.#parts.set(place, part);
    return part;
  }

  #open(): MemoryCache {
    const { options, isSerialized } = this.#data.opening;
    const serializer = isSerialized ? { serialize: NOT_NEEDED, deserialize: NOT_NEEDED } : undefined;
    this.#memory ??= MemoryCache.createSync({ ...options, engine: 'native', ...(serializer && { serializer }) });
    return this.#memory;
  }

  get #rows(): Set<number> {
    return new Set([...this.#users.values()].map(({ row }) => row));
  }

  #leave(user: string): void {
    const { part, row = -1 } = this.#users.get(user) ?? {};
    this.#board.emptyRow(row);
    this.#users.delete(user);
    if (part !== undefined && --part.users === 0) {
      this.#parts.delete(part.place);
      void part.cache.close();
    }
    if (this.#users.size > 0) this.#say({ kind: 'left', user });
    else this.#end(user);
  }

  /** Lets go of those whose threads have ended, and ends if it is thought to have. */
  #look(): void {
    if (this.#hall.hasEnded(this.#data.place)) this.#end('');
    const there = present();
    this.#hall.forgetAbsent(there);
    for (const user of [...this.#users.keys()]) if (!there.has(user)) this.#leave(user);
    this.#count(there);
    if (this.#users.size === 0 && performance.now() > EMPTY_AT_FIRST) this.#end('');
  }

  /** Looks if anybody has the memory who is not here: it is open here as well. */
  #count(there: ReadonlyMap<string, number>): void {
    const here = new Set([...this.#users.values()].map(({ connection }) => connection)).size + 1;
    this.#board.isComplete = (there.get(this.#data.opening.options.shared) ?? 0) <= here;
  }

  // ---- The end

  #end(last: string): void {
    this.#ended();
    this.#memory?.close();
    this.#say({ kind: 'left', user: last });
    process.exit();
  }

  /** Also if it was not meant to. */
  #ended(): void {
    if (this.#board.state === ENDED) return;
    const reason = `the thread of the bus ended${this.#why}`;
    this.#board.turn(ENDED, reason);
    this.#hall.end(this.#data);
    this.#presence.close();
    this.#say({ kind: 'ended', reason });
  }
}

new BusThread(workerData as ThreadData).start();
