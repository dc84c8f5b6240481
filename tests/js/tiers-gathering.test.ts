import { memoryRemote, type RemoteTier } from 'tiercel';
import { deferred, settled, stateOf } from './support/deferred.js';
import { openTiers } from './support/tiers.js';

const never = () => {
  throw new Error('the loader was called');
};

describe('the second tier', () => {
  test('is asked once for all that callers want of it in one turn, each of whom gets what is theirs', async () => {
    const remote = memoryRemote();
    const [a, b] = [await openTiers({ remote }), await openTiers({ remote })];
    for (const key of ['a', 'b', 'c']) await a.set(key, key);
    remote.calls.read = 0;
    const all = await Promise.all([
      b.get('a'),
      b.getMany(['b', 'none']),
      b.getOrSet('c', never),
      b.has('a'),
      b.getOrSet('new', () => 'loaded'),
    ]);
    expect(all).toEqual(['a', new Map([['b', 'b']]), 'c', true, 'loaded']);
    // In Workers requests do not wait for each other.
    const { navigator } = globalThis as { navigator?: { userAgent?: string } };
    const isWorker = navigator?.userAgent === 'Cloudflare-Workers';
    expect(remote.calls).toMatchObject({ read: isWorker ? 5 : 1, keys: 6 });
    await settled();
    expect(await a.get('new')).toBe('loaded');
    // More than one question may ask for.
    remote.calls.read = 0;
    const keys = Array.from({ length: 600 }, (_, i) => `k${i}`);
    await Promise.all(keys.map((key) => b.get(key)));
    expect(remote.calls.read).toBe(isWorker ? 600 : 3);
  });

  test('is asked by halves where calls cost one round trip: callers of the one go on while it works for the other', async () => {
    const remote = memoryRemote();
    const a = await openTiers({ remote });
    const names = (prefix: string, length: number) => Array.from({ length }, (_, i) => `${prefix}${i}`);
    const [few, keys] = [names('few', 11), names('k', 13)];
    for (const key of [...few, ...keys]) await a.set(key, key);
    const asked: string[][] = [];
    const answers = Array.from({ length: 4 }, () => deferred<void>());
    const pipelined: RemoteTier = {
      isPipelined: true,
      read: async (reads, call) => {
        const answer = answers[asked.length];
        asked.push(reads.map(({ key }) => key));
        await answer?.promise;
        return remote.read(reads, call);
      },
      write: (writes, call) => remote.write(writes, call),
      change: (changes, call) => remote.change(changes, call),
    };
    const cache = await openTiers({ remote: pipelined, memory: { maxEntries: 1 } });
    const first = few.map((key) => cache.get(key));
    await settled();
    // In Workers each asks for itself.
    if (asked.length > 1) return;
    expect(asked).toEqual([few]);
    answers[0]?.resolve();
    expect(await Promise.all(first)).toEqual(few);

    asked.length = 0;
    answers[0] = deferred();
    const all = keys.map((key) => cache.get(key));
    const many = cache.getMany(['few0', 'none']);
    await settled();
    expect(asked).toEqual([keys.slice(0, 8), [...keys.slice(8), 'few0', 'none']]);
    answers[1]?.resolve();
    expect(await Promise.all(all.slice(8))).toEqual(keys.slice(8));
    expect(await many).toEqual(new Map([['few0', 'few0']]));
    expect(await stateOf(all[7] as Promise<unknown>)).toBe('pending');
    answers[0]?.resolve();
    expect(await Promise.all(all)).toEqual(keys);
    // One that asks for many at once waits for all of them: nobody would go on before.
    asked.length = 0;
    answers.length = 0;
    expect((await cache.getMany(few.concat('none'))).size).toBe(few.length);
    expect(asked).toEqual([few.concat('none')]);
  });
});
