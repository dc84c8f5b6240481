import { type Carried, type Change, memoryBus } from 'tiercel';

const change = (key: string): Change => ({ kind: 'delete', namespace: [], key });
const keysOf = (changes: readonly Change[]) => changes.map((one) => ('key' in one ? one.key : one.kind));
const carried = (at: number, json: string): Carried => ({
  point: { epoch: 'e', at },
  values: [{ json, ttl: 0, stale: 0, tags: [] }],
});

/** A bus that sends, what another hears of it, message by message, and whether that missed anything. */
async function pair() {
  const hub = memoryBus();
  const [from, to] = [hub.connect(), hub.connect()];
  const heard: string[][] = [];
  const missed = jest.fn();
  const ignore = () => undefined;
  await from.open({ changed: ignore, live: ignore, missed: ignore, down: ignore });
  await to.open({
    changed: (changes, carried) =>
      heard.push([...keysOf(changes), ...(carried?.values ?? []).map((v) => `${v?.json}`)]),
    live: ignore,
    missed,
    down: ignore,
  });
  return { hub, from, to, heard, missed };
}

test('changes of one turn are one message, in the order in which they were told', async () => {
  const { from, to, heard, missed } = await pair();
  await Promise.all([from.publish([change('a'), change('b')]), from.publish([change('c')])]);
  await from.publish([change('a')]);
  expect(heard).toEqual([['a', 'b', 'c'], ['a']]);
  expect(from.health()).toMatchObject({ sent: 2 });
  expect(missed).not.toHaveBeenCalled();
  await Promise.all([from.close(), to.close()]);
});

test('however many they are, no message has more than 256', async () => {
  const { from, to, heard, missed } = await pair();
  const keys = Array.from({ length: 600 }, (_, i) => `k${i}`);
  await Promise.all(keys.map((key) => from.publish([change(key)])));
  expect(heard.map(({ length }) => length)).toEqual([256, 256, 88]);
  expect(heard.flat()).toEqual(keys);
  expect(missed).not.toHaveBeenCalled();
  await Promise.all([from.close(), to.close()]);
});

test('what values go with is a message of its own, after what was told before it', async () => {
  const { from, to, heard } = await pair();
  await Promise.all([
    from.publish([change('a')]),
    from.publish([change('b')], carried(1, '1')),
    from.publish([change('c')], carried(2, '2')),
    from.publish([change('d')]),
    from.publish([change('e')]),
  ]);
  expect(heard).toEqual([['a'], ['b', '1'], ['c', '2'], ['d', 'e']]);
  await Promise.all([from.close(), to.close()]);
});

test('all who told of something are told that it could not be sent', async () => {
  const { hub, from, to, heard, missed } = await pair();
  hub.cut(0);
  const telling = ['a', 'b'].map((key) => from.publish([change(key)]));
  for (const one of telling) await expect(one).rejects.toThrow('there is no connection');
  hub.heal(0);
  await from.publish([change('c')]);
  expect(heard).toEqual([['c']]);
  expect(missed).toHaveBeenCalledWith('a message did not come');
  await Promise.all([from.close(), to.close()]);
});

test('a bus that is closed has said all', async () => {
  const { from, to, heard } = await pair();
  const telling = from.publish([change('a')]);
  await from.close();
  await telling;
  expect(heard).toEqual([['a']]);
  await to.close();
});
