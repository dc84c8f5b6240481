// Browsers, and any runtime with WebAssembly that none of the other entries is for.
import { inlineModule } from '../engine/inline.js';
import { setPlatform } from '../engine/platform.js';

setPlatform({ wasmModule: inlineModule, requestScoped: false });

export * from '../index.js';
