import type { Duration, Milliseconds } from '../duration.js';
import { invalidArgument, invalidOption, TiercelError } from '../errors.js';
import { fingerprint } from '../keys/fingerprint.js';
import type { Scope } from '../keys/template.js';
import { callback, duration, nested, oneOf, type Reader, read, text } from '../memory/readers.js';
import { memberRoots, type Target, TargetTemplates } from './targets.js';

export type ChangeOperation = 'create' | 'update' | 'delete';

/** A change of a document of a collection. */
export interface DocumentChange {
  readonly operation: ChangeOperation;
  /** The document as it was, and as it is now; of the latter what changed is enough. Placeholders are filled from both. */
  readonly before?: object;
  readonly after?: object;
  /** Names of the members that changed. Default: found by comparing, if both documents are given; else any may have. */
  readonly fields?: readonly string[];
}

/**
 * When what is concerned is invalidated. `'immediate'` (default): at once. `'lazy'`: keys, and those only, become stale:
 * the next `getOrSet` that accepts stale values serves what is there once more, and loads. `'ttl'`: after at most `ttl`,
 * however many changes there are meanwhile. `'event'`: when `event` is emitted, if something changed by then.
 */
export type InvalidationStrategy = 'immediate' | 'lazy' | 'ttl' | 'event';

/** What is concerned by a change, with placeholders for members of the document: `files:{userId}:*`. */
export interface PlannedTargets {
  /** Keys, prefixes and patterns. */
  patterns?: readonly string[];
  tags?: readonly string[];
  strategy?: InvalidationStrategy;
  /** Of the strategy `'ttl'`. */
  ttl?: Duration;
  /** Of the strategy `'event'`. */
  event?: string;
}

export interface PlannedCollection extends PlannedTargets {
  /** Which operations concern them. Default: all. */
  on?: readonly ChangeOperation[];
  /** Whether a change concerns them, and the statistics. Default: each does. */
  when?(change: DocumentChange): boolean;
  /**
   * What is made of many documents. A document that is new or gone concerns it, and a change of one of the `fields`
   * (`size`, `address.city`); other changes do not.
   */
  statistics?: PlannedTargets & { fields: readonly string[] };
}

/** What a change of each collection concerns. */
export type InvalidationPlan = Readonly<Record<string, PlannedCollection>>;

/** Targets with the strategy for them. */
export interface Planned {
  readonly targets: readonly Target[];
  readonly strategy: InvalidationStrategy;
  readonly ttl: Milliseconds;
  readonly event: string;
}

const list: Reader<readonly string[]> = (value, name) => {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw invalidOption(name, value, 'an array of strings');
};

const OPERATIONS: readonly ChangeOperation[] = ['create', 'update', 'delete'];

function collectionReader(): Reader<Partial<PlannedCollection>> {
  const targets = {
    patterns: list,
    tags: list,
    strategy: oneOf<InvalidationStrategy>('immediate', 'lazy', 'ttl', 'event'),
    ttl: duration as Reader<Duration>,
    event: text,
  };
  return nested<PlannedCollection>({
    ...targets,
    on: (value, name) => list(value, name).map((item, i) => oneOf(...OPERATIONS)(item, `${name}[${i}]`)),
    when: callback('a function of a change'),
    statistics: nested({ ...targets, fields: list }) as Reader<PlannedTargets & { fields: readonly string[] }>,
  });
}

/** A plan, read once, in the form it is followed in. */
export class ReadPlan {
  readonly #collections = new Map<string, ReadCollection>();

  constructor(plan: unknown) {
    if (typeof plan !== 'object' || plan === null || Array.isArray(plan))
      throw invalidOption('plan', plan, 'an object of collections');
    const readCollection = collectionReader();
    for (const [name, collection] of Object.entries(plan)) {
      const place = `plan.${name}`;
      this.#collections.set(name, new ReadCollection(readCollection(collection, place), place));
    }
  }

  concernedBy(collection: string, change: DocumentChange): Planned[] {
    const read = this.#collections.get(collection);
    if (read !== undefined) return read.concernedBy(change);
    throw invalidArgument(
      'collection',
      collection,
      [...this.#collections.keys()].map((name) => `"${name}"`).join(', '),
    );
  }
}

class ReadCollection {
  readonly #own: ReadTargets;
  readonly #statistics: ReadTargets | undefined;
  readonly #fields: readonly string[];
  readonly #on: readonly ChangeOperation[];
  readonly #when: ((change: DocumentChange) => boolean) | undefined;

  constructor({ on, when, statistics, ...own }: Partial<PlannedCollection>, place: string) {
    this.#on = on ?? OPERATIONS;
    this.#when = when;
    this.#own = new ReadTargets(own, place);
    this.#fields = statistics?.fields ?? [];
    if (statistics === undefined) return;
    const { fields, ...targets } = statistics;
    if (fields === undefined) throw invalidOption(`${place}.statistics.fields`, fields, 'an array of names of members');
    this.#statistics = new ReadTargets(targets, `${place}.statistics`);
  }

  concernedBy(given: DocumentChange): Planned[] {
    const change = readChange(given);
    if (!this.#on.includes(change.operation) || this.#when?.(change) === false) return [];
    const scopes = scopesOf(change);
    const planned = [this.#own.fill(scopes)];
    if (this.#statistics !== undefined && this.#touchesStatistics(change)) planned.push(this.#statistics.fill(scopes));
    return planned;
  }

  #touchesStatistics({ operation, before, after, fields }: DocumentChange): boolean {
    if (operation !== 'update') return true;
    if (fields !== undefined) return this.#fields.some((field) => fields.some((other) => overlap(field, other)));
    if (before === undefined || after === undefined) return true;
    return this.#fields.some(
      (field) => hasMember(after, field) && !isSame(memberOf(before, field), memberOf(after, field)),
    );
  }
}

class ReadTargets {
  readonly #templates: TargetTemplates;
  readonly #strategy: InvalidationStrategy;
  readonly #ttl: Milliseconds;
  readonly #event: string;

  constructor({ patterns = [], tags = [], strategy = 'immediate', ttl, event }: PlannedTargets, place: string) {
    this.#templates = new TargetTemplates([...patterns, ...tags.map((tag) => `tag:${tag}`)], place, ...memberRoots);
    this.#strategy = strategy;
    this.#ttl = (ttl ?? 0) as Milliseconds;
    this.#event = event ?? '';
    if ((strategy === 'ttl') !== (ttl !== undefined))
      throw invalidOption(`${place}.ttl`, ttl, 'a duration, with strategy "ttl"');
    if ((strategy === 'event') !== (event !== undefined))
      throw invalidOption(`${place}.event`, event, 'the name of an event, with strategy "event"');
    if (strategy === 'lazy' && !this.#templates.areKeys)
      throw invalidOption(
        `${place}.strategy`,
        strategy,
        'another strategy: only keys become stale, patterns and tags do not',
      );
  }

  fill(scopes: readonly Scope[]): Planned {
    const targets = scopes.flatMap((scope) => this.#templates.fill(scope));
    return { targets, strategy: this.#strategy, ttl: this.#ttl, event: this.#event };
  }
}

function document(value: unknown, name: string): object {
  if (typeof value === 'object' && value !== null) return value;
  throw invalidOption(name, value, 'an object');
}

function readChange(change: unknown): DocumentChange {
  const readers = { operation: oneOf(...OPERATIONS), before: document, after: document, fields: list };
  const given = read(change, readers, 'change');
  if (given.operation !== undefined) return given as DocumentChange;
  throw invalidOption('operation', undefined, OPERATIONS.map((name) => `"${name}"`).join(', '));
}

/** The document before and after; a member that moved it from one key to another concerns both. */
function scopesOf({ before, after }: DocumentChange): Scope[] {
  const scopes: object[] = [];
  if (before !== undefined) scopes.push(before);
  if (after !== undefined || before === undefined)
    scopes.push(before === undefined ? (after ?? {}) : { ...before, ...after });
  return scopes as Scope[];
}

/** One is the other, or within it. */
function overlap(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);
}

function memberOf(value: object, field: string): unknown {
  return field
    .split('.')
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | null | undefined)?.[name], value);
}

/** Whether a document, which may be part of one, says anything of the member. */
function hasMember(value: object, field: string): boolean {
  return (field.split('.', 1)[0] as string) in value;
}

function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  try {
    return fingerprint(a) === fingerprint(b);
  } catch (e) {
    // What cannot be compared may have changed.
    if (e instanceof TiercelError) return a === b;
    throw e;
  }
}
