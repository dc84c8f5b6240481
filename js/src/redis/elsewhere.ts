import { ignore } from '../memory/flight.js';
import type { RemoteCall, RemotePlace } from '../tiers/remote.js';
import { lendArguments, NO_SOURCES, type Sources } from './arguments.js';
import { type Commands, textOf } from './commands.js';
import { namespaceScope } from './names.js';
import type { RedisArgument, RedisReply } from './port.js';
import { listOf } from './replies.js';

/** A value that is made from keys of other shards. */
interface Borrower extends RemotePlace {
  readonly sources: Sources;
}

/** Scopes in another shard that an entry is checked against. */
export interface Claim {
  readonly namespace: readonly string[];
  readonly shard: number;
  readonly scopes: Uint8Array;
}

/**
 * In a Cluster, what entries are made from may be in another shard than they are, where the script that reads them must
 * not look. So they have, beside the scopes of their own shard, lists of scopes in others, with the tokens of before the
 * load; and whoever reads them asks there whether those hold, in a second round trip.
 */
export class Elsewhere {
  readonly #commands: Commands;

  constructor(commands: Commands) {
    this.#commands = commands;
  }

  sourcesOf({ namespace, key }: RemotePlace, dependsOn: readonly string[]): Sources {
    if (dependsOn.length === 0) return NO_SOURCES;
    const { shards } = this.#commands;
    if (!shards.isDivided) return { here: dependsOn, elsewhere: [] };
    const own = shards.of(namespace, key);
    const isHere = (source: string) => shards.of(namespace, source) === own;
    return { here: dependsOn.filter(isHere), elsewhere: dependsOn.filter((source) => !isHere(source)) };
  }

  /** For each value the names and lists of its other shards, as of now. */
  async lend(borrowers: readonly Borrower[], call: RemoteCall): Promise<RedisArgument[][]> {
    const lent = borrowers.map((): RedisArgument[] => []);
    const { shards } = this.#commands;
    const asked = new Map<number, { at: number; namespace: readonly string[]; keys: string[] }[]>();
    for (const [at, { namespace, sources }] of borrowers.entries()) {
      for (const key of sources.elsewhere) {
        const shard = shards.of(namespace, key);
        const items = asked.get(shard) ?? [];
        asked.set(shard, items);
        const item = items.find((other) => other.at === at);
        if (item === undefined) items.push({ at, namespace, keys: [key] });
        else item.keys.push(key);
      }
    }
    await this.#each(asked, async (shard, items) => {
      const reply = listOf(await this.#commands.run('data', lendArguments(items), { shard, call }));
      for (const [i, { at }] of items.entries()) {
        const [own, ...further] = listOf(reply[i]);
        lent[at]?.push(nameOf(shard), own as Uint8Array);
        for (const [j, part] of further.entries()) lent[at]?.push(j % 2 === 0 ? textOf(part) : (part as Uint8Array));
      }
    });
    return lent;
  }

  /** For each claim the barriers that it has to be compared with, and keys; undefined if it does not hold. */
  async judge(claims: readonly Claim[], call: RemoteCall): Promise<(readonly RedisReply[] | undefined)[]> {
    const judged: (readonly RedisReply[] | undefined)[] = [];
    const asked = new Map<number, { at: number; claim: Claim }[]>();
    for (const [at, claim] of claims.entries()) {
      const items = asked.get(claim.shard) ?? [];
      asked.set(claim.shard, items);
      items.push({ at, claim });
    }
    await this.#each(asked, async (shard, items) => {
      const args: RedisArgument[] = ['judge', String(items.length)];
      for (const { claim } of items) args.push(namespaceScope(claim.namespace), claim.scopes);
      const reply = listOf(await this.#commands.run('data', args, { shard, call }));
      for (const [i, { at }] of items.entries()) judged[at] = reply[i] === 0 ? undefined : listOf(reply[i]);
    });
    return judged;
  }

  /** Sees to it that the tokens of other shards stay as long as an entry does. If that fails it may cost a miss. */
  keep(lists: readonly RedisArgument[], life: string): void {
    if (life === '-1') return;
    for (let i = 0; i < lists.length; i += 2) {
      const args = ['keep', '1', lists[i + 1] as Uint8Array, life];
      this.#commands.run('data', args, { shard: shardOf(lists[i] as string) }).catch(ignore);
    }
  }

  async #each<T>(asked: ReadonlyMap<number, T[]>, ask: (shard: number, items: T[]) => Promise<void>): Promise<void> {
    await Promise.all([...asked].map(([shard, items]) => ask(shard, items)));
  }
}

const nameOf = (shard: number) => `@${shard}`;
export const shardOf = (name: string) => Number(name.slice(1));
