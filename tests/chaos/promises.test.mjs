// The judges of the promises themselves: what they must not let pass, and what they must.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { CONTROLLER, stalledOf } from './support/clock.mjs';
import { compositionOf, faultOf } from './support/faults.mjs';
import { FencedStore } from './support/fenced-store.mjs';
import {
  backToBaseline,
  converged,
  fences,
  health,
  nothingFails,
  notLost,
  ofItsOwn,
  oneLoad,
  writtenBehind,
} from './support/promises.mjs';
import { Source } from './support/source.mjs';

/** @param {Partial<import('./support/promises.mjs').Course>} more */
const course = (more) => ({
  log: [],
  grace: 0,
  inflictedAt: 0,
  healedAt: 1_000,
  before: [],
  facts: [],
  sick: undefined,
  keepsLocks: true,
  kills: false,
  ended: new Map(),
  note: '',
  ...more,
});
const change = (version, end) => ({ type: 'change', process: 'w', key: 'k', version, begin: end - 1, end });
const read = (version, begin, more = {}) => ({ type: 'read', process: 'a', key: 'k', version, begin, ...more });
const stall = (process, from, to) => ({ type: 'stall', process, from, to });
const count = (/** @type {{ violations: string[] }} */ { violations }) => violations.length;

it('stalls of several at once count once, those of others not at all, and only the part within', () => {
  const log = [stall('b', 200, 300), stall('a', 0, 100), stall(CONTROLLER, 50, 150), stall('a', 140, 160), read(1, 0)];
  const stalled = stalledOf(log);
  assert.equal(stalled(0, 1_000), 160 + 100);
  assert.equal(stalled(0, 1_000, ['a']), 160);
  assert.equal(stalled(0, 1_000, ['c']), 100);
  assert.equal(stalled(90, 250), 70 + 50);
  assert.equal(stalled(160, 200), 0);
});

it('P2: what is read after healing is the newest, soon', () => {
  const log = [change(2, 10), read(1, 900), read(1, 1_200), read(2, 9_000)];
  assert.deepEqual(converged(course({ log })), { violations: [], figure: 200 });
  const { violations, figure } = converged(course({ log: [...log, read(1, 5_000)] }));
  assert.equal(violations.length, 1);
  assert.equal(figure, 4_000);
  const kept = (process, from, to) =>
    count(converged(course({ log: [...log, read(1, 5_000), stall(process, from, to)] })));
  assert.equal(kept('b', 500, 3_000), 0);
  // For a time, or before.
  assert.equal(kept('a', 2_000, 2_500), 1);
  assert.equal(kept('a', 0, 1_000), 1);
});

it('P3: a read with nothing in memory knows of all that was acknowledged before', () => {
  const log = [change(2, 10), read(1, 20), read(2, 30, { cold: true }), read(1, 5, { cold: true })];
  assert.equal(count(notLost(course({ log }))), 0);
  assert.equal(count(notLost(course({ log: [...log, read(1, 20, { cold: true })] }))), 1);
});

it('P4: a failed call, one that takes long, and what nobody catches', () => {
  const fact = { name: 'a', failures: 0, unhandled: [], longest: 200, slowest: 'reading' };
  assert.equal(count(nothingFails(course({ facts: [fact] }))), 0);
  const facts = [
    { ...fact, failures: 2, failure: 'no' },
    { ...fact, longest: 60_000 },
    { ...fact, unhandled: ['oh'] },
  ];
  assert.equal(count(nothingFails(course({ facts }))), 3);
});

it('P4: who waits for the lock of the fleet has it, or goes on without it, in time', () => {
  const wait = (took) => ({ type: 'wait', process: 'a', key: 'k', begin: 0, end: took, took });
  const judge = (log) => count(nothingFails(course({ log })));
  assert.equal(judge([wait(11_000), wait(32_000)]), 0);
  assert.equal(judge([wait(11_000), wait(34_000)]), 1);
});

it('P5: loads of a key overlap neither in a process nor, with the lock, in the fleet', () => {
  const load = (process, begin, key = 'a/quiet 0', more = {}) => ({
    ...{ type: 'load', process, key, asked: begin, begin, end: begin + 10, isUnlocked: false },
    ...more,
  });
  const fleet = (process, begin, more = {}) => load(process, begin, 'a/fleet 0', more);
  const judge = (log, more = {}) => count(oneLoad(course({ log, ...more })));
  assert.equal(judge([load('a', 0), load('a', 10), load('b', 5), load('a', 5, 'b/quiet 0')]), 0);
  assert.equal(judge([load('a', 0), load('a', 9)]), 1);
  assert.equal(judge([load('a', 0), load('a', 9), fleet('a', 0), fleet('b', 9)], { isToldOfLoads: true }), 1);
  // Memory was told to forget meanwhile.
  assert.equal(judge([load('a', 0), { type: 'doubt', process: 'a', from: 5, at: 6 }, load('a', 9)]), 0);
  assert.equal(judge([load('a', 0), { type: 'doubt', process: 'b', from: 5, at: 6 }, load('a', 9)]), 1);
  assert.equal(judge([fleet('a', 0), fleet('b', 9)]), 1);
  assert.equal(judge([fleet('a', 0), fleet('b', 9, { isUnlocked: true })]), 0);
  assert.equal(judge([fleet('a', 0), fleet('b', 9)], { keepsLocks: false }), 0);
  const ended = new Map([['a', { at: 5, how: 'SIGKILL' }]]);
  assert.equal(judge([fleet('a', 0), fleet('b', 9)], { kills: true, ended }), 0);
  assert.equal(judge([fleet('c', 0), fleet('b', 9)], { kills: true, ended }), 1);
  // Beside that of the one that died there is one more at most, whether that one is known or was cut off.
  assert.equal(judge([fleet('a', 0), fleet('b', 8), fleet('c', 9)], { kills: true, ended }), 1);
  const cutOff = fleet('d', 0, { isCutOff: true });
  assert.deepEqual(oneLoad(course({ log: [cutOff, fleet('b', 9)], kills: true })), { violations: [], figure: 2 });
  assert.equal(judge([cutOff, fleet('b', 8), fleet('c', 9)], { kills: true }), 1);
});

it('P6: memory, sockets and timers that do not go back', () => {
  const before = [{ name: 'a', memory: 0, sockets: 4, timers: 3 }];
  const judge = (fact) => count(backToBaseline(course({ before, facts: [{ ...before[0], ...fact }] })));
  assert.equal(judge({ memory: 2 ** 20, timers: 4 }), 0);
  assert.equal(judge({ memory: 17 * 2 ** 20 }), 1);
  // Of a process in which a thread has taken the place of another.
  const renewed = { before: [{ ...before[0], memory: undefined }], facts: [{ ...before[0], memory: 17 * 2 ** 20 }] };
  assert.equal(count(backToBaseline(course(renewed))), 0);
  assert.equal(judge({ sockets: 5 }), 1);
  assert.equal(judge({ timers: 30 }), 1);
});

it('P7: fences grow from one grant to the next, and a lock is granted again once its ttl is over', () => {
  const grant = (token, begin, lock = 'l') => ({ type: 'grant', process: 'a', lock, token, begin, end: begin + 5 });
  // Two that ask at the same time may hear in either order.
  assert.equal(count(fences(course({ log: [grant(1, 0), grant(3, 10), grant(2, 11)] }))), 0);
  assert.equal(count(fences(course({ log: [grant(2, 0), grant(1, 10)] }))), 1);
  assert.equal(count(fences(course({ log: [grant(1, 0), grant(1, 2)] }))), 1);
  const held = (begin, more = []) =>
    fences(course({ log: [grant(1, 0, 'held'), grant(2, begin, 'held'), ...more], goneAt: 100, ttl: 1_000 }));
  assert.deepEqual(held(1_120), { violations: [], figure: 25 });
  assert.equal(count(held(9_000)), 1);
  assert.equal(count(held(9_000, [stall('b', 200, 7_000)])), 0);
  assert.equal(count(fences(course({ log: [grant(1, 0, 'held')], goneAt: 100, ttl: 1_000 }))), 1);
});

it('P7: what is written with a fence is of one holder, in order, and not of one that was overtaken', () => {
  const write = (process, token, more = {}) => ({
    ...{ type: 'fenced', process, lock: 'l', token, asked: 100, at: 110, isLate: false, isAccepted: true },
    ...more,
  });
  const judge = (log, more = {}) => count(fences(course({ log, ...more })));
  const refused = (since, more = {}) => write('a', 1, { isAccepted: false, newest: { token: 2, since }, ...more });
  assert.equal(judge([write('a', 1), write('a', 1), write('b', 2), write('c', 1, { lock: 'm' }), refused(105)]), 0);
  assert.equal(judge([write('a', 1), write('b', 1)]), 1);
  assert.equal(judge([write('b', 2), write('a', 1)]), 1);
  // It asked when a newer one had been there.
  assert.equal(judge([refused(95)]), 1);
  const lateHolder = 'a';
  assert.equal(judge([write('a', 1), write('b', 2), refused(105, { isLate: true })], { lateHolder }), 0);
  assert.equal(judge([write('a', 1), write('a', 1, { isLate: true })], { lateHolder }), 1);
  assert.equal(judge([write('a', 1), write('b', 2), refused(105)], { lateHolder }), 1);
});

it('a store that looks at fences takes none that is older than one it has seen of that lock', () => {
  const store = new FencedStore();
  const isAccepted = (lock, token) => store.write('a', { lock, token, asked: 0 }).isAccepted;
  assert.deepEqual(
    [3, 3, 2, 4, 3].map((token) => isAccepted('l', token)),
    [true, true, false, true, false],
  );
  assert.ok(isAccepted('m', 1));
  const { newest } = store.write('a', { lock: 'm', token: 0, asked: 0 });
  assert.equal(newest?.token, 1);
});

it('P8: what was accepted is stored, in order, but for the last of a process that was killed', () => {
  const judge = (accepted, stored, ended = new Map(), settledAt = 1_000, log = []) => {
    const source = new Source({ slowest: 0 });
    for (const [number, at] of accepted) source.accept('a', { accepted: number, at });
    for (const number of stored) source.store('a', [{ key: 'k', number }]);
    return writtenBehind(source, new Map([['a', settledAt]]), ended, 100, stalledOf(log));
  };
  const accepted = [
    [1, 10],
    [2, 500],
  ];
  assert.equal(count(judge(accepted, [1, 1, 2, 1])), 0);
  assert.equal(count(judge(accepted, [1])), 1);
  // Not due yet.
  assert.equal(count(judge(accepted, [1], undefined, 400)), 0);
  assert.equal(count(judge(accepted, [2, 1])), 1);
  const end = (how, at = 550) => new Map([['a', { at, how }]]);
  assert.deepEqual(judge(accepted, [1], end('SIGKILL')), { violations: [], figure: 1 });
  assert.equal(count(judge(accepted, [1], end('SIGTERM'))), 1);
  assert.equal(count(judge(accepted, [1], end('SIGKILL', 1_000))), 1);
  const late = (who) => count(judge(accepted, [1], end('SIGKILL', 1_000), undefined, [stall(who, 500, 950)]));
  assert.equal(late('a'), 0);
  assert.equal(late('b'), 1);
});

it('P9: a value of another key', () => {
  assert.equal(count(ofItsOwn(course({ log: [{ type: 'foreign', process: 'a', key: 'k', found: 'l' }] }))), 1);
});

it('P10: health that says what is not so', () => {
  const said = (at, more = {}) => ({
    type: 'health',
    process: 'a',
    at,
    ok: true,
    bus: 'live',
    remote: 'closed',
    counts: { failures: at, timeouts: 0, refused: 0, doubts: at },
    ...more,
  });
  const judge = (log, sick) => count(health(course({ log, sick })));
  assert.equal(judge([said(900)], {}), 0);
  assert.equal(judge([said(500), said(900)], { bus: ['a'] }), 1);
  assert.equal(judge([said(500), said(900, { ok: false, bus: 'down' })], { bus: ['a'] }), 0);
  assert.equal(judge([said(100), said(900, { ok: false, remote: 'open' })], { bus: ['a'] }), 1);
  assert.equal(judge([said(900)], { remote: ['a'] }), 1);
  // Of one that has not asked often enough nobody can expect to know.
  const few = said(900, { counts: { failures: 2, timeouts: 0, refused: 0, doubts: 0 } });
  assert.deepEqual(health(course({ log: [few], sick: { remote: ['a'] } })), {
    violations: [],
    figure: 0,
    isUnjudged: true,
  });
  const ill = said(900, { ok: false, remote: 'open' });
  assert.equal(judge([said(100), ill], {}), 1);
  assert.equal(count(health(course({ log: [ill], before: [{ name: 'a' }], sick: {} }))), 1);
  // Who is new and was never well has just begun.
  assert.deepEqual(health(course({ log: [ill], sick: {} })), { violations: [], figure: 0, isUnjudged: true });
  const kept = (who) => health(course({ log: [said(100), ill, stall(who, 500, 700)], sick: {} }));
  assert.deepEqual(kept('a'), { violations: [], figure: 0, isUnjudged: true });
  assert.equal(count(kept('b')), 1);
  // A moment is no lie.
  assert.equal(judge([said(800), said(900, { ok: false, remote: 'half-open' })], {}), 0);
  const came = (fact, log = []) =>
    health(course({ log, facts: [{ name: 'a', settledAt: 99_000, health: {}, ...fact }] }));
  assert.equal(count(came({})), 1);
  assert.deepEqual(came({ wellAt: 3_000 }), { violations: [], figure: 2_000, isUnjudged: false });
  assert.equal(count(came({ wellAt: 12_000 })), 1);
  assert.equal(count(came({ wellAt: 12_000 }, [stall('b', 2_000, 5_000)])), 0);
  // Of one that has ended nobody knows.
  assert.equal(count(came({ settledAt: undefined })), 0);
});

it('P10: counters that do not show what was so', () => {
  const said = (at, counts, more = {}) => ({
    ...{ type: 'health', process: 'a', at, ok: true, bus: 'live', remote: 'closed' },
    counts: { failures: 3, timeouts: 1, refused: 0, doubts: 2, ...counts },
    ...more,
  });
  const judge = (log, sick) => count(health(course({ log, sick, inflictedAt: 500 })));
  const ill = { ok: false, bus: 'down', remote: 'open' };
  assert.equal(judge([said(400), said(900)], {}), 0);
  const remote = { remote: ['a'] };
  assert.equal(judge([said(400), said(900, {}, { ...ill, bus: 'live' })], remote), 1);
  assert.equal(judge([said(400), said(900, { failures: 4 }, { ...ill, bus: 'live' })], remote), 0);
  assert.equal(judge([said(400), said(900, { refused: 1 }, { ...ill, bus: 'live' })], remote), 0);
  // One that has been there only since counts from nothing.
  assert.equal(judge([said(900, {}, { ...ill, bus: 'live' })], remote), 0);
  assert.equal(judge([said(900, { failures: 0 }, { ...ill, bus: 'live' })], remote), 1);
  const bus = { bus: ['a'] };
  assert.equal(judge([said(400), said(900, {}, ill)], bus), 1);
  assert.equal(judge([said(400), said(900, { doubts: 3 }, ill)], bus), 0);
  // It was for a moment.
  const moment = said(600, {}, { ok: false, bus: 'down' });
  assert.equal(judge([said(400), moment, said(900)], {}), 1);
  assert.equal(judge([said(400), moment, said(900, { doubts: 3 })], {}), 0);
  // One that is new is down until it is live for the first time.
  const none = { doubts: 0 };
  const isNew = said(550, none, { ok: false, bus: 'down' });
  assert.equal(judge([isNew, said(900, none)], {}), 0);
  assert.equal(judge([isNew, said(600, none), said(700, none, { ok: false, bus: 'down' }), said(900, none)], {}), 1);
  assert.equal(judge([isNew, said(900, none, ill)], bus), 0);
});

it('what fails at once is the same for a seed, and of the server, the network and a process', () => {
  const names = (seed) => compositionOf(seed).names;
  assert.deepEqual(names(7), names(7));
  assert.equal(names(7).length, 3);
  assert.ok(new Set(Array.from({ length: 50 }, (_, seed) => names(seed).join())).size > 30);
  assert.ok(faultOf('three at once, seed 7').kills);
  const members = ['a', 'b', 'c', 'd'].map((name) => ({ actors: [name] }));
  const all = Array.from({ length: 2_000 }, (_, seed) => compositionOf(seed));
  const sick = (/** @type {RegExp} */ of) =>
    all.filter((one) => of.test(one.names.join('; '))).map((one) => one.sick(/** @type {any} */ ({ members })));
  assert.deepEqual(sick(/server forgets.*; data is cut/)[0], { bus: [], remote: ['c'] });
  assert.deepEqual(sick(/server is down; a bus is cut/)[0]?.bus, ['a', 'b', 'c', 'd']);
  // Of one of them nobody can tell.
  assert.deepEqual(new Set(sick(/starts with nothing/)), new Set([undefined]));
  assert.equal(faultOf('no such fault'), undefined);
});
