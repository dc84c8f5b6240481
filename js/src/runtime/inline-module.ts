import { wasmBase64 } from '../generated/wasm-base64.js';

/** Compiles the module that the package carries as text. Needs no file, so that every bundler keeps it. */
export function inlineModule(): WebAssembly.Module {
  const text = atob(wasmBase64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new WebAssembly.Module(bytes);
}
