// The oracle itself: what it must not let pass, and what it must.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describe, judge } from './support/oracle.mjs';

const change = (version, begin, end, key = 'k') => ({
  type: /** @type {const} */ ('change'),
  process: 'w',
  key,
  version,
  begin,
  end,
});
const read = (version, begin, process = 'a', key = 'k') => ({
  type: /** @type {const} */ ('read'),
  process,
  key,
  version,
  begin,
  end: begin + 1,
});

it('a read that began before an acknowledgement may give either', () => {
  const log = [change(1, 0, 10), change(2, 20, 30), read(1, 25), read(2, 25), read(1, 30), read(2, 31)];
  assert.deepEqual(judge(log, 0), { violations: [], staleness: [] });
});

it('a read of less than what was acknowledged longer ago than the grace is a violation', () => {
  const log = [change(1, 0, 10), change(2, 20, 30), read(1, 131), read(1, 125)];
  const { violations, staleness } = judge(log, 100);
  assert.deepEqual(staleness.sort(), [101, 95].sort());
  assert.deepEqual(
    violations.map(({ process, version, newest, late }) => ({ process, version, newest, late })),
    [{ process: 'a', version: 1, newest: 2, late: 101 }],
  );
});

it('lateness counts from the first change that is not known, however many came after', () => {
  const changes = Array.from({ length: 20 }, (_, i) => change(i + 1, i * 10, i * 10 + 5));
  const { violations } = judge([...changes, read(1, 196)], 100);
  assert.equal(violations[0].late, 196 - 15);
  assert.equal(violations[0].newest, 20);
});

it('a change that was never acknowledged promises nothing, and one that a newer one overtook is no more', () => {
  assert.deepEqual(judge([change(1, 0, 10), read(1, 1_000)], 0).violations, []);
  // Version 3 was acknowledged before 2.
  assert.deepEqual(judge([change(1, 0, 1), change(3, 5, 10), change(2, 4, 50), read(3, 2_000)], 0).violations, []);
});

it('keys and processes are told apart, and the shortest timeline is shown', () => {
  const log = [
    change(1, 0, 1),
    change(2, 10, 20),
    change(3, 30, 40),
    ...Array.from({ length: 50 }, (_, i) => read(1, 500 + i, 'long')),
    change(1, 0, 1, 'other'),
    change(2, 10, 20, 'other'),
    read(1, 300, 'short', 'other'),
    read(2, 300, 'right', 'other'),
  ];
  const { violations } = judge(log, 100);
  assert.equal(violations.length, 51);
  const text = describe(violations);
  assert.match(text, /^51 violations; the shortest: short read version 1 of other 280 ms after version 2/);
  assert.match(text, /version 2 acknowledged to w, changed\n.*version 1 read by short$/);
  assert.equal(describe([]), 'no violation');
});
