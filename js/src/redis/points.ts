import type { RemoteCall } from '../tiers/remote.js';
import { textOf } from './commands.js';
import type { RedisArgument, RedisReply } from './port.js';
import { listOf } from './replies.js';
import type { Shards } from './shards.js';

/*
 * Where calls stand in the order of all that changes something. Each shard counts for itself, so that where there are several
 * there is no order of all, and nobody is told.
 */

/** Those of calls that are to be told where they stand. */
export function toBeTold(shards: Shards, calls: Iterable<RemoteCall>): RemoteCall[] {
  return shards.isDivided ? [] : [...new Set(calls)].filter(({ ordered }) => ordered !== undefined);
}

/** The arguments of a script, which tells where it stands if anybody is to be told. */
export function askingPoint(args: readonly RedisArgument[], told: readonly RemoteCall[]): readonly RedisArgument[] {
  return told.length === 0 ? args : [`+${args[0]}`, ...args.slice(1)];
}

/** An answer without the point at its end, which is told. */
export function takePoint(reply: readonly RedisReply[], told: readonly RemoteCall[]): readonly RedisReply[] {
  if (told.length === 0) return reply;
  const [epoch, at] = listOf(reply.at(-1));
  for (const { ordered } of told) ordered?.({ epoch: textOf(epoch), at: Number(at) });
  return reply.slice(0, -1);
}
