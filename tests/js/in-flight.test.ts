import { InFlight } from '../../js/src/tiers/in-flight.js';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('calls that are not answered count until they are, also when they were given up', () => {
  const calls = new InFlight(2);
  const [a, b] = [calls.begin(100), calls.begin(100)];
  expect(calls.isFull).toBe(true);
  a.isGivenUp = true;
  b.isGivenUp = true;
  jest.advanceTimersByTime(3_600_000);
  expect([calls.isFull, calls.size]).toEqual([true, 2]);
  calls.end(a);
  calls.end(a);
  expect([calls.isFull, calls.size]).toEqual([false, 1]);
});

test('calls that nobody can give up any more, as their request is over, leave room for others', () => {
  const calls = new InFlight(2);
  calls.begin(100);
  calls.begin(100).isGivenUp = true;
  jest.advanceTimersByTime(60_000);
  // A timer may be late.
  expect(calls.isFull).toBe(true);
  jest.advanceTimersByTime(101);
  expect([calls.isFull, calls.size]).toEqual([false, 1]);
});
