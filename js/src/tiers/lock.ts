/// <reference lib="esnext.disposable" preserve="true" />
import type { Duration, Milliseconds } from '../duration.js';
import { toMilliseconds } from '../duration.js';
import { invalidArgument, TiercelError } from '../errors.js';
import { placeId } from './change.js';
import type { RemoteLock } from './remote.js';
import type { Tiers } from './tiers.js';

const TTL: Milliseconds = 10_000;

/** A lock that is held, until it is released or its time is over. */
export interface Lock extends AsyncDisposable {
  /** Larger than that of every lock granted before under this name. */
  readonly token: number;
  /** Whether it is still held, and now for `ttl` from now (default: as it was taken for). */
  extend(ttl?: Duration): Promise<boolean>;
  /** Lets the next one have it. To release what is no longer held does nothing. */
  release(): Promise<void>;
}

export async function takeLock<V>(
  tiers: Tiers<V>,
  path: readonly string[],
  name: string,
  readOptions: () => { ttl?: Milliseconds; wait?: Milliseconds; signal?: AbortSignal },
): Promise<Lock> {
  tiers.refuseClosed();
  if (typeof name !== 'string') throw invalidArgument('name', name, 'a string');
  const { ttl = TTL, wait = 0, signal } = readOptions();
  signal?.throwIfAborted();
  const held = await acquire(tiers, path, name, ttl, wait, signal);
  if (held === undefined) {
    signal?.throwIfAborted();
    throw new TiercelError('ERR_TIERCEL_LOCKED', `name: ${JSON.stringify(name)} is locked by another`);
  }
  return {
    token: held.token,
    extend: async (longer) => held.extend(longer === undefined ? ttl : toMilliseconds(longer, 'ttl')),
    release: () => held.release(),
    [Symbol.asyncDispose]: () => held.release(),
  };
}

async function acquire<V>(
  tiers: Tiers<V>,
  path: readonly string[],
  key: string,
  ttl: Milliseconds,
  wait: Milliseconds,
  signal: AbortSignal | undefined,
): Promise<RemoteLock | undefined> {
  const { remote } = tiers;
  if (remote?.tier.lock === undefined) return tiers.locks.acquire(placeId(path, key), ttl, wait, signal);
  const { tier, guard } = remote;
  const given = new AbortController();
  const giveUp = () => given.abort(signal?.reason);
  signal?.addEventListener('abort', giveUp, { once: true });
  const answer = await guard.call(
    'lock',
    async (late) => {
      const held = await tier.lock?.({ namespace: path, key, ttl, wait }, { signal: given.signal });
      // Too late for anybody to know that it is theirs.
      if (held !== undefined && (late.signal.aborted || given.signal.aborted)) {
        await held.release();
        return { held: undefined };
      }
      return { held };
    },
    wait,
  );
  signal?.removeEventListener('abort', giveUp);
  if (answer === undefined)
    throw new TiercelError(
      'ERR_TIERCEL_UNAVAILABLE',
      'lock: the second tier did not answer, or cannot grant it, and nobody else can',
    );
  return answer.held;
}
