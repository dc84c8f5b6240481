// The two functions that Emscripten's C library would import. With them the module imports nothing, so that
// any runtime instantiates it without a line of glue.

// Called after each growth. Views are re-derived by the binding, which sees that the old ones are detached.
// For each growth V8 makes an ArrayBuffer of the whole memory, takes that for so much that was allocated, and
// marks or collects for some 5 to 20 milliseconds: so half as much again is had at once, up to 64 MiB. Pages
// cost nothing until they are used; a refusal is no harm.
void emscripten_notify_memory_growth(unsigned long memory_index) {
  const unsigned long most = 1024;  // Of 64 KiB each.
  const unsigned long half = __builtin_wasm_memory_size(0) / 2;
  (void)memory_index;
  (void)__builtin_wasm_memory_grow(0, half < most ? half : most);
}

// Reached by abort(): a trap, after which the binding takes the instance out of use.
_Noreturn void __wasi_proc_exit(unsigned code) {
  (void)code;
  __builtin_trap();
}

/* The JSON library writes with it where in a wrong document the fault is, which nobody reads. The C library's
 * takes 7 KB of code. */
int snprintf(char* to, unsigned long size, const char* format, ...) {
  (void)format;
  if (size > 0) *to = 0;
  return 0;
}
