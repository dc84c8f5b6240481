import type { NativeAddon } from '../engine/native.js';

/** What is different from runtime to runtime. */
export interface Runtime {
  /** Called once, at the first cache that needs it. */
  wasmModule(): WebAssembly.Module;
  /** The addon, or why there is none. Absent where there can be none. */
  nativeAddon?(): NativeAddon | { reason: string };
  /** An environment variable, or undefined where there are none or they may not be read. */
  environment?(name: string): string | undefined;
  /** Promises belong to requests and end unheard with them, as in Workers. */
  requestScoped: boolean;
}
