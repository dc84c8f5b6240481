import type { MemoryCache, MemoryCacheOptions, TtlContext, TtlRules } from 'tiercel';
import { openCache } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { expectThrow } from './support/errors.js';

const SECOND = 1000;
const HOUR = 3_600_000;

function open(ttlRules: TtlRules = {}, options: MemoryCacheOptions = {}): MemoryCache<unknown> {
  return openCache({ now: new FakeClock().now, ttlRules, ...options });
}

/** The ttl in seconds that an entry gets. */
function secondsOf(cache: MemoryCache<unknown>, contentType: string, context?: TtlContext): number {
  cache.set('k', 'v', { contentType, ...(context && { context }) });
  return (cache.ttl('k') as number) / SECOND;
}

describe('the rules that are built in', () => {
  test.each<[string, number]>([
    ['user_stats', 300],
    ['file_content', 3600],
    ['file_list', 60],
    ['markdown_render', 1800],
    ['search_results', 180],
    ['public_stats', 600],
    ['bookmarks', 120],
    ['tags', 300],
    ['settings', 60],
    ['anything else', 300],
    ['', 300],
    ['constructor', 300],
    ['__proto__', 300],
    ['\u4e2d', 300],
  ])('give %j %d seconds', (type, seconds) => {
    expect(secondsOf(open(), type)).toBeCloseTo(seconds, 6);
  });

  test.each<[string, TtlContext, number]>([
    ['a favourite lives longer', { favorite: true }, 450],
    ['what was just changed lives shorter', { modifiedAgo: '59m' }, 150],
    ['what was changed an hour ago or earlier does not', { modifiedAgo: '1h' }, 300],
    ['nor what was changed at no known time', { modifiedAgo: Number.POSITIVE_INFINITY }, 300],
    ['what is used often lives longer', { accessFrequency: 'high' }, 600],
    ['what is used as usual does not', { accessFrequency: 'normal' }, 300],
    ['nor what is used seldom', { accessFrequency: 'low' }, 300],
    ['premium users get fresher values', { tier: 'premium' }, 210],
    ['others do not', { tier: 'free', favorite: false }, 300],
    ['in working hours values live shorter', { hour: 9 }, 210],
    ['until they end', { hour: 17.99 }, 210],
    ['in the evening as they are', { hour: 18 }, 300],
    ['until late', { hour: 22.75 }, 300],
    ['at night longer', { hour: 23 }, 450],
    ['and early', { hour: 8.99 }, 450],
    ['and at midnight', { hour: 0 }, 450],
    ['several at a time multiply', { favorite: true, tier: 'premium', hour: 10 }, 300 * 1.5 * 0.7 * 0.7],
    ['to no less than 30 seconds', { modifiedAgo: 0, tier: 'premium', hour: 10 }, 300 * 0.5 * 0.7 * 0.7],
  ])('take the context into account: %s', (_, context, seconds) => {
    expect(secondsOf(open(), 'user_stats', context)).toBeCloseTo(seconds, 6);
  });

  test('keep to 30 seconds at least and 2 hours at most', () => {
    expect(secondsOf(open(), 'settings', { modifiedAgo: 0, tier: 'premium' })).toBe(30);
    expect(secondsOf(open(), 'file_content', { favorite: true, accessFrequency: 'high' })).toBe(7200);
  });

  test('apply to all that stores', async () => {
    const cache = open();
    cache.setMany([['a', 1]], { contentType: 'settings' });
    await cache.getOrSet('b', () => 2, { contentType: 'file_list', context: { favorite: true } });
    expect([cache.ttl('a'), cache.ttl('b')]).toEqual([60 * SECOND, 90 * SECOND]);
  });
});

describe('which ttl an entry gets', () => {
  test.each<[string, MemoryCacheOptions, Parameters<MemoryCache['set']>[2], number]>([
    ['its own, if it has one', { ttl: 1000, ttlRules: {} }, { ttl: 5, contentType: 'settings' }, 5],
    ['else by the rules', { ttl: 1000, ttlRules: {} }, { contentType: 'settings' }, 60_000],
    ['else that of the cache', { ttl: 1000, ttlRules: {} }, {}, 1000],
    ['that of the cache if it has no rules', { ttl: 1000 }, { contentType: 'settings' }, 1000],
    ['none without all this', {}, { contentType: 'settings' }, Number.POSITIVE_INFINITY],
    ['none if it says so', { ttl: 1000, ttlRules: {} }, { ttl: 0, contentType: 'settings' }, Number.POSITIVE_INFINITY],
  ])('%s', (_, options, set, ttl) => {
    const cache = openCache({ now: new FakeClock().now, ...options });
    cache.set('k', 'v', set);
    expect(cache.ttl('k')).toBe(ttl);
  });

  test('is that which a loader sets, before the rules', async () => {
    const cache = open();
    await cache.getOrSet(
      'j',
      ({ setTtl }) => {
        setTtl(7);
        return 1;
      },
      { contentType: 'settings' },
    );
    expect(cache.ttl('j')).toBe(7);
  });
});

describe('rules of one’s own', () => {
  test('replace and add types, and leave the others', () => {
    const cache = open({ defaultTtl: '10m', types: { settings: '5m', '\u4e2d': 90_000, report: '1h' } });
    const found = ['settings', '\u4e2d', 'report', 'bookmarks', 'else'].map((type) => secondsOf(cache, type));
    expect(found).toEqual([300, 90, 3600, 120, 600]);
  });

  test('replace single factors, and leave the others', () => {
    const cache = open({ context: { favorite: 3, recentlyModified: { within: '1d' } } });
    expect(secondsOf(cache, 'user_stats', { favorite: true })).toBeCloseTo(900, 6);
    expect(secondsOf(cache, 'user_stats', { modifiedAgo: '23h' })).toBeCloseTo(150, 6);
    expect(secondsOf(cache, 'user_stats', { tier: 'premium' })).toBeCloseTo(210, 6);
  });

  test('replace all hours, past midnight too', () => {
    const cache = open({ hours: [{ from: 22, to: 6, multiplier: 3 }], otherHours: 1 });
    const at = (hour: number) => secondsOf(cache, 'user_stats', { hour });
    expect([at(22), at(0), at(5.5), at(6), at(10)].map(Math.round)).toEqual([900, 900, 900, 300, 300]);
    expect(secondsOf(open({ hours: [] }), 'user_stats', { hour: 10 })).toBeCloseTo(450, 6);
  });

  test('set the limits', () => {
    const cache = open({ clamp: { min: '2m', max: '4m' } });
    expect([secondsOf(cache, 'settings'), secondsOf(cache, 'user_stats')]).toEqual([120, 240]);
  });

  test('scatter what comes out', () => {
    const cache = open({ jitter: 0.5 });
    const found = new Set(Array.from({ length: 100 }, () => secondsOf(cache, 'user_stats')));
    expect(found.size).toBeGreaterThan(90);
    for (const seconds of found) expect(Math.abs(seconds - 300)).toBeLessThanOrEqual(150);
  });

  test('are read once, and a change to them later changes nothing', () => {
    const rules = { types: { settings: 120_000 } };
    const cache = open(rules);
    rules.types.settings = 1;
    expect(secondsOf(cache, 'settings')).toBe(120);
  });

  test.each<[string, unknown]>([
    ['ttlRules', 5],
    ['ttlRules', []],
    ['ttlRules', null],
    ['ttlRules.defaultTtl', { defaultTtl: -1 }],
    ['ttlRules.types', { types: 5 }],
    ['ttlRules.types.settings', { types: { settings: '5 minutes' } }],
    ['ttlRules.context', { context: [] }],
    ['ttlRules.context.favorite', { context: { favorite: '5ms' } }],
    ['ttlRules.context.recentlyModified.within', { context: { recentlyModified: { within: 'long' } } }],
    ['ttlRules.hours', { hours: {} }],
    ['ttlRules.hours[1]', { hours: [{ from: 1, to: 2, multiplier: 1 }, { from: 3 }] }],
    ['ttlRules.hours[0].to', { hours: [{ from: 1, to: 25, multiplier: 1 }] }],
    ['ttlRules.otherHours', { otherHours: Number.POSITIVE_INFINITY }],
    ['ttlRules.clamp.min', { clamp: { min: Number.NaN } }],
    ['ttlRules.jitter', { jitter: 2 }],
  ])('are refused with the place of the fault: %s in %j', (place, rules) => {
    const message = new RegExp(`^${place.replace(/[.[\]]/g, '\\$&')}: got .*accepted`);
    expectThrow(() => open(rules as TtlRules), 'ERR_TIERCEL_INVALID_OPTION', message);
  });

  test.each<[string, unknown]>([
    ['a ttl of nothing', { defaultTtl: 0 }],
    ['limits the wrong way round', { clamp: { min: '3h' } }],
    ['hours that are none', { hours: [{ from: 9, to: 9, multiplier: 1 }] }],
    [
      'hours that overlap',
      {
        hours: [
          { from: 9, to: 12, multiplier: 1 },
          { from: 11, to: 13, multiplier: 1 },
        ],
      },
    ],
  ])('are refused if they make no sense: %s', (_, rules) => {
    expectThrow(() => open(rules as TtlRules), 'ERR_TIERCEL_INVALID_OPTION');
  });

  test.each<[string, string, unknown]>([
    ['defaultTTL', 'defaultTtl', { defaultTTL: 5 }],
    ['favourite', 'favorite', { context: { favourite: 2 } }],
    ['form', 'from', { hours: [{ form: 1, to: 2, multiplier: 1 }] }],
    ['timezone', 'timeZone', { timezone: 'UTC' }],
  ])('with the misspelt name %s are refused, and %s is suggested', (name, nearest, rules) => {
    const message = new RegExp(`^ttlRules.*"${name}".*did you mean "${nearest}"`);
    expectThrow(() => open(rules as TtlRules), 'ERR_TIERCEL_UNKNOWN_OPTION', message);
  });
});

describe('a time of change', () => {
  const WALL = Date.UTC(2030, 0, 1, 12);
  let wall: jest.SpyInstance<number>;
  beforeEach(() => {
    wall = jest.spyOn(Date, 'now').mockReturnValue(WALL);
  });
  afterEach(() => wall.mockRestore());

  test.each<[string, Date | number, number]>([
    ['a minute ago', WALL - 60_000, 150],
    ['a minute ago, as a Date', new Date(WALL - 60_000), 150],
    ['two hours ago', WALL - 2 * HOUR, 300],
    ['in a minute, by a clock that is ahead', WALL + 60_000, 150],
    ['in 1960', new Date(-10 * 365 * 24 * HOUR), 300],
  ])('may be %s', (_, modifiedAt, seconds) => {
    expect(secondsOf(open(), 'user_stats', { modifiedAt })).toBeCloseTo(seconds, 6);
  });

  test('cannot be given twice', () => {
    const context = { modifiedAt: 0, modifiedAgo: 0 };
    expectThrow(
      () => open().set('k', 'v', { contentType: 'x', context }),
      'ERR_TIERCEL_INVALID_OPTION',
      /^context: modifiedAt or modifiedAgo/,
    );
  });
});

describe('the time zone', () => {
  const at = (iso: string) => jest.spyOn(Date, 'now').mockReturnValue(Date.parse(iso));
  afterEach(() => jest.restoreAllMocks());

  test.each<[string, string, number]>([
    ['UTC', '2030-01-15T08:59:59Z', 450],
    ['UTC', '2030-01-15T09:00:00Z', 210],
    ['Etc/GMT', '2030-01-15T18:00:00Z', 300],
    ['Europe/Paris', '2030-01-15T08:00:00Z', 210],
    ['Europe/Paris', '2030-07-15T07:00:00Z', 210],
    ['Europe/Paris', '2030-07-15T16:00:00Z', 300],
    ['America/New_York', '2030-01-15T13:59:00Z', 450],
    ['America/New_York', '2030-01-15T14:00:00Z', 210],
    ['Asia/Kolkata', '2030-01-15T03:29:00Z', 450],
    ['Asia/Kolkata', '2030-01-15T03:30:00Z', 210],
    ['Asia/Kathmandu', '2030-01-15T03:15:00Z', 210],
    ['Pacific/Auckland', '2030-01-15T10:00:00Z', 450],
  ])('%s has its own hour at %s', (timeZone, iso, seconds) => {
    at(iso);
    expect(secondsOf(open({ timeZone }), 'user_stats')).toBeCloseTo(seconds, 6);
  });

  test('is followed through the day', () => {
    const wall = at('2030-01-15T00:00:00Z');
    const cache = open({ timeZone: 'Europe/Paris' });
    const found: number[] = [];
    for (let hour = 0; hour < 24; hour++) {
      wall.mockReturnValue(Date.UTC(2030, 0, 15, hour - 1));
      found.push(secondsOf(cache, 'user_stats'));
    }
    const expected = found.map((_, hour) => (hour >= 9 && hour < 18 ? 210 : hour >= 18 && hour < 23 ? 300 : 450));
    expect(found.map(Math.round)).toEqual(expected);
  });

  test('gives way to an hour that is given', () => {
    at('2030-01-15T09:00:00Z');
    expect(secondsOf(open({ timeZone: 'UTC' }), 'user_stats', { hour: 20 })).toBeCloseTo(300, 6);
  });

  test('is not assumed: without one hours do not count', () => {
    at('2030-01-15T09:00:00Z');
    expect(secondsOf(open(), 'user_stats')).toBeCloseTo(300, 6);
  });

  test.each(['Europe/Pariss', '', 5, null, {}, 'local'])('cannot be %p', (timeZone) => {
    expectThrow(
      () => open({ timeZone: timeZone as string }),
      'ERR_TIERCEL_INVALID_OPTION',
      /^ttlRules.timeZone: got .*time zone/,
    );
  });
});

describe('a context', () => {
  test.each<[string, unknown]>([
    ['favorite', 'yes'],
    ['favorite', 1],
    ['modifiedAt', 'today'],
    ['modifiedAt', new Date(Number.NaN)],
    ['modifiedAgo', -1],
    ['modifiedAgo', 'a while'],
    ['accessFrequency', 'often'],
    ['accessFrequency', 5],
    ['tier', 'gold'],
    ['hour', 24],
    ['hour', -1],
    ['hour', '9'],
    ['hour', Number.NaN],
  ])('cannot have the %s %p', (name, value) => {
    const context = { [name]: value } as TtlContext;
    expectThrow(
      () => open().set('k', 'v', { contentType: 'x', context }),
      'ERR_TIERCEL_INVALID_OPTION',
      new RegExp(`^context.${name}: got .*accepted`),
    );
  });

  test('with a misspelt member is refused, and the nearest suggested', () => {
    const context = { favourite: true } as TtlContext;
    expectThrow(
      () => open().set('k', 'v', { contentType: 'x', context }),
      'ERR_TIERCEL_UNKNOWN_OPTION',
      /^context: .*"favourite".*did you mean "favorite"/,
    );
  });

  test.each([null, 5, 'x', [], true])('cannot be %p', (context) => {
    const options = { contentType: 'x', context: context as TtlContext };
    expectThrow(() => open().set('k', 'v', options), 'ERR_TIERCEL_INVALID_OPTION', /^context: got .*object/);
  });

  test('says nothing without a content type, and is refused', async () => {
    const options = { context: { favorite: true } };
    expectThrow(() => open().set('k', 'v', options), 'ERR_TIERCEL_INVALID_OPTION', /^context: .*contentType/);
    await expect(open().getOrSet('k', () => 1, options)).rejects.toThrow(/contentType/);
  });
});
