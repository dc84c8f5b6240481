// Turns among those of which some may be gone: what a Worker's request leaves behind when it ends.
import { Turns } from '../../js/src/turns.js';

const LONGEST = 1_000;
const take = (turns: Turns) => turns.take((now) => now + LONGEST);

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());
const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

test('are taken in the order in which they were asked for, one at a time', async () => {
  const turns = new Turns();
  const order: number[] = [];
  let inside = 0;
  const all = Array.from({ length: 20 }, async (_, i) => {
    const end = await take(turns);
    expect(++inside).toBe(1);
    order.push(i);
    await Promise.resolve();
    inside--;
    end();
  });
  await Promise.all(all);
  expect(order).toEqual([...order.keys()]);
  expect(jest.getTimerCount()).toBe(0);
});

test('one that comes at the moment when a turn ends comes after those that wait', async () => {
  const turns = new Turns();
  const order: string[] = [];
  const end = await take(turns);
  const waiting = take(turns).then((over) => {
    order.push('first');
    over();
  });
  end();
  const late = take(turns).then((over) => {
    order.push('second');
    over();
  });
  await Promise.all([waiting, late]);
  expect(order).toEqual(['first', 'second']);
});

test('those that only pass wait for all before them and for nobody else', async () => {
  const turns = new Turns();
  const seen: string[] = [];
  await turns.pass();
  const end = await take(turns);
  const second = take(turns).then((over) => {
    seen.push('second');
    return over;
  });
  const passing = [turns.pass().then(() => seen.push('a')), turns.pass().then(() => seen.push('b'))];
  await pass(10);
  expect(seen).toEqual([]);
  end();
  (await second)();
  await Promise.all(passing);
  expect(seen).toEqual(['second', 'a', 'b']);
});

test('one that never ends is over when it was to be, and its end is none of the next one’s', async () => {
  const turns = new Turns();
  const lost = await take(turns);
  let isNext = false;
  const next = take(turns).then((end) => {
    isNext = true;
    return end;
  });
  await pass(LONGEST - 1);
  expect(isNext).toBe(false);
  await pass(1);
  expect(isNext).toBe(true);
  const end = await next;
  let isThird = false;
  void take(turns).then(() => {
    isThird = true;
  });
  lost();
  await pass(1);
  expect(isThird).toBe(false);
  end();
  await pass(1);
  expect(isThird).toBe(true);
});

test('one that waits and is gone keeps nobody waiting, though others come all the time', async () => {
  const turns = new Turns();
  // Whose request ended: their timers never fire, and what wakes them wakes nobody.
  const real = globalThis.setTimeout;
  const strand = async () => {
    globalThis.setTimeout = (() => 0) as unknown as typeof setTimeout;
    void take(turns).catch(() => undefined);
    await Promise.resolve();
    await Promise.resolve();
    globalThis.setTimeout = real;
  };
  await take(turns);
  for (let i = 0; i < 10; i++) {
    await strand();
    await pass(LONGEST / 20);
  }
  let isOver = false;
  const taken = take(turns).then((end) => {
    isOver = true;
    return end;
  });
  await pass(LONGEST / 2 - 1);
  expect(isOver).toBe(false);
  await pass(1);
  expect(isOver).toBe(true);
  (await taken)();
});

test('one that wakes up too late has no turn', async () => {
  const turns = new Turns();
  const first = await take(turns);
  const real = globalThis.setTimeout;
  globalThis.setTimeout = ((callback: () => void) => real(callback, 10 * LONGEST)) as unknown as typeof setTimeout;
  const late = take(turns);
  late.catch(() => undefined);
  await Promise.resolve();
  await Promise.resolve();
  globalThis.setTimeout = real;
  const next = take(turns);
  await pass(LONGEST);
  (await next)();
  first();
  await pass(10 * LONGEST);
  await expect(late).rejects.toMatchObject({ code: 'ERR_TIERCEL_UNAVAILABLE' });
  (await take(turns))();
});
