import { TiercelError } from '../errors.js';
// In the package this is `#runtime`: the one that is for the runtime there.
import { runtime } from '../runtime/inline.js';
import { type NativeAddon, NativePort } from './native.js';
import type { Port } from './port.js';
import { SharedPort } from './shared.js';
import { openWasm } from './wasm.js';

export type EngineKind = 'native' | 'wasm';
export type EngineChoice = 'auto' | EngineKind;

let wasmModule: WebAssembly.Module | undefined;
let native: NativeAddon | { reason: string } | undefined;

export function isRequestScoped(): boolean {
  return runtime.requestScoped;
}

/** Opens an engine of the kind asked for; `auto` heeds `TIERCEL_ENGINE`, then prefers the native one. */
export function openEngine(choice: EngineChoice): Port {
  const kind = resolve(choice);
  if (kind === 'wasm') return openWasm(loadWasm());
  const addon = loadNative();
  if ('reason' in addon) {
    throw new TiercelError(
      'ERR_TIERCEL_ENGINE_UNAVAILABLE',
      `the native engine cannot be used: ${addon.reason}; engine "auto" would use wasm`,
    );
  }
  return new NativePort(addon);
}

/** Opens an engine for a cache that all threads share, which only the native one can. */
export function openShared(choice: EngineChoice): SharedPort {
  const addon = resolve(choice) === 'native' ? loadNative() : undefined;
  if (addon !== undefined && !('reason' in addon)) return new SharedPort(addon.shared);
  const native = addon ?? loadNative();
  const why =
    'reason' in native
      ? `that cannot be used here: ${native.reason}`
      : choice === 'wasm'
        ? 'engine is "wasm": leave that out'
        : 'the environment variable TIERCEL_ENGINE forces wasm: unset it';
  throw new TiercelError(
    'ERR_TIERCEL_ENGINE_UNAVAILABLE',
    `shared: needs the native engine, and ${why}. Without the option, each thread has a cache of its own`,
  );
}

/** The kind that a cache with this choice would use now. */
export function resolve(choice: EngineChoice): EngineKind {
  if (choice !== 'auto') return choice;
  const forced = runtime.environment?.('TIERCEL_ENGINE');
  if (forced === 'wasm' || forced === 'native') return forced;
  if (forced !== undefined && forced !== '' && forced !== 'auto') {
    throw new TiercelError(
      'ERR_TIERCEL_INVALID_OPTION',
      `TIERCEL_ENGINE: got ${JSON.stringify(forced)}; accepted: "auto", "native", "wasm"`,
    );
  }
  return 'reason' in loadNative() ? 'wasm' : 'native';
}

export function loadNative(): NativeAddon | { reason: string } {
  native ??= runtime.nativeAddon?.() ?? { reason: 'there is no native engine for this runtime' };
  return native;
}

function loadWasm(): WebAssembly.Module {
  try {
    wasmModule ??= runtime.wasmModule();
  } catch (cause) {
    throw new TiercelError(
      'ERR_TIERCEL_ENGINE_UNAVAILABLE',
      "the wasm module cannot be compiled here; under a Content-Security-Policy, script-src needs 'wasm-unsafe-eval'",
      { cause },
    );
  }
  return wasmModule;
}
