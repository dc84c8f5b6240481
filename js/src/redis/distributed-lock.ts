/// <reference lib="esnext.disposable" preserve="true" />
import type { Duration, Milliseconds } from '../duration.js';
import { toMilliseconds } from '../duration.js';
import { invalidArgument, invalidOption, TiercelError } from '../errors.js';
import { duration, flag, positiveDuration, type Reader, type Readers, read } from '../memory/readers.js';
import type { Lock } from '../tiers/lock.js';
import { LONGEST_DELAY, unref } from '../timers.js';
import { Commands } from './commands.js';
import { type Granted, RedisLocks } from './locks.js';
import { idOf } from './names.js';
import { COMMAND_READERS } from './options.js';
import { portOf, type RedisClient } from './port.js';

export interface DistributedLockOptions {
  /** What all names in Redis begin with, before a colon. Default `'tiercel'`. */
  prefix?: string;
  /** How long Redis may take to answer. Default 100 ms. */
  timeout?: Duration;
  /** Calls that may wait for an answer at a time, from 1 to 2^20. Default 1024. */
  maxInFlight?: number;
  /** Of which namespace the name is. Default none: names of caches are of that of the cache, and others. */
  namespace?: readonly string[];
  /** How long it is held at most, without a sign of life of its holder. Default 10 s. */
  ttl?: Duration;
  /** Whether a lock that is held is renewed again and again, after a third of its `ttl`. Default true. */
  renew?: boolean;
}

export interface AcquireOptions {
  /** How long to wait for it. Default 0: not at all. */
  wait?: Duration;
  signal?: AbortSignal;
}

/** A lock that is held. */
export interface HeldLock extends Lock {
  /** Aborted once it is not held any more, or that cannot be known: others may hold it. Not by `release`. */
  readonly signal: AbortSignal;
}

const TTL: Milliseconds = 10_000;

const namespace: Reader<readonly string[]> = (value, name) => {
  if (Array.isArray(value) && value.every((part) => typeof part === 'string')) return [...(value as string[])];
  throw invalidOption(name, value, 'an array of strings');
};

const READERS: Readers<DistributedLockOptions> = {
  ...COMMAND_READERS,
  namespace,
  ttl: positiveDuration,
  renew: flag,
};

const ACQUIRE_READERS: Readers<AcquireOptions> = {
  wait: duration,
  signal: (value, name) => {
    if (value instanceof AbortSignal) return value;
    throw invalidOption(name, value, 'an AbortSignal');
  },
};

/**
 * A lock that all processes share which use the same Redis. It ends by itself when its holder does. Two may believe for a
 * while that they hold it, after a stall or a failover, as with every lock over a network: so what is written under it
 * should carry its `token`, and be refused where a larger one was seen.
 */
export class DistributedLock {
  readonly name: string;
  readonly #commands: Commands;
  readonly #locks: RedisLocks;
  readonly #id: string;
  readonly #ttl: Milliseconds;
  readonly #renews: boolean;

  constructor(client: RedisClient, name: string, options?: DistributedLockOptions) {
    if (typeof name !== 'string') throw invalidArgument('name', name, 'a string');
    const given = read(options, READERS, 'options') as Omit<DistributedLockOptions, 'timeout' | 'ttl'> & {
      timeout?: Milliseconds;
      ttl?: Milliseconds;
    };
    const {
      prefix = 'tiercel',
      timeout = 100,
      maxInFlight = 1024,
      namespace: path = [],
      ttl = TTL,
      renew = true,
    } = given;
    this.name = name;
    this.#commands = new Commands(portOf(client), { prefix, timeout, maxInFlight, durable: false });
    this.#locks = new RedisLocks(this.#commands);
    this.#id = idOf(path, name);
    this.#ttl = ttl;
    this.#renews = renew;
  }

  /**
   * Takes it. @throws ERR_TIERCEL_LOCKED if another holds it for longer than `wait`, ERR_TIERCEL_TIMEOUT or
   * ERR_TIERCEL_UNAVAILABLE if Redis does not answer, or not before the `ttl` is over, ERR_TIERCEL_CLOCK if it cannot tell
   * that a token would be larger than those before, and what the signal is aborted with
   */
  async acquire(options?: AcquireOptions): Promise<HeldLock> {
    const held = await this.tryAcquire(options);
    if (held === undefined)
      throw new TiercelError('ERR_TIERCEL_LOCKED', `name: ${JSON.stringify(this.name)} is locked by another`);
    return held;
  }

  /** As {@link acquire}, but undefined if another holds it for longer than `wait`. */
  async tryAcquire(options?: AcquireOptions): Promise<HeldLock | undefined> {
    const { wait = 0, signal } = read(options, ACQUIRE_READERS, 'options') as { wait?: number; signal?: AbortSignal };
    signal?.throwIfAborted();
    const held = await this.#locks.acquire(this.#id, this.#ttl, wait, signal);
    if (signal?.aborted) await held?.release();
    signal?.throwIfAborted();
    return held && this.#hold(held);
  }

  /** Whether anybody holds it now. */
  async isLocked(): Promise<boolean> {
    return (await this.#locks.heldFor(this.#id)) > 0;
  }

  #hold(held: Granted): HeldLock {
    const lost = new AbortController();
    const ttl = this.#ttl;
    let isOver = false;
    let timer: ReturnType<typeof setTimeout>;
    let { until } = held;
    const end = () => {
      isOver = true;
      clearTimeout(timer);
    };
    const extend = async (longer: Milliseconds) => {
      const asked = performance.now();
      const isHeld = !isOver && (await held.extend(longer));
      if (isHeld) until = asked + longer;
      else if (!isOver) {
        end();
        lost.abort(new TiercelError('ERR_TIERCEL_LOCKED', `name: ${JSON.stringify(this.name)} is not held any more`));
      }
      // The answer may have come when that was over.
      return isHeld && performance.now() < until;
    };
    const arm = () => {
      if (isOver) return;
      const left = until - performance.now();
      timer = setTimeout(
        () => {
          if (performance.now() >= until) {
            end();
            lost.abort(
              new TiercelError('ERR_TIERCEL_TIMEOUT', `name: ${JSON.stringify(this.name)} was not renewed in time`),
            );
          } else if (this.#renews) extend(ttl).then(arm, arm);
          else arm();
        },
        Math.max(1, Math.min(this.#renews ? ttl / 3 : left, left, LONGEST_DELAY)),
      );
      unref(timer);
    };
    arm();
    return {
      token: held.token,
      signal: lost.signal,
      extend: async (longer) => extend(longer === undefined ? ttl : toMilliseconds(longer, 'ttl')),
      release: async () => {
        end();
        await held.release();
      },
      async [Symbol.asyncDispose]() {
        await this.release();
      },
    };
  }
}
