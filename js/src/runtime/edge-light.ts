// Vercel's edge runtime: as Workers, with its own way to name a module.
// @ts-expect-error: known to the runtime and its bundlers, which make it a WebAssembly.Module.
import module from './core.wasm?module';
import type { Runtime } from './runtime.js';

export const runtime: Runtime = { wasmModule: () => module as WebAssembly.Module, requestScoped: true };
