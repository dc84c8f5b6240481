import { validated } from 'tiercel';
import { openCache } from './support/cache.js';
import { settled } from './support/deferred.js';
import { expectThrow } from './support/errors.js';
import { KINDS } from './support/kinds.js';

interface Shaped {
  shape: number;
}

describe.each(KINDS)('values of %s that are looked at when they are read', (_, open) => {
  async function opened() {
    const { cache, memory } = await open();
    let shape = 1;
    const view = validated(cache, (value) => (value as Shaped).shape === shape);
    return { memory, view, reshape: () => shape++ };
  }

  test('are served while they are valid, and then removed', async () => {
    const { memory, view, reshape } = await opened();
    await view.set('k', { shape: 1 });
    expect(await view.get('k')).toEqual({ shape: 1 });
    expect(await view.get('none')).toBeUndefined();
    reshape();
    expect(await view.get('k')).toBeUndefined();
    expect(memory.has('k')).toBe(false);
  });

  test('of many, those that are valid', async () => {
    const { memory, view, reshape } = await opened();
    await view.setMany([
      ['a', { shape: 1 }],
      ['b', { shape: 2 }],
    ]);
    expect(await view.getMany(['a', 'b', 'c'])).toEqual(new Map([['a', { shape: 1 }]]));
    expect([memory.has('a'), memory.has('b')]).toEqual([true, false]);
    expect(await view.getMany(['a'])).toEqual(new Map([['a', { shape: 1 }]]));
    reshape();
    expect(await view.getMany(['a'])).toEqual(new Map());
  });

  test('are loaded anew, once for all that ask', async () => {
    const { view, reshape, memory } = await opened();
    let loads = 0;
    const load = async () => ({ shape: ++loads });
    expect(await view.getOrSet('k', load)).toEqual({ shape: 1 });
    expect(await view.getOrSet('k', load)).toEqual({ shape: 1 });
    reshape();
    const all = await Promise.all(Array.from({ length: 20 }, () => view.getOrSet('k', load)));
    expect(all).toEqual(Array(20).fill({ shape: 2 }));
    expect(await view.getOrSet('k', load)).toEqual({ shape: 2 });
    expect([loads, memory.get('k')]).toEqual([2, { shape: 2 }]);
  });

  test('that are loaded and not valid are returned, and not stored', async () => {
    const { view, memory } = await opened();
    expect(await view.getOrSet('k', () => ({ shape: 7 }))).toEqual({ shape: 7 });
    expect(await view.getOrSet('u', () => undefined)).toBeUndefined();
    await settled();
    expect(memory.size).toBe(0);
  });

  test('in namespaces too, and all else is as it was', async () => {
    const { view, memory } = await opened();
    const inner = view.namespace('n');
    await inner.set('k', { shape: 2 }, { tags: ['t'] });
    expect(await inner.has('k')).toBe(true);
    expect(await inner.get('k')).toBeUndefined();
    await inner.set('k', { shape: 1 }, { tags: ['t'] });
    await inner.touch('k', 1000);
    await inner.invalidateTags('t');
    await view.set('a:1', { shape: 1 });
    await view.set('b:1', { shape: 1 });
    await view.set('c', { shape: 1 });
    await view.expire('c');
    expect(await view.get('c')).toBeUndefined();
    await view.invalidatePrefix('a:');
    await view.invalidatePattern('b*');
    await view.delete('c');
    expect(memory.size).toBe(0);
  });

  test('errors of the check are the reader’s', async () => {
    const { cache, memory } = await open();
    memory.set('k', 1);
    const view = validated(cache, () => {
      throw new RangeError('check');
    });
    await expect((async () => view.get('k'))()).rejects.toThrow(new RangeError('check'));
    await expect(view.getOrSet('k', () => 1)).rejects.toThrow(new RangeError('check'));
    expect(memory.has('k')).toBe(true);
  });
});

test('of a synchronous cache reads are synchronous', () => {
  const view = validated(openCache<number>(), (value) => value < 5);
  view.set('k', 4);
  const value: number | undefined = view.get('k');
  expect(value).toBe(4);
  expectThrow(() => validated(openCache(), 5 as never), 'ERR_TIERCEL_INVALID_ARGUMENT', /^validate: got 5/);
});
