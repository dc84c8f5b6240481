import type { Milliseconds } from '../duration.js';
import type { Engine } from '../engine/engine.js';
import { invalidOption, TiercelError } from '../errors.js';
import { TTL_FAVORITE, TTL_HIGH_FREQUENCY, TTL_PREMIUM } from '../generated/abi.js';
import { asInstant } from './arguments.js';
import { duration, flag, nested, number, oneOf, type Reader } from './readers.js';
import type { TtlContext } from './types.js';

/** Changes of the hour anywhere, and of the offset of any time zone, fall on a quarter of an hour. */
const QUARTER: Milliseconds = 15 * 60_000;

export interface ReadTtlRules {
  /** What the core goes by. */
  readonly document: object;
  /** The hour of the day where the rules apply, negative if it is not known. */
  readonly hour: () => number;
}

export interface ReadTtlContext {
  /** Of `TiercelTtlFlags`. */
  readonly flags: number;
  readonly modifiedAt: Milliseconds | undefined;
  readonly modifiedAgo: Milliseconds | undefined;
  readonly hour: number | undefined;
}

/** Asks the core for the time to live that the rules give. */
export class TtlByRule {
  readonly #engine: Engine;
  readonly #hour: () => number;

  constructor(engine: Engine, hour: () => number) {
    this.#engine = engine;
    this.#hour = hour;
  }

  /** Undefined if nothing is said of what kind the value is. */
  ttl(type: string | undefined, context: ReadTtlContext | undefined): Milliseconds | undefined {
    if (type === undefined) return undefined;
    const { flags = 0, modifiedAt, modifiedAgo, hour } = context ?? {};
    const sinceModified = modifiedAt === undefined ? -1 : Math.max(0, Date.now() - modifiedAt);
    return this.#engine.ttlFor(type, flags, modifiedAgo ?? sinceModified, hour ?? this.#hour());
  }
}

// ---- Rules

const factor = number(0, 1000);
const hourOfDay = number(0, 24);

/** An object of durations, by any names. */
const durations: Reader<Record<string, Milliseconds>> = (value, name) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidOption(name, value, 'an object');
  const read: Record<string, Milliseconds> = Object.create(null);
  for (const [type, ttl] of Object.entries(value)) if (ttl !== undefined) read[type] = duration(ttl, `${name}.${type}`);
  return read;
};

const ranges: Reader<object[]> = (value, name) => {
  if (!Array.isArray(value)) throw invalidOption(name, value, 'an array of hours with multipliers');
  return value.map((range, i) => {
    const { from, to, multiplier } = nested(RANGE_READERS)(range, `${name}[${i}]`);
    if (from !== undefined && to !== undefined && multiplier !== undefined) return { from, to, multiplier };
    throw invalidOption(`${name}[${i}]`, range, 'an object with from, to and multiplier');
  });
};

const RANGE_READERS = { from: hourOfDay, to: hourOfDay, multiplier: factor };

const RULE_READERS = {
  defaultTtl: duration,
  types: durations,
  context: nested({
    favorite: factor,
    recentlyModified: nested({ within: duration, multiplier: factor }),
    highFrequency: factor,
    premium: factor,
  }),
  hours: ranges,
  otherHours: factor,
  clamp: nested({ min: duration, max: duration }),
  jitter: number(0, 1),
  timeZone: hourIn,
};

/**
 * Rules as the core takes them, with durations in milliseconds and without the time zone, which stays here. The core
 * looks at how they go together.
 */
export function readTtlRules(value: unknown, name: string): ReadTtlRules {
  const { timeZone = () => -1, ...document } = nested<ReadRules>(RULE_READERS)(value, name);
  return { document, hour: timeZone };
}

type ReadRules = { [name in keyof typeof RULE_READERS]: ReturnType<(typeof RULE_READERS)[name]> };

// ---- Context

const CONTEXT_READERS = {
  favorite: flag,
  modifiedAt: (value: unknown, name: string) => asInstant(value, name, invalidOption),
  // Longer ago than any rule asks for is as good as not known; elsewhere Infinity stands for 0.
  modifiedAgo: (value: unknown, name: string) => (value === Number.POSITIVE_INFINITY ? -1 : duration(value, name)),
  accessFrequency: oneOf('low', 'normal', 'high'),
  tier: oneOf('free', 'premium'),
  hour: (value: unknown, name: string) => {
    if (typeof value === 'number' && value >= 0 && value < 24) return value;
    throw invalidOption(name, value, 'a number from 0 to below 24');
  },
};

export function readTtlContext(value: unknown, name: string): ReadTtlContext {
  const context = nested<TtlContext>(CONTEXT_READERS)(value, name) as {
    [name in keyof TtlContext]: ReturnType<(typeof CONTEXT_READERS)[Exclude<name, undefined>]>;
  };
  const { modifiedAt, modifiedAgo, hour } = context;
  if (modifiedAt !== undefined && modifiedAgo !== undefined) {
    throw new TiercelError('ERR_TIERCEL_INVALID_OPTION', `${name}: modifiedAt or modifiedAgo, not both`);
  }
  const flags =
    (context.favorite ? TTL_FAVORITE : 0) |
    (context.accessFrequency === 'high' ? TTL_HIGH_FREQUENCY : 0) |
    (context.tier === 'premium' ? TTL_PREMIUM : 0);
  return { flags, modifiedAt, modifiedAgo, hour };
}

// ---- The hour of the day

/** @throws TiercelError `ERR_TIERCEL_INVALID_OPTION` naming `name` if there is no such zone */
export function hourIn(timeZone: unknown, name: string): () => number {
  const format = formatFor(timeZone, name);
  if (format.resolvedOptions().timeZone === 'UTC') return () => (quarterNow() % 96) / 4;
  let known = Number.NaN;
  let hour = 0;
  return () => {
    const quarter = quarterNow();
    if (quarter !== known) {
      hour = hourAt(format, quarter * QUARTER);
      known = quarter;
    }
    return hour;
  };
}

function formatFor(timeZone: unknown, name: string): Intl.DateTimeFormat {
  try {
    if (typeof timeZone === 'string') {
      return new Intl.DateTimeFormat('en-US', { timeZone, hour: 'numeric', minute: 'numeric', hourCycle: 'h23' });
    }
  } catch {
    // No such zone.
  }
  throw invalidOption(name, timeZone, 'the name of a time zone such as "Europe/Paris" or "UTC"');
}

function quarterNow(): number {
  return Math.floor(Date.now() / QUARTER);
}

function hourAt(format: Intl.DateTimeFormat, time: Milliseconds): number {
  const parts = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
  return (parts.hour as number) + (parts.minute as number) / 60;
}
