// Vercel's edge runtime: as Workers, with its own way to name a module.
import { setPlatform } from '../engine/platform.js';
// @ts-expect-error: known to the runtime and its bundlers, which make it a WebAssembly.Module.
import module from './core.wasm?module';

setPlatform({ wasmModule: () => module as WebAssembly.Module, requestScoped: true });

export * from '../index.js';
