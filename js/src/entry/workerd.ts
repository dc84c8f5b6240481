// Cloudflare Workers: a module can only come from a .wasm file, and promises belong to requests.
import { setPlatform } from '../engine/platform.js';
// @ts-expect-error: known to the runtime, which makes it a WebAssembly.Module; it lies beside the bundle.
import module from './core.wasm';

setPlatform({ wasmModule: () => module as WebAssembly.Module, requestScoped: true });

export * from '../index.js';
