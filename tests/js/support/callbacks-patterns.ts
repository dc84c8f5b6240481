import {
  ChatCache,
  cacheAside,
  QueryCache,
  Repository,
  ResilientCache,
  readThrough,
  writeBehind,
  writeThrough,
} from 'tiercel/patterns';
import { Predictor, Refresher, Warmer } from 'tiercel/warming';
import { forced, memory, on, type Row, SYNC } from './callback-row.js';
import { settled } from './deferred.js';
import { FakeTimers } from './timers.js';

const ORDER = { blocks: 'writes of a key are done one after the other' };
const session = { userId: 'u', sessionId: 's' };
const entity = { id: 1, name: 'Ada' };
const failing = () => Promise.reject(new Error('no'));

/** A cache that fails at whatever is asked of it. */
const broken = () => {
  const cache = memory();
  cache.close();
  return cache;
};

/** Of `tiercel/patterns` and `tiercel/warming`. */
export const PATTERN_ROWS: Record<string, Row> = {
  'patterns/cache-aside.ts load': on(1, (cache, load) => {
    const aside = cacheAside(cache, { load });
    return () => {
      cache.delete('k');
      return aside.get('k');
    };
  }),
  'patterns/cache-aside.ts action': on(1, (cache, action) => {
    const aside = cacheAside<unknown>(cache, { load: () => 1 });
    return () => aside.write('k', action);
  }),
  'patterns/cache-aside.ts dependents': on(
    [],
    (cache, dependents) => {
      const aside = cacheAside<unknown>(cache, { load: () => 1, dependents });
      return () => aside.write('k', () => 1);
    },
    SYNC,
  ),
  'patterns/read-through.ts loader': on(1, (cache, loader) => {
    const through = readThrough(cache);
    through.register('k', loader);
    return () => {
      cache.delete('k');
      return through.get('k');
    };
  }),
  'patterns/write-through.ts write': on(
    1,
    (cache, write) => {
      const through = writeThrough(cache, { write });
      return () => through.set('k', 1);
    },
    ORDER,
  ),
  'patterns/write-through.ts stored': on(
    1,
    (cache, stored) => {
      const through = writeThrough(cache, { write: () => 1, stored });
      return () => through.set('k', 1);
    },
    ORDER,
  ),
  'patterns/write-through.ts remove': on(
    1,
    (cache, remove) => {
      const through = writeThrough(cache, { write: () => 1, remove });
      return () => through.delete('k');
    },
    ORDER,
  ),
  'patterns/write-through.ts load': on(1, (cache, load) => {
    const through = writeThrough(cache, { write: () => 1, load });
    return () => {
      cache.delete('k');
      return through.get('k');
    };
  }),
  'patterns/write-through.ts dependents': on(
    [],
    (cache, dependents) => {
      const through = writeThrough(cache, { write: () => 1, dependents });
      return () => through.set('k', 1);
    },
    SYNC,
  ),
  'patterns/write-through.ts onCacheError': {
    good: undefined,
    sync: true,
    open: (onCacheError) => {
      const through = writeThrough(broken(), { write: () => 1, onCacheError });
      return { run: () => through.set('k', 1), caches: [] };
    },
  },
  'patterns/write-behind.ts write': {
    good: undefined,
    blocks: 'nobody knows what a write that is under way may yet do to its keys',
    open: (write) => {
      const timers = new FakeTimers();
      const cache = memory();
      const options = { attempts: 2, backoff: 1, interval: 0, drainOnSignal: false, timers };
      const behind = writeBehind(cache, { write, deadLetter: () => undefined, ...options });
      const run = async () => {
        await behind.set('k', 1);
        await timers.advance(100);
        await behind.flush();
      };
      return { run, caches: [cache] };
    },
  },
  'patterns/write-behind.ts deadLetter': {
    good: undefined,
    blocks: 'what was not handed over is not let go of',
    open: (deadLetter) => {
      const timers = new FakeTimers();
      const cache = memory();
      const options = { attempts: 1, interval: 0, drainOnSignal: false, timers };
      const behind = writeBehind(cache, { write: failing, deadLetter, ...options });
      const run = async () => {
        await behind.set('k', 1);
        await timers.advance(100_000);
      };
      return { run, caches: [cache] };
    },
  },
  'patterns/write-behind.ts load': on(1, (cache, load) => {
    const options = { write: () => 1, deadLetter: () => 1, drainOnSignal: false };
    const behind = writeBehind(cache, { load, ...options });
    return () => {
      cache.delete('k');
      return behind.get('k');
    };
  }),
  'patterns/repository.ts idOf': on(
    1,
    (cache, idOf) => {
      const source = { find: () => entity, create: () => entity };
      const users = new Repository<typeof entity, number>(cache as never, { model: 'user', source, idOf });
      return () => users.create(entity);
    },
    SYNC,
  ),
  'patterns/repository.ts onChange': on(undefined, (cache, onChange) => {
    const source = { find: () => entity, create: () => entity };
    const users = new Repository<typeof entity, number>(cache as never, { model: 'user', source, onChange });
    return () => users.create(entity);
  }),
  'patterns/query-cache.ts run': on([1], (cache, run) => {
    const queries = new QueryCache(cache);
    return async () => {
      await queries.changed('m');
      return queries.get({ models: ['m'], key: 'k' }, run);
    };
  }),
  'patterns/query-cache.ts write': on(1, (cache, write) => {
    const queries = new QueryCache(cache);
    return () => queries.write('m', write);
  }),
  'patterns/chat-cache.ts load': on([1], (cache, load) => {
    const chats = new ChatCache(cache);
    return async () => {
      await chats.invalidateSession(session);
      return chats.messages(session, 10, load);
    };
  }),
  'patterns/chat-cache.ts write': on(1, (cache, write) => {
    const chats = new ChatCache(cache);
    return () => chats.inSession(session, write);
  }),
  'patterns/resilient-cache.ts loader': on(1, (cache, loader) => {
    const resilient = new ResilientCache(cache);
    return () => resilient.getOrSet('k', loader, forced);
  }),
  'patterns/resilient-cache.ts onError': {
    good: undefined,
    sync: true,
    open: (onError) => {
      const resilient = new ResilientCache(broken(), { onError, failures: 1_000 });
      return { run: () => resilient.get('k'), caches: [] };
    },
  },
  'warming/warmer.ts run': {
    good: 1,
    blocks: 'two runs of a task never overlap',
    open: (run) => {
      const warmer = new Warmer().add({ name: 'task', run });
      return { run: () => warmer.run(), caches: [] };
    },
  },
  'warming/warmer.ts environment': {
    good: '',
    sync: true,
    open: (environment) => {
      const warmer = new Warmer({ environment }).add({ name: 'task', run: () => 1 });
      return { run: () => warmer.run(), caches: [] };
    },
  },
  'warming/predictor.ts warm': {
    good: undefined,
    open: (warm) => {
      const predictor = new Predictor({ warm, concurrency: 2 });
      const run = () => {
        for (let i = 0; i < 10; i++) predictor.record('k');
        return predictor.warm();
      };
      return { run, caches: [] };
    },
  },
  'warming/refresher.ts load': on(
    1,
    (cache, load) => {
      const refresher = new Refresher(cache, { load, hits: 1, within: '1h' });
      return async () => {
        cache.set('k', 1, { ttl: 1_000 });
        for (let i = 0; i < 5; i++) cache.get('k');
        await settled();
        return refresher.run();
      };
    },
    { blocks: 'a round ends when its loads have: give them a hardTimeout' },
  ),
  'warming/refresher.ts onError': on(
    undefined,
    (cache, onError) => {
      const refresher = new Refresher<unknown>(cache, { load: failing, onError, hits: 1, within: '1h' });
      return async () => {
        cache.set('k', 1, { ttl: 1_000 });
        for (let i = 0; i < 5; i++) cache.get('k');
        await settled();
        return refresher.run();
      };
    },
    SYNC,
  ),
};
