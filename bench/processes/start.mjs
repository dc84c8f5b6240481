// start.mjs ENGINE: prints the milliseconds that the import of the package, and then a cache and its first get, take in
// a process that has done nothing yet.
const begin = performance.now();
const { MemoryCache } = await import('tiercel');
const imported = performance.now();
const cache = MemoryCache.createSync({ engine: /** @type {'wasm'} */ (process.argv[2]) });
cache.get('key');
const got = performance.now();
console.log(JSON.stringify({ load: imported - begin, first: got - imported }));
