// Browsers, and any runtime with WebAssembly that none of the other files here is for.
import { inlineModule } from './inline-module.js';
import type { Runtime } from './runtime.js';

export const runtime: Runtime = { wasmModule: inlineModule, requestScoped: false };
