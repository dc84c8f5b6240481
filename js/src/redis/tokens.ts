import type { Change } from '../tiers/change.js';
import { namespaceScope, tagScope } from './names.js';
import type { RedisBytes } from './port.js';
import { unpackStrings } from './value.js';

/** Tokens of a generation: half of all that are remembered. */
const MOST_TOKENS = 5_000;
/** Scopes of which it is remembered when they were last forgotten. */
const MOST_FORGOTTEN = 4_096;
/** Lists of scopes that are kept as they were read, and how long one may be. */
const MOST_LISTS = 1_024;
const LONGEST_LIST = 2_048;

/** What stands for the number of barriers of a namespace: no scope is called so. */
const barriersOf = (ns: string) => `q ${ns}`;

/**
 * Tokens of scopes as Redis has them, for one cache that hears what is changed. What an answer of Redis says of a scope is
 * learned only if nothing was heard of that scope since the question went out: of two connections nobody knows which was
 * first. Those of keys are not among them, as a value that is loaded takes the token of its key, and nobody tells of that.
 */
export class Tokens {
  readonly #isDurable: boolean;
  /** Two generations: what was not used in the time of one is forgotten. */
  #young = new Map<string, string>();
  #old = new Map<string, string>();
  /** When scopes were last forgotten; of those that are not among them, before {@link #floor}. */
  readonly #forgotten = new Map<string, number>();
  #floor = 0;
  #now = 0;
  readonly #lists = new Map<string, readonly string[] | undefined>();

  /** @param isDurable whether what was written under another reign counts */
  constructor(isDurable: boolean) {
    this.#isDurable = isDurable;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** The time as of now, for {@link learn}. */
  get time(): number {
    return this.#now;
  }

  has(scope: string): boolean {
    return this.#get(scope) !== undefined;
  }

  /** Names and tokens of the packed list that is in these bytes; undefined for what is none. */
  listOf(bytes: RedisBytes, start: number, end: number): readonly string[] | undefined {
    const isLong = end - start > LONGEST_LIST;
    const text = isLong ? '' : bytes.latin1Slice(start, end);
    const known = isLong ? undefined : this.#lists.get(text);
    if (known !== undefined) return known;
    const list = unpackStrings(bytes.subarray(start, end) as RedisBytes);
    if (isLong) return list;
    if (this.#lists.size >= MOST_LISTS) this.#lists.clear();
    this.#lists.set(text, list);
    return list;
  }

  /** Whether an entry of a namespace with these scopes is alive: false also if that is not known. */
  vouch(list: readonly string[] | undefined, ns: string): boolean {
    if (list === undefined || list.length % 2 !== 0) return false;
    let isCounted = false;
    for (let i = 0; i < list.length; i += 2) {
      const name = list[i] as string;
      if (name === 'q') isCounted = true;
      else if (name === 'r' && this.#isDurable) continue;
      if (this.#get(name === 'q' ? barriersOf(ns) : name) !== list[i + 1]) return false;
    }
    return isCounted;
  }

  /**
   * Learns from an entry that Redis found alive.
   * @param isLast whether there were no barriers since
   * @param time when Redis was asked
   */
  learn(list: readonly string[] | undefined, ns: string, isLast: boolean, time: number): void {
    if (list === undefined || time < this.#floor) return;
    for (let i = 0; i < list.length; i += 2) {
      const name = list[i] as string;
      if (name === 'q' ? !isLast : /^[k@]/.test(name)) continue;
      const scope = name === 'q' ? barriersOf(ns) : name;
      const token = list[i + 1] as string;
      if ((this.#forgotten.get(scope) ?? 0) > time) continue;
      const known = this.#get(scope);
      if (known === token) continue;
      // Another server: of what was under the one before nobody knows anything.
      if (name === 'r' && known !== undefined) {
        this.forget();
        return;
      }
      this.#set(scope, token);
    }
  }

  /** Something was changed, or is about to be. */
  changed(changes: readonly Change[]): void {
    for (const change of changes) {
      const { kind, namespace } = change;
      if (kind === 'tags') for (const tag of change.tags) this.#drop(tagScope(namespace, tag));
      if (kind === 'prefix' || kind === 'pattern' || kind === 'clear')
        this.#drop(barriersOf(namespaceScope(namespace)));
      // Entries in the namespaces below have the scope of this one as well.
      if (kind === 'clear') this.#drop(namespaceScope(namespace));
    }
  }

  /** Nothing of before counts, and no answer to what was asked before. */
  forget(): void {
    this.#young.clear();
    this.#old.clear();
    this.#forgotten.clear();
    this.#floor = ++this.#now;
  }

  #drop(scope: string): void {
    this.#young.delete(scope);
    this.#old.delete(scope);
    if (this.#forgotten.size >= MOST_FORGOTTEN) {
      this.#forgotten.clear();
      this.#floor = this.#now + 1;
    }
    this.#forgotten.set(scope, ++this.#now);
  }

  #get(scope: string): string | undefined {
    const token = this.#young.get(scope);
    if (token !== undefined) return token;
    const older = this.#old.get(scope);
    if (older === undefined) return undefined;
    this.#old.delete(scope);
    this.#set(scope, older);
    return older;
  }

  #set(scope: string, token: string): void {
    if (this.#young.size >= MOST_TOKENS) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(scope, token);
  }
}
