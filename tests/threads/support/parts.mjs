// What workers of these tests do: the function that workerData.part names.
import v8 from 'node:v8';
import vm from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { MemoryCache } from 'tiercel';
import { random } from '../../../bench/zipf.mjs';
import { ignore, never } from './threads.mjs';

const say = (message) => parentPort.postMessage(message);
const next = () => new Promise((resolve) => parentPort.once('message', resolve));
/** @returns {MemoryCache<any>} */
const open = (options = workerData.options) => MemoryCache.createSync(options);

const parts = {
  /** Opens the cache and closes it when told. */
  async holder() {
    const cache = open();
    say('open');
    await next();
    cache.close();
    say('closed');
  },

  /** Asks for keys as others do, with a loader that says so. */
  async asker({ keys, askers, name }) {
    const cache = open();
    say('ready');
    await next();
    let loaders = 0;
    const load = async ({ key }) => {
      loaders++;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return `${key} by ${name}`;
    };
    const values = {};
    for (const key of keys) {
      const got = await Promise.all(Array.from({ length: askers }, () => cache.getOrSet(key, load)));
      values[key] = [...new Set(got)];
    }
    say({ loaders, values });
    cache.close();
  },

  /** Begins a load that never ends, and ends as it is told. */
  async loader({ key }) {
    const cache = open();
    cache.getOrSet(key, never).catch(ignore);
    say('loading');
    const how = await next();
    if (how === 'exit') process.exit(0);
    if (how === 'close') cache.close();
    if (how === 'throw') throw new Error('meant');
  },

  /** Ends a load of a key in the way it is told. */
  async outcome({ key, how }) {
    const cache = open();
    const told = cache.getOrSet(key, async (context) => {
      say('loading');
      await next();
      if (how === 'skip') context.skip();
      if (how === 'reject') throw Object.assign(new RangeError('out of bounds'), { code: 'ERR_MEANT' });
      if (how === 'reject with a string') return Promise.reject('a string');
      if (how === 'nothing') return undefined;
      if (how === 'not serializable') return ignore;
      return { how };
    });
    await told.catch(ignore);
    say('done');
    cache.close();
  },

  /** Reads, writes and invalidates at random, and notes when: see freshness.test.mjs. */
  async noter({ signals, operations, keys, seed, protect }) {
    const cache = open();
    const clock = new Int32Array(signals);
    const tick = () => Atomics.add(clock, 0, 1) + 1;
    const draw = random(seed * 7919);
    const below = (n) => Math.floor(draw() * n);
    const writes = [];
    const reads = [];
    for (let i = 0; i < operations; i++) {
      const key = `k${below(keys)}`;
      const tags = [`t${key}`];
      const begin = tick();
      switch (below(12)) {
        case 0:
          cache.set(key, begin, { tags });
          writes.push([key, begin, tick()]);
          break;
        case 1:
          cache.delete(key);
          writes.push([key, begin, tick()]);
          break;
        case 2:
          cache.invalidateTags(...tags);
          writes.push([key, begin, tick()]);
          break;
        case 3:
          cache.invalidatePrefix(key);
          writes.push([key, begin, tick()]);
          break;
        case 4:
        case 5: {
          if (!protect) {
            // What caches do that know of no loads: the value is fetched, and then set.
            const made = tick();
            await null;
            await new Promise(setImmediate);
            cache.set(key, made, { tags });
            break;
          }
          let joined = true;
          const value = await cache.getOrSet(
            key,
            async () => {
              joined = false;
              const made = tick();
              await new Promise(setImmediate);
              return made;
            },
            { tags },
          );
          // Of those that joined, or found it, the value is a read that began with the call.
          if (joined) reads.push([key, begin, value]);
          break;
        }
        default: {
          const value = cache.get(key);
          if (value !== undefined) reads.push([key, begin, value]);
        }
      }
    }
    say({ writes, reads });
    cache.close();
  },

  /** Adds to a number in the cache, under a lock of Atomics. */
  async adder({ signals, times }) {
    const cache = open();
    const lock = new Int32Array(signals);
    for (let i = 0; i < times; i++) {
      while (Atomics.compareExchange(lock, 0, 0, 1) !== 0) Atomics.wait(lock, 0, 1);
      cache.set('sum', (cache.get('sum') ?? 0) + 1);
      Atomics.store(lock, 0, 0);
      Atomics.notify(lock, 0, 1);
    }
    say('done');
    cache.close();
  },

  /** The same, and a load is the lock: one thread at a time runs a loader of a key. */
  async lockingAdder({ times }) {
    const cache = open();
    for (let done = 0; done < times; ) {
      await cache.getOrSet('lock', (context) => {
        context.skip();
        done++;
        cache.set('sum', (cache.get('sum') ?? 0) + 1);
        return true;
      });
    }
    say('done');
    cache.close();
  },

  /** Does what changes counters. */
  async counted({ operations, seed }) {
    const cache = open();
    const draw = random(seed);
    const counts = { gets: 0, sets: 0 };
    for (let i = 0; i < operations; i++) {
      const key = `k${Math.floor(draw() * 500)}`;
      if (i % 3 === 0) {
        cache.set(key, i);
        counts.sets++;
      } else {
        cache.get(key);
        counts.gets++;
      }
    }
    say(counts);
    cache.close();
  },

  /** Uses the cache until it is stopped. */
  async busy({ seed }) {
    const cache = open();
    const draw = random(seed);
    if (seed % 2 === 0) cache.on('remove', ignore);
    say('busy');
    for (let i = 0; ; i++) {
      const key = `k${Math.floor(draw() * 100)}`;
      cache.set(key, i, { tags: ['t'], dependsOn: [`k${Math.floor(draw() * 100)}`] });
      cache.get(`k${Math.floor(draw() * 100)}`);
      cache.getOrSet(`load ${key}`, never).catch(ignore);
      if (i % 50 === 0) {
        cache.invalidateTags('t');
        await new Promise(setImmediate);
      }
    }
  },

  /** Opens caches and forgets them. */
  async forgetful({ count }) {
    for (let i = 0; i < count; i++) open({ shared: `${workerData.options.shared} ${i}`, maxEntries: 10 });
    say('forgotten');
    await next();
    v8.setFlagsFromString('--expose-gc');
    const gc = vm.runInNewContext('gc');
    for (let i = 0; i < 10; i++) {
      gc();
      await new Promise(setImmediate);
    }
    say('collected');
  },

  /** Counts what it hears. */
  async listener({ event }) {
    const cache = open();
    const heard = [];
    cache.on(event, (payload) => heard.push(payload));
    say('listening');
    await next();
    say(heard);
    cache.close();
  },
};

await parts[workerData.part](workerData);
