import { engineInfo } from '../engine/info.js';
import { MemoryCache } from '../memory/memory-cache.js';
import type { CommonMemory } from '../tiers/bus.js';
import type { BusSettings } from './channel.js';

/*
 * How threads find the one that listens for them. There is nothing that all threads of a process can write to but what
 * the native engine has for all: so a shared cache is the hall where they meet. Which of them starts the thread is
 * decided by a load, as that runs in one of them. And that somebody is there is told by a shared cache of a name of their
 * own: it goes with its thread, however that ends, and however busy it is meanwhile.
 */

/** What the thread is started with. */
export interface ThreadData {
  readonly id: string;
  /** Where it is in the hall. */
  readonly place: string;
  /** What the ids of all begin with that change the memory. */
  readonly family: string;
  /** The address of a module that makes the client. */
  readonly client: string;
  readonly settings: BusSettings;
  readonly opening: CommonMemory['opening'];
}

/** What a cache tells the thread of itself. */
export interface Part extends Omit<CommonMemory, 'opening'> {
  readonly connection: string;
}

/** What is said on the channel of a thread, where all hear all. */
export type Said =
  /** Of the thread to all. */
  | { readonly kind: 'hello' | 'turned' }
  | { readonly kind: 'ended'; readonly reason: string }
  /** Of the thread to one. */
  | { readonly kind: 'joined'; readonly user: string; readonly board: SharedArrayBuffer; readonly row: number }
  | { readonly kind: 'refused'; readonly user: string; readonly reason: string }
  | { readonly kind: 'left'; readonly user: string }
  /** Of one to the thread. The user is the name of its presence. */
  | { readonly kind: 'join'; readonly user: string; readonly part: Part }
  | { readonly kind: 'leave'; readonly user: string };

/** A thread as the hall knows it. It may not be there yet: then whoever started it is. */
export interface Listed {
  readonly id: string;
  readonly starter: string;
}

/** What those have in common that have one memory. */
export interface Family {
  /** What a thread, or who asks for it, must be of. */
  readonly kind: string;
  /** What ids of senders begin with. */
  readonly id: string;
}

type Entry = Listed | Family | string;

const ENDED = 'ended';
const HALL = { shared: 'tiercel: threads of buses', maxEntries: 1_000_000, shards: 1, engine: 'native' } as const;
/** What is forgotten here would be believed. */
const KEPT = { pinned: true };

export const channelName = (id: string) => `tiercel bus ${id}`;

/** As long as it is open, and its thread there, {@link isPresent} is true of its name. */
export class Presence {
  readonly name: string;
  readonly #cache: MemoryCache;

  constructor(name: string) {
    this.name = name;
    this.#cache = MemoryCache.createSync({ shared: name, maxEntries: 1, engine: 'native' });
  }

  close(): void {
    this.#cache.close();
  }
}

export const threadName = (id: string) => `tiercel: thread of a bus ${id}`;

export const userName = () => `tiercel: user of a bus ${crypto.randomUUID()}`;

/** The names of all that are present, and of all memories, with how many have it open. */
export function present(): Map<string, number> {
  return new Map(engineInfo().shared.map(({ name, references }) => [name, references]));
}

/** Where those meet that have one memory. */
export class Hall {
  readonly #registry = MemoryCache.createSync<Entry>(HALL);
  readonly #apart: MemoryCache<Entry>;
  readonly #memory: string;

  /** @param memory its name */
  constructor(memory: string) {
    this.#memory = memory;
    this.#apart = this.#registry.namespace('apart', memory);
  }

  // ---- Threads that listen

  /** What all have in common, for as long as one of them is there. @param kind that of the first who asks is the one of all */
  async family(kind: string): Promise<Family> {
    const first = () => ({ kind, id: `${crypto.randomUUID()}/` });
    return (await this.#registry.getOrSet(`family ${this.#memory}`, first, KEPT)) as Family;
  }

  /**
   * The thread of a kind, which is started if there is none. They are listed one after the other: none but the last can
   * be there. @param start called in one thread of all that ask
   */
  async find(kind: string, start: (place: string) => Listed): Promise<Listed & { readonly place: string }> {
    for (let n = 0; ; n++) {
      const place = `${n} ${kind}`;
      const found = await this.#registry.getOrSet(place, () => start(place), KEPT);
      if (typeof found === 'object') return { ...(found as Listed), place };
    }
  }

  /** It will not be there any more: the next who asks starts another. */
  end({ id, place }: Pick<ThreadData, 'id' | 'place'>): void {
    // Since then all may have left, and others have come.
    if ((this.#registry.get(place) as Partial<Listed> | undefined)?.id === id) this.#registry.set(place, ENDED, KEPT);
  }

  hasEnded(place: string): boolean {
    return this.#registry.get(place) === ENDED;
  }

  // ---- Those that do not see what others have on its way

  /** To be called before it reads in the second tier. @param user the name of its presence */
  goApart(user: string): void {
    this.#registry.set(`arrival ${this.#memory}`, crypto.randomUUID(), KEPT);
    this.#apart.set(user, '', KEPT);
  }

  join(user: string): void {
    this.#apart.delete(user);
  }

  /** Those that are there no more cannot read. */
  forgetAbsent(there: ReadonlyMap<string, unknown>): void {
    this.#apart.deleteMany([...this.#apart.keys()].filter((user) => !there.has(user)));
  }

  /**
   * Undefined if anybody does not see what is on its way, or looks elsewhere than at the board of the thread. If it is
   * the same before and after, there was none between.
   */
  whole(place: string): string | undefined {
    if (this.#apart.size > 0 || this.hasEnded(place)) return undefined;
    return this.#registry.get(`arrival ${this.#memory}`) as string | undefined;
  }

  close(): void {
    this.#registry.close();
  }
}
