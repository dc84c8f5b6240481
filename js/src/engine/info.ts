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
}

/** Which engine runs, and why not the native one. Loads the native binary if that was not done yet. */
export function engineInfo(): EngineInfo {
  const addon = loadNative();
  return {
    engine: resolve('auto'),
    abi: ABI_VERSION,
    version,
    native: 'reason' in addon ? { available: false, reason: addon.reason } : { available: true },
  };
}
