import { Predictor, type PredictorOptions } from 'tiercel/warming';
import { deferred, settled } from './support/deferred.js';
import { expectFailure, expectThrow } from './support/errors.js';
import { forEachSeed } from './support/random.js';
import { FakeTimers } from './support/timers.js';

function open(options: PredictorOptions = {}) {
  const timers = new FakeTimers();
  return { timers, predictor: new Predictor({ timers, ...options }) };
}

const keysOf = (predictions: readonly { key: string }[]) => predictions.map(({ key }) => key);

describe('a predictor', () => {
  it('ranks keys by their recent uses, and forgets what is older than the window', async () => {
    const { timers, predictor } = open({ window: 80_000, halfLife: 20_000 });
    for (let i = 0; i < 4; i++) predictor.record('yesterday');
    await timers.advance(40_000);
    predictor.record('now');
    predictor.record('now');
    // Four uses that are two half-lives old are worth one.
    expect(predictor.trending()).toEqual([
      { key: 'now', score: 2 },
      { key: 'yesterday', score: 1 },
    ]);
    expect(keysOf(predictor.trending(1))).toEqual(['now']);
    await timers.advance(45_000);
    expect(keysOf(predictor.trending())).toEqual(['now']);
    await timers.advance(90_000);
    expect(predictor.trending()).toEqual([]);
    expect(predictor.stats().counts).toBe(0);
  });

  it('counts as a plain model does', () => {
    forEachSeed(200, (random) => {
      const window = 800;
      const part = window / 8;
      const halfLife = 50 + random.below(1_000);
      const { timers, predictor } = open({ window, halfLife });
      const uses: { key: string; part: number }[] = [];
      for (let i = 0; i < 200; i++) {
        timers.time += random.below(20);
        const key = random.pick(['a', 'b', 'c', 'd', 'e']);
        predictor.record(key);
        uses.push({ key, part: Math.floor(timers.time / part) });
      }
      const current = Math.floor(timers.time / part);
      const expected = new Map<string, number>();
      for (const use of uses) {
        if (use.part <= current - 8) continue;
        const worth = 2 ** (((use.part - current) * part) / halfLife);
        expected.set(use.key, (expected.get(use.key) ?? 0) + worth);
      }
      const found = predictor.trending(10);
      expect(new Set(keysOf(found))).toEqual(new Set(expected.keys()));
      for (const { key, score } of found) expect(score).toBeCloseTo(expected.get(key) as number, 8);
      expect(found.map(({ score }) => score)).toEqual(found.map(({ score }) => score).sort((a, b) => b - a));
    });
  });

  it('tells what a user asks for next: first from the user, then from others', () => {
    const { predictor } = open();
    for (const key of ['home', 'mail', 'home', 'mail', 'home', 'news', 'home']) predictor.record(key, 'ada');
    for (const key of ['home', 'shop', 'home']) predictor.record(key, 'bob');
    const next = predictor.next('ada');
    expect(keysOf(next)).toEqual(['mail', 'news', 'shop']);
    expect(next[0]?.score).toBeCloseTo(2 / 3);
    expect(next[1]?.score).toBeCloseTo(1 / 3);
    expect(keysOf(predictor.next('bob'))).toEqual(['shop', 'mail', 'news']);
    expect(keysOf(predictor.next('ada', 1))).toEqual(['mail']);
    expect(predictor.next('nobody')).toEqual([]);
  });

  it('believes what was of late more than what was often', async () => {
    const { timers, predictor } = open({ halfLife: '1m' });
    for (let i = 0; i < 4; i++) for (const key of ['home', 'mail']) predictor.record(key, 'ada');
    await timers.advance(600_000);
    for (const key of ['home', 'news', 'home']) predictor.record(key, 'ada');
    expect(keysOf(predictor.next('ada'))).toEqual(['news', 'mail']);
  });

  it('works on when so much time has passed that no number holds it', async () => {
    const { timers, predictor } = open({ halfLife: 1 });
    for (const key of ['home', 'mail', 'home']) predictor.record(key, 'ada');
    await timers.advance(10_000);
    for (const key of ['home', 'news', 'home']) predictor.record(key, 'ada');
    const [first] = predictor.next('ada');
    expect(first).toEqual({ key: 'news', score: 1 });
  });

  it('remembers no more than it may, whatever it is told', () => {
    forEachSeed(20, (random) => {
      const limits = {
        maxKeys: 8 + random.below(50),
        maxUsers: 1 + random.below(20),
        keysPerUser: 1 + random.below(5),
      };
      const successors = 2 + random.below(4);
      const { timers, predictor } = open({ ...limits, successors, window: 800 });
      for (let i = 0; i < 3_000; i++) {
        timers.time += random.below(5);
        predictor.record(`key ${random.below(1_000)}`, `user ${random.below(200)}`);
      }
      const { counts, users, pairs } = predictor.stats();
      expect(counts).toBeLessThanOrEqual(9 * limits.maxKeys);
      expect(users).toBeLessThanOrEqual(limits.maxUsers);
      expect(pairs).toBeLessThanOrEqual(successors * (limits.maxKeys + limits.maxUsers * limits.keysPerUser));
    });
  });

  it('keeps the keys that are used most when there are too many', () => {
    const { predictor } = open({ maxKeys: 16 });
    for (let i = 0; i < 1_000; i++) {
      predictor.record(`once ${i}`);
      if (i % 4 === 0) predictor.record('often');
    }
    expect(keysOf(predictor.trending(1))).toEqual(['often']);
  });

  it('warms by its callback, a few at a time, and counts what fails', async () => {
    const gate = deferred();
    let running = 0;
    const warmed: string[] = [];
    const { predictor } = open({
      top: 3,
      concurrency: 2,
      warm: async (key) => {
        expect(++running).toBeLessThanOrEqual(2);
        await gate.promise;
        running--;
        if (key === 'bad') throw new Error('no');
        warmed.push(key);
      },
    });
    for (const key of ['a', 'a', 'a', 'bad', 'bad', 'b', 'b', 'c']) predictor.record(key, 'ada');
    const round = predictor.warm();
    await settled();
    expect(running).toBe(2);
    gate.resolve();
    expect(await round).toEqual({ warmed: 2, failed: 1 });
    expect(warmed.sort()).toEqual(['a', 'b']);
    expect(await predictor.warm('nobody')).toEqual({ warmed: 0, failed: 0 });
  });

  it('warms again and again once started, and leaves no timer when it is closed', async () => {
    const warm = jest.fn(async () => undefined);
    const { timers, predictor } = open({ warm, every: '1m' });
    predictor.record('a');
    predictor.start();
    predictor.start();
    await timers.advance(180_000);
    expect(warm).toHaveBeenCalledTimes(3);
    predictor.close();
    predictor.close();
    expect(timers.pending.size).toBe(0);
    await expectFailure(() => predictor.warm(), 'ERR_TIERCEL_CLOSED');
    expectThrow(() => predictor.start(), 'ERR_TIERCEL_CLOSED');
  });

  it('refuses wrong options and arguments', async () => {
    for (const [name, value] of [
      ['window', 0],
      ['halfLife', 'soon'],
      ['maxKeys', 7],
      ['maxUsers', 0],
      ['successors', 1],
      ['warm', true],
    ] as const)
      expectThrow(() => new Predictor({ [name]: value }), 'ERR_TIERCEL_INVALID_OPTION', new RegExp(`^${name}: `));
    const { predictor } = open();
    expectThrow(() => predictor.record(1 as never), 'ERR_TIERCEL_INVALID_ARGUMENT', /^key: /);
    expectThrow(() => predictor.record('a', 1 as never), 'ERR_TIERCEL_INVALID_ARGUMENT', /^user: /);
    expectThrow(() => predictor.trending(-1), 'ERR_TIERCEL_INVALID_ARGUMENT', /^most: /);
    expectThrow(() => predictor.start(), 'ERR_TIERCEL_INVALID_OPTION', /^warm: /);
    await expectFailure(() => predictor.warm(), 'ERR_TIERCEL_INVALID_OPTION', /^warm: /);
  });
});
