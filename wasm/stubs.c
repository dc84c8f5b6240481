// The two functions that Emscripten's C library would import. With them the module imports nothing, so that
// any runtime instantiates it without a line of glue.

// Views are re-derived by the binding, which sees that the old ones are detached.
void emscripten_notify_memory_growth(unsigned long memory_index) { (void)memory_index; }

// Reached by abort(): a trap, after which the binding takes the instance out of use.
_Noreturn void __wasi_proc_exit(unsigned code) {
  (void)code;
  __builtin_trap();
}
