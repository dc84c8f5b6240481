import type { Change } from '../../js/src/tiers/change.js';
import { Echoes } from '../../js/src/tiers/echoes.js';

const namespace = ['default'];
const idOf = (change: Change) => ('key' in change ? change.key : '');
const set = (key: string): Change => ({ kind: 'set', namespace, key });

describe('keys whose values were replayed lately', () => {
  test('are those of which others tell, for 10 s, once', () => {
    const echoes = new Echoes();
    echoes.add('a', set('a'), 0);
    echoes.add('b', set('b'), 5_000);
    expect(echoes.take([set('c')], idOf, 10_000)).toEqual([]);
    expect(echoes.take([{ kind: 'delete', namespace, key: 'a' }, set('b')], idOf, 10_001)).toEqual([set('b')]);
    expect(echoes.take([set('b')], idOf, 10_001)).toEqual([]);
  });

  test('are all of them, if others changed more than a key', () => {
    const echoes = new Echoes();
    for (const key of ['a', 'b']) echoes.add(key, set(key), 0);
    expect(echoes.take([{ kind: 'tags', namespace, tags: ['t'] }], idOf, 0)).toEqual([set('a'), set('b')]);
    expect(echoes.size).toBe(0);
  });

  test('are forgotten though nobody tells of anything; one that was replayed again counts from then', () => {
    const echoes = new Echoes();
    for (let i = 0; i < 1_000; i++) echoes.add(`${i}`, set(`${i}`), i * 1_000);
    expect(echoes.size).toBe(11);
    echoes.add('990', set('990'), 1_001_000);
    echoes.add('new', set('new'), 1_010_000);
    expect(echoes.take([set('990'), set('999'), set('new')], idOf, 1_010_000)).toEqual([set('990'), set('new')]);
  });
});
