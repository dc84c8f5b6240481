import type { CacheLike } from '../cache-like.js';
import type { Count } from '../memory/types.js';

/** What a cache should have been told, as invalidations: of what was set meanwhile it may have an older value. */
export interface MissedChange {
  readonly type: 'key' | 'tag' | 'prefix' | 'pattern' | 'all';
  readonly text: string;
}

const ALL: MissedChange = { type: 'all', text: '' };

/** Changes that a cache has missed, each once and at most `most` of them; past that it is as if all had changed. */
export class MissedChanges {
  readonly #most: Count;
  readonly #changes = new Map<string, MissedChange>();
  #replay: Promise<void> | undefined;

  constructor(most: Count) {
    this.#most = most;
  }

  get size(): Count {
    return this.#changes.size;
  }

  note(change: MissedChange): void {
    const missed = this.#changes.size >= this.#most ? ALL : change;
    if (missed.type === 'all') this.#changes.clear();
    // Nothing is left to be missed after that.
    else if (this.#changes.has(nameOf(ALL))) return;
    // A new object: one that is being told now must be told again.
    this.#changes.set(nameOf(missed), { ...missed });
  }

  /** Tells the cache all of it. Rejects with the first failure; what was told is not told again. */
  async replay(cache: CacheLike): Promise<void> {
    while (this.#changes.size > 0) {
      this.#replay ??= this.#tell(cache).finally(() => {
        this.#replay = undefined;
      });
      await this.#replay;
    }
  }

  async #tell(cache: CacheLike): Promise<void> {
    for (const [name, change] of this.#changes) {
      await tell(cache, change);
      if (this.#changes.get(name) === change) this.#changes.delete(name);
    }
  }
}

function nameOf({ type, text }: MissedChange): string {
  return `${type}:${text}`;
}

async function tell(cache: CacheLike, { type, text }: MissedChange): Promise<void> {
  if (type === 'key') await cache.delete(text);
  else if (type === 'tag') await cache.invalidateTags(text);
  else if (type === 'prefix') await cache.invalidatePrefix(text);
  else if (type === 'pattern') await cache.invalidatePattern(text);
  else await cache.clear();
}
