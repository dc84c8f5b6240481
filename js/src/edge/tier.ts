import type { Awaitable } from '../cache-like.js';
import type { Duration, Milliseconds } from '../duration.js';
import { decodeFrame, encodeFrame, type Frame } from '../engine/frame.js';
import { invalidOption } from '../errors.js';
import { entryOf, frameOf, isPromise, MOST_STALE, type TierFault } from '../frames/entry.js';
import {
  PAYLOAD_READERS,
  type Payload,
  type PayloadCodec,
  type PayloadOptions,
  payloadCodec,
} from '../frames/payload.js';
import { prefix } from '../frames/prefix.js';
import { duration, type Reader, type Readers } from '../memory/readers.js';
import type { Change } from '../tiers/change.js';
import type {
  RemoteCall,
  RemoteEntry,
  RemoteFound,
  RemotePlace,
  RemoteRead,
  RemoteTier,
  RemoteWrite,
} from '../tiers/remote.js';
import { barrierScope, entryName, keyScope, namespaceScope, scopesOf, tagScope } from './names.js';
import type { Store } from './store.js';
import type { Tokens, TokensOf } from './tokens.js';

export interface EdgeTierOptions extends PayloadOptions {
  /** What all names begin with, before a colon. Default `'tiercel'`. */
  prefix?: string;
  /**
   * Longest that an entry is kept, from 60 s to 365 d, whatever its ttl. Default 30 d. What an invalidation leaves behind is kept an
   * hour longer than that.
   */
  maxTtl?: Duration;
}

/** When an invalidation is seen, and by whom. */
export type EdgeConsistency = 'eventual' | 'data-centre';

export interface EdgeTierHealth {
  /**
   * `eventual`: everywhere, once it has spread, which takes up to a minute. `data-centre`: at once in the one where it was
   * made, and in no other.
   */
  readonly consistency: EdgeConsistency;
  readonly hits: number;
  readonly misses: number;
  /** There, but invalidated. */
  readonly dead: number;
  /** What was there and could not be read, by why. */
  readonly unreadable: Partial<Readonly<Record<TierFault, number>>>;
  /** Values that were not stored: invalidated meanwhile, with tags that were not known before the load, made from others. */
  readonly refused: { readonly invalidated: number; readonly tags: number; readonly dependencies: number };
}

/** The tokens of all that may invalidate a value, as they were before it was loaded. */
interface Lease {
  readonly tokens: TokensOf;
}

const TTL: Milliseconds = 30 * 86_400_000;
const LEAST_TTL: Milliseconds = 60_000;
const MOST_TTL: Milliseconds = 365 * 86_400_000;
/** Longest that anything is under way between tokens and what is stored under them. */
export const MARGIN: Milliseconds = 3_600_000;

const maxTtl: Reader<Milliseconds> = (value, name) => {
  const ms = duration(value, name);
  if (ms >= LEAST_TTL && ms <= MOST_TTL) return ms;
  throw invalidOption(name, value, 'a duration from 60 s to 365 d');
};

export const EDGE_READERS: Readers<EdgeTierOptions> = { ...PAYLOAD_READERS, prefix, maxTtl };

export interface EdgeParts {
  readonly name: string;
  readonly consistency: EdgeConsistency;
  readonly entries: Store;
  readonly tokens: Tokens;
  readonly maxTtl: Milliseconds;
  readonly payload: PayloadOptions;
}

/** What is read of {@link EdgeTierOptions}, with defaults. */
export function edgeDefaults(options: Partial<EdgeTierOptions>) {
  const { prefix: given = 'tiercel', maxTtl: most = TTL, ...payload } = options;
  return { prefix: given, maxTtl: most as Milliseconds, payload };
}

/**
 * A second tier in stores that have neither scripts nor a way to compare before they set. What decides is in the entries:
 * each carries the tokens that its scopes had before its value was loaded, and is right only as long as they still have
 * them. So no order in which things arrive makes an entry right again.
 */
export class EdgeTier implements RemoteTier {
  readonly name: string;
  readonly #parts: EdgeParts;
  readonly #codec: PayloadCodec;
  readonly #counts = { hits: 0, misses: 0, dead: 0 };
  readonly #faults: Partial<Record<TierFault, number>> = {};
  readonly #refused = { invalidated: 0, tags: 0, dependencies: 0 };

  constructor(parts: EdgeParts) {
    this.name = parts.name;
    this.#parts = parts;
    this.#codec = payloadCodec(parts.payload);
  }

  async read(reads: readonly RemoteRead[], _call: RemoteCall): Promise<readonly RemoteFound[]> {
    // Each token is asked for once.
    const asked = new Map<string, Promise<TokensOf>>();
    const current = async (scopes: readonly string[], makes: boolean): Promise<TokensOf> => {
      const all = scopes.map((scope) => {
        const id = makes + scope;
        const known = asked.get(id) ?? this.#parts.tokens.current([scope], makes);
        asked.set(id, known);
        return known;
      });
      return new Map((await Promise.all(all)).flatMap((one) => [...one]));
    };
    return Promise.all(
      reads.map(async (one) => {
        const [bytes, lease] = await Promise.all([
          this.#parts.entries.get(entryName(one)),
          one.lease ? this.#lease(one, current) : undefined,
        ]);
        const entry = bytes === undefined ? undefined : await this.#entry(one, bytes, current);
        this.#counts[entry === undefined ? 'misses' : 'hits']++;
        return { entry, lease };
      }),
    );
  }

  async write(writes: readonly RemoteWrite[], _call: RemoteCall): Promise<readonly boolean[]> {
    const payloads = writes.map(({ namespace, key, entry }): Awaitable<Payload> => {
      const encoded = this.#codec.encode(entry.value, { namespace, key });
      // It is stored later, and the caller may go on to change what it gave.
      return isPromise(encoded) ? encoded : { format: encoded.format, payload: encoded.payload.slice() };
    });
    return Promise.all(writes.map((write, i) => this.#store(write, payloads[i] as Awaitable<Payload>)));
  }

  /** How many entries that concerns is not known. */
  async change(changes: readonly Change[], _call: RemoteCall): Promise<readonly number[]> {
    await Promise.all(changes.flatMap(scopesOfChange).map((scope) => this.#parts.tokens.renew(scope)));
    return changes.map(() => 0);
  }

  health(): EdgeTierHealth {
    const { consistency } = this.#parts;
    return { consistency, ...this.#counts, unreadable: { ...this.#faults }, refused: { ...this.#refused } };
  }

  // ---- Reading

  async #lease(one: RemoteRead, current: Current): Promise<Lease | undefined> {
    // What they are made from would have to be looked up whenever it is read.
    if (one.dependsOn.length > 0) {
      this.#refused.dependencies++;
      return undefined;
    }
    return { tokens: await current(scopesOf(one, one.tags), true) };
  }

  async #entry({ namespace, key }: RemotePlace, bytes: Uint8Array, current: Current): Promise<RemoteEntry | undefined> {
    const place = { namespace, key };
    const frame = decodeFrame(bytes, place);
    if (typeof frame === 'string') return this.#fault(frame);
    const tokens = new Map(frame.scopes.map(({ name, token }) => [name, token]));
    const scopes = scopesOf(place, frame.tags);
    if (!scopes.every((scope) => tokens.has(scope))) return this.#fault('malformed');
    const age = ageOf(frame);
    const left = frame.ttl - age;
    // What says that it is invalidated is not kept for longer.
    if (left + frame.stale <= 0 || age >= this.#parts.maxTtl) return undefined;
    const now = await current(scopes, false);
    if (!agree(scopes, now, tokens)) {
      this.#counts.dead++;
      return undefined;
    }
    const decoded = await this.#codec.decode(frame, place);
    return typeof decoded === 'string' ? this.#fault(decoded) : entryOf(frame, left, decoded.value);
  }

  #fault(fault: TierFault): undefined {
    this.#faults[fault] = (this.#faults[fault] ?? 0) + 1;
  }

  // ---- Writing

  async #store(write: RemoteWrite, prepared: Awaitable<Payload>): Promise<boolean> {
    const { namespace, key, entry } = write;
    const lease = write.lease as Lease | undefined;
    const { tokens, entries } = this.#parts;
    // At once, and not when the payload is there: what is done after this must come after it.
    const renewed = lease === undefined ? tokens.renew(keyScope(write)) : undefined;
    const own = await renewed;
    if (entry.dependsOn.length > 0) {
      this.#refused.dependencies++;
      return false;
    }
    const scopes = scopesOf(write, entry.tags);
    if (lease !== undefined && !scopes.every((scope) => lease.tokens.has(scope))) {
      this.#refused.tags++;
      return false;
    }
    const now = await tokens.current(
      scopes.filter((scope) => own === undefined || scope !== keyScope(write)),
      own !== undefined,
    );
    if (lease !== undefined && !agree(scopes, now, lease.tokens)) {
      this.#refused.invalidated++;
      return false;
    }
    const named = scopes.map((name) => ({ name, token: (now.get(name) ?? own) as string }));
    const payload = isPromise(prepared) ? await prepared : prepared;
    const life = Math.min(entry.ttl + Math.min(entry.stale, MOST_STALE), this.#parts.maxTtl);
    if (life <= 0) return true;
    const frame = encodeFrame(frameOf({ namespace, key }, entry, payload, Date.now(), named));
    await entries.put(entryName(write), frame, life);
    return true;
  }
}

const agree = (scopes: readonly string[], now: TokensOf, then: TokensOf) =>
  scopes.every((scope) => now.get(scope) !== undefined && now.get(scope) === then.get(scope));

type Current = (scopes: readonly string[], makes: boolean) => Promise<TokensOf>;

/** By the clocks of two machines: of a ttl it may be a little more or less, of an invalidation nothing. */
const ageOf = ({ writtenAt }: Frame): Milliseconds => Math.max(0, Date.now() - writtenAt);

function scopesOfChange(change: Change): string[] {
  const { namespace } = change;
  switch (change.kind) {
    case 'set':
    case 'delete':
    case 'expire':
      return [keyScope(change)];
    case 'tags':
      return change.tags.map((tag) => tagScope(namespace, tag));
    case 'prefix':
    case 'pattern':
      return [barrierScope(namespace)];
    case 'clear':
      return [namespaceScope(namespace)];
  }
}
