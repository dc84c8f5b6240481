import { Commands } from '../../js/src/redis/commands.js';
import type { RedisPort } from '../../js/src/redis/port.js';
import { Vigil } from '../../js/src/redis/vigil.js';

let now = 0;
beforeEach(() => void jest.spyOn(performance, 'now').mockImplementation(() => now));
afterEach(() => jest.restoreAllMocks());

/** A turn of the event loop. @param passes milliseconds that it takes */
async function turn(passes = 0): Promise<void> {
  now += passes;
  await new Promise(setImmediate);
}

/** Something that is awaited, and how often somebody looked whether it is over. */
class Answer {
  looks = 0;
  isOver = false;
  readonly look = (): boolean => {
    this.looks++;
    return this.isOver;
  };
}

/** A call whose answer is late. Whether it was awaited awake. */
async function late(vigil: Vigil): Promise<boolean> {
  const answer = new Answer();
  vigil.keep(answer.look);
  await turn();
  await turn(0.2);
  await turn();
  return answer.looks > 0;
}

test('an answer is looked for in each turn of the event loop, until it is there', async () => {
  const answer = new Answer();
  new Vigil().keep(answer.look);
  expect(answer.looks).toBe(0);
  await turn();
  expect(answer.looks).toBe(1);
  await turn(0.199);
  expect(answer.looks).toBe(2);
  answer.isOver = true;
  await turn();
  await turn();
  expect(answer.looks).toBe(3);
});

test('an answer that does not come within 200 µs is not looked for any more', async () => {
  const answer = new Answer();
  new Vigil().keep(answer.look);
  await turn();
  await turn(0.2);
  expect(answer.looks).toBe(2);
  await turn();
  expect(answer.looks).toBe(2);
});

test('after late answers fewer and fewer are awaited: of 128 one', async () => {
  const vigil = new Vigil();
  const rests: number[] = [];
  for (let rest = 0; rests.length < 10; rest++) {
    if (!(await late(vigil))) continue;
    rests.push(rest);
    rest = -1;
  }
  expect(rests).toEqual([0, 1, 3, 7, 15, 31, 63, 127, 127, 127]);
});

test('after one that was in time the next is awaited, and the rest after a late one is short again', async () => {
  const vigil = new Vigil();
  expect([await late(vigil), await late(vigil)]).toEqual([true, false]);
  expect([await late(vigil), await late(vigil), await late(vigil), await late(vigil)]).toEqual([
    true,
    false,
    false,
    false,
  ]);
  const answer = new Answer();
  answer.isOver = true;
  vigil.keep(answer.look);
  await turn();
  expect(answer.looks).toBe(1);
  expect([await late(vigil), await late(vigil), await late(vigil)]).toEqual([true, false, true]);
});

test('one answer is awaited at a time, and the next as soon as that is there', async () => {
  const vigil = new Vigil();
  const [first, beside, next] = [new Answer(), new Answer(), new Answer()];
  vigil.keep(first.look);
  for (let calls = 0; calls < 1_000; calls++) vigil.keep(beside.look);
  await turn();
  expect([first.looks > 0, beside.looks]).toEqual([true, 0]);
  first.isOver = true;
  vigil.keep(next.look);
  await turn();
  expect([next.looks, beside.looks]).toEqual([1, 0]);
});

test('where the clock stands still an answer is not looked for without end', async () => {
  const answer = new Answer();
  new Vigil().keep(answer.look);
  for (let turns = 0; turns < 1_000; turns++) await turn();
  expect(answer.looks).toBe(200);
});

test('the answer to each call of Redis is awaited, until it is there; but not over REST', async () => {
  const keep = jest.spyOn(Vigil.prototype, 'keep');
  const options = { prefix: 'p', timeout: 100, maxInFlight: 2, durable: false };
  const port = (client: RedisPort['client']): RedisPort => ({
    client,
    topology: 'standalone',
    isReady: () => true,
    send: async () => 'PONG',
  });
  await new Commands(port('rest'), options).command('PING');
  expect(keep).not.toHaveBeenCalled();
  for (const client of ['ioredis', 'node-redis'] as const) {
    const answer = new Commands(port(client), options).command('PING');
    const [isOver] = keep.mock.lastCall as [() => boolean];
    expect(isOver()).toBe(false);
    await answer;
    expect(isOver()).toBe(true);
  }
  expect(keep).toHaveBeenCalledTimes(2);
});
