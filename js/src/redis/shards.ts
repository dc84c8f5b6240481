import { idOf, pathOf } from './names.js';
import { hashedPart, redisSlot, SLOTS } from './slots.js';

/** Of one call of a script, so that others are not kept waiting for long. */
export const BATCH = 64;

/**
 * Into how many parts all that has one prefix is divided in a Cluster. Not an option: those who share a prefix and did not
 * agree on it would not hear of each other's changes, and have each other's locks.
 */
const SHARDS = 32;

/** Some of a list, which go out together, and where in it they were. */
export interface Share<T> {
  readonly shard: number;
  readonly items: T[];
  readonly at: number[];
}

/**
 * Where things are. A shard is all that a script may look at in one step: elsewhere everything, in a Cluster what is in one
 * slot. Their slots are spread evenly, so that each primary has its share; a key is always in the same one, and keys with
 * the same hash tag, as `{order:1}:lines` and `{order:1}`, are together.
 */
export class Shards {
  /** What all names in a shard begin with; by shard. */
  readonly prefixes: readonly string[];
  readonly isDivided: boolean;

  constructor(prefix: string, isCluster: boolean) {
    this.isDivided = isCluster;
    this.prefixes = isCluster ? dividedPrefixes(prefix) : [`${prefix}:`];
  }

  get count(): number {
    return this.prefixes.length;
  }

  of(namespace: readonly string[], key: string): number {
    return this.isDivided ? this.ofName(pathOf(namespace).start + hashedPart(key)) : 0;
  }

  /** What the entry of a key is called. */
  nameOf(namespace: readonly string[], key: string): string {
    return `${this.prefixes[this.of(namespace, key)]}e:{${idOf(namespace, key)}}`;
  }

  /** A list by shard, in calls of no more than `most`, and where in the list each was. */
  divide<T>(list: readonly T[], shardOf: (one: T) => number, most = BATCH): Share<T>[] {
    const shares: Share<T>[] = [];
    const open: (Share<T> | undefined)[] = [];
    for (const [at, one] of list.entries()) {
      const shard = this.isDivided ? shardOf(one) : 0;
      let share = open[shard];
      if (share === undefined || share.items.length === most) {
        share = { shard, items: [], at: [] };
        open[shard] = share;
        shares.push(share);
      }
      share.items.push(one);
      share.at.push(at);
    }
    return shares;
  }

  /**
   * Asks each shard for its part of a list; answers in the order of that.
   * @param ask told where in the list each of its part is, or nothing if that is all of it
   */
  ask<T, R>(
    list: readonly T[],
    shardOf: (one: T) => number,
    ask: (shard: number, some: readonly T[], at?: readonly number[]) => Promise<readonly R[]>,
  ): Promise<readonly R[]> {
    if (!this.isDivided && list.length <= BATCH) return ask(0, list);
    // Of the same size: the server works on the next call while the answers to one are read.
    const most = this.isDivided ? BATCH : Math.ceil(list.length / Math.ceil(list.length / BATCH));
    return this.#askEach(this.divide(list, shardOf, most), ask);
  }

  async #askEach<T, R>(
    shares: readonly Share<T>[],
    ask: (shard: number, some: readonly T[], at: readonly number[]) => Promise<readonly R[]>,
  ): Promise<readonly R[]> {
    const answers: R[] = [];
    await Promise.all(
      shares.map(async ({ shard, items, at }) => {
        for (const [i, answer] of (await ask(shard, items, at)).entries()) answers[at[i] as number] = answer;
      }),
    );
    return answers;
  }

  /** FNV-1a of the code units, which is the same for all clients. */
  ofName(name: string): number {
    if (!this.isDivided) return 0;
    let hash = 0x811c9dc5;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    return ((hash ^ (hash >>> 15)) >>> 0) % SHARDS;
  }
}

/** Each with the first hash tag that is of a slot in its part of all slots. */
function dividedPrefixes(prefix: string): string[] {
  return Array.from({ length: SHARDS }, (_, shard) => {
    for (let i = 0; ; i++) {
      const tag = `${prefix}:${shard}.${i}`;
      if (Math.floor(redisSlot(tag) / (SLOTS / SHARDS)) === shard) return `${prefix}:{${tag}}:`;
    }
  });
}
