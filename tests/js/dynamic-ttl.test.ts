import { activityTtl, dynamicTtl, recommendedTtl, type TtlContext, type TtlRules } from 'tiercel';
import { openCache } from './support/cache.js';
import { FakeClock } from './support/clock.js';
import { expectThrow } from './support/errors.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('a dynamic ttl', () => {
  test.each<[string, TtlContext | undefined, number]>([
    ['user_stats', undefined, 5 * MINUTE],
    ['file_content', {}, HOUR],
    ['anything else', undefined, 5 * MINUTE],
    ['user_stats', { favorite: true }, 7.5 * MINUTE],
    ['user_stats', { modifiedAgo: '10m' }, 2.5 * MINUTE],
    ['user_stats', { accessFrequency: 'high' }, 10 * MINUTE],
    ['user_stats', { tier: 'premium', hour: 9 }, 5 * MINUTE * 0.7 * 0.7],
    ['settings', { modifiedAgo: 0, tier: 'premium' }, 30 * SECOND],
    ['file_content', { favorite: true, accessFrequency: 'high' }, 2 * HOUR],
  ])('of %s with %j is by the rules that are built in', (type, context, ttl) => {
    expect(dynamicTtl(type, context)).toBeCloseTo(ttl, 6);
  });

  const RULES: TtlRules[] = [
    {},
    { defaultTtl: '10m', types: { settings: '5m' }, clamp: { min: '1s', max: '1d' } },
    JSON.parse('{ "types": { "report": "1h" }, "hours": [{ "from": 22, "to": 6, "multiplier": 3 }], "otherHours": 1 }'),
  ];
  test.each(RULES)('by rules of one’s own is what a cache with them gives: %j', (rules) => {
    const cache = openCache({ now: new FakeClock().now, ttlRules: rules });
    for (const contentType of ['settings', 'report', 'bookmarks', '\u4e2d', ''])
      for (const context of [{}, { favorite: true }, { hour: 23 }, { hour: 12, modifiedAgo: '5m' }] as TtlContext[]) {
        cache.set('k', 1, { contentType, context });
        expect(dynamicTtl(contentType, context, rules)).toBe(cache.ttl('k'));
      }
  });

  test('is scattered if the rules say so', () => {
    const rules = { jitter: 0.5 };
    expect(new Set(Array.from({ length: 100 }, () => dynamicTtl('user_stats', {}, rules))).size).toBeGreaterThan(90);
  });

  test.each<[string, RegExp, () => unknown]>([
    ['a type of no text', /^type: got 5/, () => dynamicTtl(5 as never)],
    ['a context of no object', /^context: got "premium"/, () => dynamicTtl('x', 'premium' as never)],
    ['an hour of no day', /^context\.hour: got 24/, () => dynamicTtl('x', { hour: 24 })],
    ['rules of no object', /^rules: got 5/, () => dynamicTtl('x', {}, 5 as never)],
    ['a wrong rule', /^rules\.jitter: got 2/, () => dynamicTtl('x', {}, { jitter: 2 })],
    ['rules that make no sense', /^rules/, () => dynamicTtl('x', {}, { clamp: { min: '3h' } })],
  ])('is refused with %s', (_, message, action) => {
    expectThrow(action, 'ERR_TIERCEL_INVALID_OPTION', message);
  });

  test('is refused with misspelt names', () => {
    expectThrow(
      () => dynamicTtl('x', { favourite: true } as never),
      'ERR_TIERCEL_UNKNOWN_OPTION',
      /"favourite".*did you mean "favorite"/,
    );
    expectThrow(() => dynamicTtl('x', {}, { type: {} } as never), 'ERR_TIERCEL_UNKNOWN_OPTION', /^rules: .*"types"/);
  });
});

describe('a ttl by activity', () => {
  const NOW = Date.UTC(2030, 0, 1);
  beforeEach(() => {
    jest.spyOn(Date, 'now').mockReturnValue(NOW);
  });
  afterEach(() => jest.restoreAllMocks());

  test.each<[string, number, number]>([
    ['now', 0, 30 * SECOND],
    ['a minute ago', MINUTE, 30 * SECOND],
    ['ten minutes ago', 10 * MINUTE, MINUTE],
    ['ten hours ago', 10 * HOUR, HOUR],
    ['a week ago', 7 * DAY, 2 * HOUR],
    ['in a minute, by a clock that is ahead', -MINUTE, 30 * SECOND],
  ])('of what was active %s', (_, ago, ttl) => {
    expect(activityTtl(NOW - ago)).toBe(ttl);
    expect(activityTtl(new Date(NOW - ago))).toBe(ttl);
  });

  test('has a part and limits of one’s own', () => {
    expect(activityTtl(NOW - HOUR, { fraction: 0.5 })).toBe(30 * MINUTE);
    expect(activityTtl(NOW - HOUR, { fraction: 1, max: '5m' })).toBe(5 * MINUTE);
    expect(activityTtl(NOW - HOUR, { fraction: 0, min: '1s' })).toBe(SECOND);
  });

  test.each<[string, RegExp, () => unknown]>([
    ['no time', /^lastActivity: got "today"/, () => activityTtl('today' as never)],
    ['a part above 1', /^fraction: got 2/, () => activityTtl(0, { fraction: 2 })],
    ['a limit of no duration', /^min: got "soon"/, () => activityTtl(0, { min: 'soon' })],
    ['limits the wrong way round', /^min: got 7200001 ms/, () => activityTtl(0, { min: 7_200_001 })],
  ])('is refused with %s', (_, message, action) => {
    expect(action).toThrow(expect.objectContaining({ name: 'TiercelError', message: expect.stringMatching(message) }));
  });
});

test('recommended times are these, and stay so', () => {
  expect(recommendedTtl).toEqual({
    configuration: HOUR,
    feature_flags: 5 * MINUTE,
    reference_data: DAY,
    user_profile: 30 * MINUTE,
    user_session: HOUR,
    user_permissions: 15 * MINUTE,
    document_metadata: HOUR,
    processing_status: MINUTE,
    computed_document: 7 * DAY,
    api_list: 5 * MINUTE,
    api_detail: 10 * MINUTE,
    api_search: 3 * MINUTE,
    report: HOUR,
    analytics: 30 * MINUTE,
    aggregations: 10 * MINUTE,
  });
  expect(Object.isFrozen(recommendedTtl)).toBe(true);
  const rules: TtlRules = { types: recommendedTtl, clamp: { max: '7d' } };
  expect(dynamicTtl('computed_document', {}, rules)).toBe(7 * DAY);
});
