import { TiercelError } from '../errors.js';
import { distance } from '../memory/readers.js';

/** Reads a text; undefined if it is none of what is accepted. */
export type Parse<T> = (text: string) => T | undefined;

/** Variables that say how a cache is made, by name. */
const KNOWN = [
  'CACHE_BACKEND',
  'CACHE_DEFAULT_TTL',
  'CACHE_MAX_MEMORY_SIZE',
  'REDIS_URL',
  'REDIS_HOST',
  'REDIS_PORT',
  'REDIS_USERNAME',
  'REDIS_PASSWORD',
  'REDIS_DB',
  'REDIS_TLS',
  'REDIS_SENTINELS',
  'REDIS_SENTINEL_MASTER',
  'REDIS_SENTINEL_USERNAME',
  'REDIS_SENTINEL_PASSWORD',
  'REDIS_CLUSTER_NODES',
] as const;

export type Variable = (typeof KNOWN)[number];

/** Names this close to a known one, in letters to change, are taken for it misspelt. */
const NEAR = 2;

/** The environment, one variable at a time. What is set to nothing, or to white space, is not set. */
export class Variables {
  readonly #environment: Readonly<Record<string, unknown>>;

  constructor(environment: Readonly<Record<string, unknown>>) {
    this.#environment = environment;
  }

  text(name: Variable): string | undefined {
    const value = this.#environment[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string')
      throw new TiercelError('ERR_TIERCEL_INVALID_OPTION', `${name}: got no text; accepted: a text`);
    return value.trim() === '' ? undefined : value;
  }

  isSet(name: Variable): boolean {
    return this.text(name) !== undefined;
  }

  /** @throws TiercelError `ERR_TIERCEL_INVALID_OPTION` naming variable, value and what is accepted */
  read<T>(name: Variable, parse: Parse<T>, accepted: string): T | undefined {
    const text = this.text(name)?.trim();
    if (text === undefined) return undefined;
    const value = parse(text);
    if (value !== undefined) return value;
    throw wrong(name, JSON.stringify(text), accepted);
  }

  /** Refuses what does not go together. */
  refuseBoth(name: Variable, others: readonly Variable[], why: string): void {
    const other = others.find((candidate) => this.isSet(candidate));
    if (!this.isSet(name) || other === undefined) return;
    throw new TiercelError('ERR_TIERCEL_INVALID_OPTION', `${other}: not beside ${name}, ${why}`);
  }

  /** Warnings about names that look like misspelt ones. Others may be for other programs, and are none of ours. */
  misspelt(): string[] {
    const warnings: string[] = [];
    for (const name of Object.keys(this.#environment)) {
      if (!/^(?:CACHE|REDIS)_/.test(name) || (KNOWN as readonly string[]).includes(name)) continue;
      const nearest = KNOWN.reduce((best, known) => (distance(name, known) < distance(name, best) ? known : best));
      if (distance(name, nearest) <= NEAR) warnings.push(`${name} is not known; did you mean ${nearest}?`);
    }
    return warnings;
  }
}

/** @param shown the value, unless it is a secret */
export function wrong(name: Variable, shown: string, accepted: string): TiercelError {
  return new TiercelError('ERR_TIERCEL_INVALID_OPTION', `${name}: got ${shown}; accepted: ${accepted}`);
}
