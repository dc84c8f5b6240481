// Cloudflare Workers: a module can only come from a .wasm file, and promises belong to requests.
// @ts-expect-error: known to the runtime, which makes it a WebAssembly.Module; it lies beside the bundle.
import module from './core.wasm';
import type { Runtime } from './runtime.js';

export const runtime: Runtime = { wasmModule: () => module as WebAssembly.Module, requestScoped: true };
