// What is printed of faults: nothing that broke may be lost on the way.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PROMISES } from './support/promises.mjs';
import { besideEachOther, histogram, merge, summary, table, violationsOf } from './support/report.mjs';

/**
 * @param {Partial<import('./support/rounds.mjs').Outcome>} more
 * @param {Record<string, { violations?: string[], figures?: number[] }>} of promises
 * @returns {import('./support/rounds.mjs').Outcome}
 */
const outcome = (more = {}, of = {}) => ({
  ...{ name: 'a fault', rounds: 1, unjudged: 0, staleness: [], engines: {} },
  ...{ reads: 100, changes: 10, acknowledged: 7, later: 2, grants: 5, locked: 3 },
  promises: Object.fromEntries(Object.keys(PROMISES).map((id) => [id, { violations: [], figures: [], ...of[id] }])),
  ...more,
});

it('two outcomes of a fault are one with all that there was in both', () => {
  const one = outcome({ staleness: [1], engines: { a: 'native' } }, { P1: { violations: ['first'], figures: [1] } });
  const other = outcome(
    { rounds: 2, unjudged: 1, staleness: [2, 3], engines: { b: 'wasm' } },
    { P1: { violations: ['second'], figures: [3] }, P4: { figures: [7] } },
  );
  assert.equal(merge(undefined, one), one);
  assert.deepEqual(
    merge(one, other),
    outcome(
      {
        ...{ rounds: 3, unjudged: 1, staleness: [1, 2, 3], engines: { a: 'native', b: 'wasm' } },
        ...{ reads: 200, changes: 20, acknowledged: 14, later: 4, grants: 10, locked: 6 },
      },
      { P1: { violations: ['first', 'second'], figures: [1, 3] }, P4: { figures: [7] } },
    ),
  );
});

it('a table has each promise, how often it was broken, and the median, the 99th percentile and the worst of its figure', () => {
  const figures = Array.from({ length: 100 }, (_, i) => 100 - i);
  const lines = table([
    outcome({ rounds: 100, unjudged: 4 }, { P2: { figures } }),
    outcome({}, { P2: { violations: ['late', 'later'], figures: [900.25] }, P9: { violations: ['foreign'] } }),
  ]).split('\n');
  assert.equal(lines.length, 1 + Object.keys(PROMISES).length);
  assert.match(lines[0], /^101 rounds of 2 faults; in 4 .* not judged; figures: /);
  const row = (/** @type {string} */ id) => lines.find((line) => line.startsWith(`${id} `)) ?? '';
  assert.match(row('P2'), / 2 broken .*: 51 \/ 100 \/ 900\.3 ms$/);
  assert.match(row('P9'), / 1 broken .* of another$/);
  assert.match(row('P1'), / 0 broken /);
  assert.doesNotMatch(table([outcome()]), /not judged/);
});

it('a histogram has each late read once, in the row of the first limit that it keeps', () => {
  assert.equal(histogram([outcome()]), 'none of 100 reads was late');
  const [title, ...lines] = histogram([
    outcome({ staleness: [0, 5, 5.5, 700, 1_001] }),
    outcome({ staleness: [4] }),
  ]).split('\n');
  assert.equal(title, '6 of 200 reads were late: median 5.5 ms, 99 % 1001 ms, most 1001 ms');
  const counts = Object.fromEntries(
    lines.map((line) => /** @type {string[]} */ (/^ *(.*?) {2} *(\d+)/.exec(line)).slice(1)),
  );
  const some = { '<= 5 ms': '3', '<= 10 ms': '1', '<= 1000 ms': '1', more: '1' };
  assert.deepEqual(Object.fromEntries(Object.entries(counts).filter(([, n]) => n !== '0')), some);
  assert.equal(lines.find((line) => line.includes('<= 5 ms'))?.match(/#/g)?.length, 50);
});

it('beside each other there is a row for each fault, also of those that one did not suffer', () => {
  const ours = [outcome({ staleness: [3] }), outcome({ name: 'ours alone' })];
  const theirs = [
    outcome(
      { staleness: [2, 1_500.4] },
      { P1: { violations: ['old'] }, P3: { violations: ['lost'] }, P6: { violations: ['more'] } },
    ),
  ];
  assert.deepEqual(besideEachOther({ ours, theirs }).split('\n'), [
    '| fault | ours | theirs |',
    '| --- | --- | --- |',
    '| a fault | kept; 1 of 100 reads late, by up to 3 ms | P1 P3; 2 of 100 reads late, by up to 1500 ms |',
    '| ours alone | kept; 0 of 100 reads late, by up to 0 ms |  |',
  ]);
});

it('a line and the list of violations name each promise that was broken', () => {
  const broken = outcome(
    { unjudged: 1 },
    { P4: { violations: ['it hung'] }, P10: { violations: ['it lied', 'twice'] } },
  );
  assert.match(
    summary(broken),
    /^a fault: BROKEN: P4, P10; 1 rounds \(in 1 .*7 of 10 changes acknowledged and 2 later$/,
  );
  assert.match(summary(outcome()), /^a fault: kept; 1 rounds, /);
  assert.deepEqual(violationsOf([outcome(), broken]), [
    'P4, a fault: it hung',
    'P10, a fault: it lied',
    'P10, a fault: twice',
  ]);
});
