import type { Milliseconds } from '../duration.js';
import { MOST_STALE } from '../frames/entry.js';
import type { Change } from '../tiers/change.js';
import type { RemoteEntry, RemotePlace, RemoteRead, RemoteTouch, RemoteWrite } from '../tiers/remote.js';
import { textOf } from './commands.js';
import { barrierText, idOf, keyScope, namespaceScope, namespaceScopes, tagScope } from './names.js';
import type { RedisArgument, RedisReply } from './port.js';

/*
 * What the scripts are told, and the leases that they give. See scripts.ts.
 */

/** What a lease is: the tokens of its scopes as of the read, in the order of their names, and where the namespace was. */
export interface Lease {
  readonly tokens: ReadonlyMap<string, string>;
  /** Scopes that the entry belongs to because of what it is made from. */
  readonly inherited: readonly string[];
  /** Names and lists of other shards; and the keys there that it is made from. */
  readonly elsewhere: RedisArgument[];
  readonly keysElsewhere: readonly string[];
  readonly reign: string;
  readonly barriersAtRead: string;
  readonly barriers: string;
  readonly tagChanges: string;
}

/** What a value is made from: keys in the shard of its own, and others. */
export interface Sources {
  readonly here: readonly string[];
  readonly elsewhere: readonly string[];
}

export const NO_SOURCES: Sources = { here: [], elsewhere: [] };

function placeArguments({ namespace, key }: RemotePlace): RedisArgument[] {
  return [idOf(namespace, key), namespaceScope(namespace)];
}

const leaseScope = (place: RemotePlace) => `l:{${idOf(place.namespace, place.key)}}`;

/** The scopes that a lease covers. */
function leasedScopes(one: RemoteRead, { here }: Sources): string[] {
  return [...new Set([leaseScope(one), ...entryScopes(one, one.tags, here)])];
}

function entryScopes({ namespace }: RemotePlace, tags: readonly string[], keys: readonly string[]): string[] {
  return [
    ...namespaceScopes(namespace),
    ...tags.map((tag) => tagScope(namespace, tag)),
    ...keys.map((key) => keyScope(namespace, key)),
  ];
}

/** @param isJudgedHere of each read whether the caller judges what is there; none of those that want a lease in any case */
export function readArguments(
  reads: readonly RemoteRead[],
  sources: readonly Sources[],
  isJudgedHere: readonly boolean[] = [],
): RedisArgument[] {
  const args: RedisArgument[] = ['read', String(reads.length)];
  for (const [i, { namespace, key, lease }] of reads.entries()) {
    const wants = (lease === false ? 0 : lease === 'missing' ? 1 : 2) + (isJudgedHere[i] === true ? 3 : 0);
    args.push(idOf(namespace, key), namespaceScope(namespace), String(wants));
  }
  for (const [i, one] of reads.entries()) {
    if (!one.lease) continue;
    const own = sources[i] as Sources;
    addCounted(args, leasedScopes(one, own));
    addCounted(
      args,
      own.here.map((key) => idOf(one.namespace, key)),
    );
  }
  return args;
}

export function leaseOf(one: RemoteRead, sources: Sources, elsewhere: RedisArgument[], parts: readonly RedisReply[]) {
  const [reign, barriersAtRead, barriers, tagChanges] = parts.slice(0, 4).map(textOf) as [
    string,
    string,
    string,
    string,
  ];
  const scopes = leasedScopes(one, sources);
  const tokens = new Map(scopes.map((scope, i) => [scope, textOf(parts[4 + i])]));
  const inherited: string[] = [];
  const all = [...elsewhere];
  for (let i = 4 + scopes.length; i < parts.length; i += 2) {
    const name = textOf(parts[i]);
    if (name.startsWith('@')) {
      all.push(name, parts[i + 1] as Uint8Array);
      continue;
    }
    inherited.push(name);
    tokens.set(name, textOf(parts[i + 1]));
  }
  const lease: Lease = {
    tokens,
    inherited,
    elsewhere: all,
    keysElsewhere: sources.elsewhere,
    reign,
    barriersAtRead,
    barriers,
    tagChanges,
  };
  return lease;
}

/** How long Redis keeps an entry: 0 for ever, -1 not at all. */
export function lifeOf(entry: RemoteEntry): string {
  const life = entry.ttl + Math.min(entry.stale, MOST_STALE);
  if (life <= 0) return '-1';
  return milliseconds(life === Number.POSITIVE_INFINITY ? 0 : Math.max(1, life));
}

/** @param elsewhere names and lists of other shards, for a write without a lease */
export function addWriteArguments(
  args: RedisArgument[],
  write: RemoteWrite,
  frame: Uint8Array,
  sources: Sources,
  elsewhere: readonly RedisArgument[],
): void {
  const { namespace, entry } = write;
  const lease = write.lease as Lease | undefined;
  args.push(...placeArguments(write), lifeOf(entry), frame);
  if (lease === undefined) {
    addCounted(args, [...new Set(entryScopes(write, entry.tags, sources.here))]);
    addCounted(args, elsewhere);
    args.push('0');
    addCounted(
      args,
      sources.here.map((key) => idOf(namespace, key)),
    );
    return;
  }
  // Of keys in other shards that the lease does not cover nothing is known: then it is refused.
  const unknown = sources.elsewhere.filter((key) => !lease.keysElsewhere.includes(key));
  addCounted(args, [
    ...new Set([...entryScopes(write, entry.tags, [...sources.here, ...unknown]), ...lease.inherited]),
  ]);
  addCounted(args, lease.elsewhere);
  const { reign, barriersAtRead, barriers, tagChanges, tokens } = lease;
  args.push('1', reign, barriersAtRead, barriers, tagChanges);
  addCounted(args, [...tokens].flat());
}

export function touchArguments(touches: readonly RemoteTouch[]): RedisArgument[] {
  const args: RedisArgument[] = ['touch', String(touches.length)];
  for (const touch of touches) args.push(...placeArguments(touch), milliseconds(touch.ttl));
  return args;
}

/** For values in other shards, that are made from these keys. */
export function lendArguments(items: readonly { namespace: readonly string[]; keys: string[] }[]): RedisArgument[] {
  const args: RedisArgument[] = ['lend', String(items.length)];
  for (const { namespace, keys } of items) {
    args.push(namespaceScope(namespace));
    addCounted(args, entryScopes({ namespace, key: '' }, [], keys));
    addCounted(
      args,
      keys.map((key) => idOf(namespace, key)),
    );
  }
  return args;
}

export function changeArguments(change: Change): RedisArgument[] {
  const { namespace } = change;
  switch (change.kind) {
    case 'delete':
    case 'set':
      return ['d', ...placeArguments(change)];
    case 'expire':
      return ['x', ...placeArguments(change)];
    case 'tags': {
      const args: RedisArgument[] = ['t', namespaceScope(namespace)];
      addCounted(
        args,
        change.tags.map((tag) => tagScope(namespace, tag)),
      );
      return args;
    }
    case 'prefix':
    case 'pattern':
      return ['b', namespaceScope(namespace), barrierText(change)];
    case 'clear':
      return ['c', namespaceScope(namespace)];
  }
}

function addCounted(args: RedisArgument[], list: readonly RedisArgument[]): void {
  args.push(String(list.length), ...list);
}

const milliseconds = (ms: Milliseconds) => Math.floor(ms).toFixed(0);
