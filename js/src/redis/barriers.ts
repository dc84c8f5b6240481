import { MemoryCache } from '../memory/memory-cache.js';
import { textOf } from './commands.js';
import { keyOfScope, parseBarrier } from './names.js';
import type { RedisReply } from './port.js';

/** Compares keys with changes of prefixes and patterns, by the matcher of the core. */
export class Barriers {
  #globs: MemoryCache | undefined;

  /**
   * Whether one of them concerns a key, or one that its value is made from.
   * @param barriers texts of barriers, and scopes of such keys
   */
  bar(key: string, barriers: readonly RedisReply[]): boolean {
    if (barriers.length === 0) return false;
    const texts = barriers.map(textOf);
    const keys = [key, ...texts.map(keyOfScope).filter((made) => made !== undefined)];
    return texts.some((text) => {
      if (keyOfScope(text) !== undefined) return false;
      const barrier = parseBarrier(text);
      if (barrier === undefined) return true;
      return keys.some((each) =>
        barrier.isPrefix ? each.startsWith(barrier.text) : this.#matches(barrier.text, each),
      );
    });
  }

  #matches(pattern: string, key: string): boolean {
    this.#globs ??= MemoryCache.createSync({ maxEntries: 1, maxKeyBytes: 2 ** 20 });
    this.#globs.set(key, true);
    return [...this.#globs.keys(pattern)].includes(key);
  }
}
