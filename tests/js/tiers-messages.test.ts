import { type ChannelListener, sequencedBus } from 'tiercel';
import { deferred, settled } from './support/deferred.js';
import { fleet } from './support/fleet.js';
import { openTiers } from './support/tiers.js';

/** What is told, message by message: keys, or what else changes. */
function messagesOf(hub: { fault: unknown }) {
  const messages: string[][] = [];
  hub.fault = (text: string, listener: number) => {
    const { changes } = JSON.parse(text) as { changes: { kind: string; key?: string }[] };
    if (listener === 1 && changes.length > 0) messages.push(changes.map(({ kind, key }) => key ?? kind));
    return [0];
  };
  return messages;
}

const isWorker = (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent === 'Cloudflare-Workers';

describe.each([true, false])('what others are told of within one turn (second tier: %s)', (withRemote) => {
  test('is one message, in the order in which it was told', async () => {
    const { a, b, hub } = await fleet(2, {}, withRemote);
    const messages = messagesOf(hub);
    for (const key of ['k', 'l', 'm']) b.memory.set(key, 1, { tags: ['t'] });
    await Promise.all([a.set('k', 2), a.setMany([['l', 2]]), a.set('n', 2)]);
    await Promise.all([a.invalidateKeys('m'), a.invalidateTags('t')]);
    // In Workers requests do not wait for each other.
    if (!isWorker) {
      expect(messages).toEqual([
        ['k', 'l', 'n'],
        ['m', 'tags'],
      ]);
    }
    expect(b.memory.size).toBe(0);
    expect(b.stats().heard).toBe(5);
    expect(b.health().bus).toMatchObject({ state: 'live', missed: 0 });
  });

  test('is no message of more than 256 changes', async () => {
    const { a, b, hub } = await fleet(2, {}, withRemote);
    const messages = messagesOf(hub);
    const keys = Array.from({ length: 600 }, (_, i) => `k${i}`);
    await Promise.all(keys.map((key) => a.set(key, 1)));
    if (!isWorker) expect(messages.map(({ length }) => length)).toEqual([256, 256, 88]);
    expect(messages.flat()).toEqual(keys);
    expect(b.health().bus).toMatchObject({ state: 'live', missed: 0 });
  });

  test('is told by a cache that is closed at once', async () => {
    const { a, b } = await fleet(2, {}, withRemote);
    b.memory.set('k', 1);
    const telling = a.invalidateKeys('k');
    await a.close();
    await telling;
    expect(b.memory.get('k')).toBeUndefined();
    expect(b.health().bus).toMatchObject({ state: 'live', missed: 0 });
  });

  test('waits for all of it if it could not be sent', async () => {
    const { a, hub } = await fleet(2, {}, withRemote);
    hub.cut(0);
    const both = [a.invalidateKeys('k'), a.invalidateKeys('l')];
    expect(await Promise.all(both)).toMatchObject([{ pending: true }, { pending: true }]);
    expect(a.health().pending.changes).toBe(2);
    hub.heal(0);
    await settled();
    expect(a.health().pending).toMatchObject({ changes: 0, replayed: 2 });
  });
});

test('what values go with is a message for each call', async () => {
  const { a, b, hub } = await fleet(2, { publishValue: true });
  const messages = messagesOf(hub);
  // Values are taken once it is known what came after what.
  for (const cache of [a, b]) await cache.get('none');
  await Promise.all([a.set('k', 1), a.set('l', 2), a.invalidateKeys('m')]);
  expect(messages).toHaveLength(3);
  expect([b.memory.get('k'), b.memory.get('l')]).toEqual([1, 2]);
});

test('what is refused because too much is under way waits no longer than that', async () => {
  const { a, remote } = await fleet(1);
  const gate = deferred();
  remote.fault = (operation) => (operation === 'write' ? { before: gate.promise } : undefined);
  const count = 1_500;
  const setting = Array.from({ length: count }, (_, i) => a.set(`k${i}`, i));
  await settled();
  expect(a.health()).toMatchObject({ remote: { refused: count - 1_024, state: 'closed' } });
  remote.fault = undefined;
  gate.resolve();
  await Promise.all(setting);
  while (a.health().pending.changes > 0) await settled();
  expect(a.health()).toMatchObject({ ok: true, pending: { queued: count - 1_024, replayed: count - 1_024 } });
  expect(remote.size).toBe(count);
});

test('signs of life may be further apart than timers last, and take longer', async () => {
  const said: string[] = [];
  const timers = jest.spyOn(globalThis, 'setTimeout');
  const bus = sequencedBus(
    {
      open: (listener) => listener.up(),
      send: async (text) => void said.push(text),
      close: () => undefined,
    },
    { heartbeat: '30d', patience: '30d' },
  );
  const cache = await openTiers({ bus });
  await new Promise((resolve) => setTimeout(resolve, 30));
  // Beyond that a timer is due at once.
  expect(timers.mock.calls.filter(([, delay = 0]) => delay >= 2 ** 31)).toEqual([]);
  timers.mockRestore();
  expect(said).toHaveLength(1);
  expect(cache.health().bus?.reason).toBe('not connected yet');
});

test('a message of more changes than anybody sends is not read: memory is in doubt, as after one that is missing', async () => {
  let listener = {} as ChannelListener;
  const bus = sequencedBus({
    open(given) {
      listener = given;
      listener.up();
    },
    send: async (text) => listener.message(text),
    close: () => undefined,
  });
  const cache = await openTiers({ bus });
  await settled();
  const hear = (sequence: number, count: number) => {
    const changes = Array.from({ length: count }, (_, i) => ({ kind: 'delete', namespace: ['default'], key: `k${i}` }));
    listener.message(JSON.stringify({ from: 'another', sequence, changes }));
  };
  for (const key of ['k0', 'other']) cache.memory.set(key, 1);
  hear(1, 256);
  expect([...cache.memory.keys()]).toEqual(['other']);
  expect(cache.health()).toMatchObject({ ok: true, bus: { missed: 0, details: { unreadable: 0 } } });
  hear(2, 257);
  expect(cache.memory.size).toBe(0);
  expect(cache.health().bus).toMatchObject({ missed: 1, details: { unreadable: 1 } });
});
