import { Breaker, type BreakerState } from '../../js/src/tiers/breaker.js';
import { settled } from './support/deferred.js';

test('a call that was let through to see and never ends is followed by another', () => {
  let now = 0;
  const states: BreakerState[] = [];
  const breaker = new Breaker(
    1,
    100,
    () => now,
    (state) => void states.push(state),
  );
  breaker.failed();
  expect(breaker.allows()).toBe(false);
  now += 100;
  expect([breaker.isReady, breaker.allows()]).toEqual([true, true]);
  // That one is gone, with the request that made it.
  now += 99;
  expect([breaker.isReady, breaker.allows()]).toEqual([false, false]);
  now += 1;
  expect([breaker.isReady, breaker.allows(), breaker.allows()]).toEqual([true, true, false]);
  breaker.succeeded();
  expect(breaker.allows()).toBe(true);
  expect(states).toEqual(['open', 'half-open', 'closed']);
});

test('it waits for twice as long after each call that did not see better, up to four times, and for less by chance', () => {
  let now = 0;
  const breaker = new Breaker(
    2,
    100,
    () => now,
    () => undefined,
  );
  let turn = 0;
  const fail = () => breaker.failed(++turn);
  /** How long it is until a call is let through. */
  const waits = () => {
    const from = now;
    while (!breaker.isReady) now++;
    expect(breaker.allows()).toBe(true);
    return now - from;
  };
  const waitsAgain = () => {
    fail();
    return waits();
  };
  const random = jest.spyOn(Math, 'random').mockReturnValue(0);
  try {
    fail();
    expect([waitsAgain(), waitsAgain(), waitsAgain(), waitsAgain()]).toEqual([100, 200, 400, 400]);
    fail();
    // Those that were made before it opened fail late, and say nothing new.
    fail();
    fail();
    expect(breaker.readyIn).toBe(400);
    waits();
    breaker.succeeded();
    expect(breaker.readyIn).toBe(0);
    random.mockReturnValue(0.5);
    fail();
    expect([waitsAgain(), waitsAgain()]).toEqual([75, 150]);
    random.mockReturnValue(1);
    expect(waitsAgain()).toBe(200);
  } finally {
    random.mockRestore();
  }
});

test('calls that were made in one turn are one failure, however many they are', async () => {
  const states: BreakerState[] = [];
  const breaker = new Breaker(
    3,
    100,
    () => 0,
    (state) => void states.push(state),
  );
  const madeTogether = async () => {
    const calls = Array.from({ length: 1_000 }, () => breaker.made());
    await settled();
    return () => {
      for (const call of calls) breaker.failed(call);
    };
  };
  const [first, second, third] = [await madeTogether(), await madeTogether(), await madeTogether()];
  first();
  second();
  first();
  expect(breaker.state).toBe('closed');
  breaker.succeeded();
  third();
  (await madeTogether())();
  expect(breaker.state).toBe('closed');
  (await madeTogether())();
  expect(states).toEqual(['open']);
});
