import { ABI_VERSION } from '../generated/abi.js';
import { version } from '../generated/version.js';
import { type EngineKind, loadNative, resolve } from './platform.js';

export interface EngineInfo {
  /** What a cache with `engine: 'auto'` would use. */
  engine: EngineKind;
  /** Version of the boundary between this package and its engines. */
  abi: number;
  version: string;
  native: {
    available: boolean;
    /** Why the native engine is not available. */
    reason?: string;
  };
  /** The caches that threads of this process share; none where there is no native engine. */
  shared: readonly SharedCacheInfo[];
}

export interface SharedCacheInfo {
  name: string;
  /** How many caches, of all threads, have it open. */
  references: number;
  /** Parts with a lock each. */
  shards: number;
  entries: number;
  bytes: number;
}

/** Which engine runs, and why not the native one. Loads the native binary if that was not done yet. */
export function engineInfo(): EngineInfo {
  const addon = loadNative();
  return {
    engine: resolve('auto'),
    abi: ABI_VERSION,
    version,
    native: 'reason' in addon ? { available: false, reason: addon.reason } : { available: true },
    shared: 'reason' in addon ? [] : (JSON.parse(addon.shared.list()) as SharedCacheInfo[]),
  };
}
