// One user of a cache, in a thread or a process of its own: reads keys again and again, changes what it is told to, takes a
// lock now and then, writes behind, and logs all of it. The source of the values is the controller, which it asks by messages.
import { setTimeout as pause } from 'node:timers/promises';
import { now, Stalls } from './clock.mjs';
import { CHANGING, FLEET, QUIET, SHORT } from './places.mjs';

/** Records that are sent at a time. */
const BATCH = 500;
/** Longest that an actor waits until everything is well again, in milliseconds. How long it may take is for others to judge. */
const SETTLE = 60_000;
/** Longest that a connection that was closed takes to be gone, in milliseconds, on a machine that does other things as well. */
const CLOSING = 2_000;
/** Waits for the lock of the fleet that are not worth a record, in milliseconds. */
const LONG_WAIT = 1_000;

const random = (/** @type {number} */ below) => Math.floor(Math.random() * below);
const oneOf = (/** @type {readonly string[]} */ list) => /** @type {string} */ (list[random(list.length)]);

/**
 * @param {any} options
 * @param {{ send(message: object): void, listen(listener: (message: Record<string, unknown>) => void): void }} controller
 */
export async function act(options, { send, listen }) {
  const { name, process: processName, pace, readers } = options;
  const { open } = await import(options.subject);
  const unhandled = [];
  for (const event of ['unhandledRejection', 'uncaughtException'])
    process.on(event, (error) => unhandled.push(`${event}: ${error?.stack ?? error}`));
  const subject = await open(options);

  // ---- The source

  const loads = new Map();
  let nextLoad = 0;
  /** When each place was last loaded: who waits for that does not hang. */
  const loaded = new Map();

  /** @param {number} asked when the call was made that loads it */
  async function load(place, asked) {
    const begin = now();
    const isUnlocked = subject.isUnlocked?.(asked) ?? true;
    const span = { begin, end: Number.POSITIVE_INFINITY };
    loaded.set(place, span);
    const id = ++nextLoad;
    send({ load: id, place, begin });
    const value = await new Promise((resolve) => loads.set(id, resolve));
    span.end = now();
    const { version } = value;
    record({
      type: 'load',
      process: processName,
      actor: name,
      key: place,
      version,
      asked,
      begin,
      end: span.end,
      isUnlocked,
    });
    return value;
  }

  // ---- What is logged

  let log = [];
  const facts = { reads: 0, failures: 0, failure: undefined, longest: 0, slowest: '' };

  function record(entry) {
    log.push(entry);
    if (log.length >= BATCH) flush();
  }

  function flush() {
    if (log.length > 0) send({ log });
    log = [];
  }

  const stalls = new Stalls((from, to) => record({ type: 'stall', process: name, from, to }));

  /** How long a call has taken by then, but for what was not its doing. */
  function tookOf({ place, begin, stalled }, end) {
    const { begin: from = 0, end: to = 0 } = loaded.get(place) ?? {};
    const loading = Math.max(0, Math.min(end, to) - Math.max(begin, from));
    return end - begin - (stalls.total - stalled) - loading;
  }

  const callOf = (place) => ({ place, begin: now(), stalled: stalls.total });

  /** Waits for what the cache promises, and notes how long that took. */
  async function timed(what, place, work) {
    const call = callOf(place);
    const result = await work();
    const end = now();
    const took = tookOf(call, end);
    if (took > facts.longest) Object.assign(facts, { longest: took, slowest: `${what} ${place}` });
    return { begin: call.begin, end, result };
  }

  /** Calls that perhaps wait for the lock of the fleet. @type {Set<ReturnType<typeof callOf>>} */
  const waiting = new Set();

  function recordWait(call) {
    const end = now();
    const took = tookOf(call, end);
    if (took > LONG_WAIT) record({ type: 'wait', process: name, key: call.place, begin: call.begin, end, took });
  }

  /** Waits for a load that has to have the lock of the fleet, which takes as long as another may hold that. */
  async function waited(place, work) {
    const call = callOf(place);
    waiting.add(call);
    try {
      return { begin: call.begin, result: await work(), end: now() };
    } finally {
      waiting.delete(call);
      if (!over.signal.aborted) recordWait(call);
    }
  }

  async function read(place, kind, more) {
    try {
      const asked = now();
      const work = () => subject.read(place, () => load(place, asked), more);
      const { begin, end, result } = await (kind === 'fleet' ? waited(place, work) : timed('reading', place, work));
      facts.reads++;
      const { place: found, version } = result ?? {};
      // What belongs elsewhere is not a version of this.
      if (found !== place) record({ type: 'foreign', process: name, key: place, found: JSON.stringify(result), begin });
      else if (kind !== 'quiet' && kind !== 'fleet')
        record({
          type: 'read',
          process: name,
          key: place,
          version,
          begin,
          end,
          ...(kind === 'cold' && { cold: true }),
        });
    } catch (error) {
      if (over.signal.aborted) return;
      facts.failures++;
      facts.failure = String(error?.stack ?? error);
    }
  }

  // ---- What goes on all the time

  let isOver = false;
  let isPaused = false;
  const over = new AbortController();
  /** @type {Promise<void>[]} */
  const work = [];
  /** Steps under way that end soon, whatever happens. */
  let busy = 0;
  /** What goes on that is not waited for: for a lock that somebody had who died. */
  let waits = 0;

  async function again(interval, step, weight) {
    while (!isOver) {
      await pause(interval);
      if (isPaused || isOver) continue;
      busy += weight;
      if (weight === 0) waits++;
      await step();
      busy -= weight;
      if (weight === 0) waits--;
    }
  }

  const begin = (interval, step, { isLong = false } = {}) => work.push(again(interval, step, isLong ? 0 : 1));

  for (let i = 0; i < readers; i++) begin(pace, () => read(oneOf(CHANGING), 'changing'));
  // Two, so that there is somebody to share a load with.
  for (let i = 0; i < 2; i++) begin(2 * pace, () => read(oneOf(QUIET), 'quiet', { ttl: SHORT }));
  if (subject.lock !== undefined) {
    // Whoever had the lock may have died: then it is waited for until that ends.
    begin(2 * pace, () => read(oneOf(FLEET), 'fleet', { ttl: SHORT, lock: 'fleet', signal: over.signal }), {
      isLong: true,
    });
    begin(120, () => grant('guarded', 60, briefly));
  }
  begin(100, async () => {
    if (subject.health !== undefined) {
      const { details: _, ...health } = subject.health();
      record({ type: 'health', process: name, at: now(), ...health });
    }
    flush();
  });

  subject.onDoubt?.((from) => record({ type: 'doubt', process: processName, from, at: now() }));

  // ---- Locks

  const fenced = new Map();
  let nextFenced = 0;
  /** Locks that are kept as long as the process lives. @type {Map<string, { lock: string, token: number, asked: number }>} */
  const kept = new Map();

  /** Writes to the store that looks at fences, and waits for its answer. @param {{ lock: string, token: number, asked: number, isLate?: boolean }} write */
  async function writeFenced(write) {
    const id = ++nextFenced;
    send({ fenced: id, write });
    await new Promise((resolve) => fenced.set(id, resolve));
  }

  /** Whether it could be had; what else there is to say is that nobody could be asked. */
  async function grant(lock, wait, hold) {
    const asked = now();
    try {
      const held = await subject.lock(lock, wait);
      if (held === undefined) return false;
      const { token } = held;
      record({ type: 'grant', process: name, lock, token, begin: asked, end: now() });
      await hold(held, { lock, token, asked });
      return true;
    } catch {
      return false;
    }
  }

  /** As {@link grant}, as often as it takes. */
  async function insist(lock, hold) {
    while (!isOver && !(await grant(lock, 5_000, hold))) await pause(10);
    flush();
  }

  const briefly = async (held, write) => {
    await pause(2);
    await writeFenced(write);
    await held.release();
  };
  const forever = async (_, write) => {
    kept.set(write.lock, write);
    await writeFenced(write);
  };

  /** Whoever has not run for long may not know yet that others have had the lock since. */
  async function writeLate(lock) {
    const write = kept.get(lock);
    if (write !== undefined) await writeFenced({ ...write, isLate: true });
    send({ late: lock });
  }

  // ---- Writing behind

  const writes = new Map();
  let nextWrite = 0;
  let accepted = 0;
  const queue = subject.writeBehind?.(
    (operations) =>
      /** @type {Promise<void>} */ (
        new Promise((resolve, reject) => {
          const id = ++nextWrite;
          writes.set(id, (ok) => (ok ? resolve() : reject(new Error('the store says no'))));
          send({ store: id, operations: operations.map(({ key, value }) => ({ key, number: value.number })) });
        })
      ),
    (operations) => send({ givenUp: operations.length }),
  );
  if (queue !== undefined) {
    begin(35, async () => {
      const number = ++accepted;
      await queue.set(`${name} ${number % 3}`, { number });
      send({ accepted: number, at: now() });
    });
  }

  // ---- What the controller says

  /** Changes that not all know of yet. */
  const pending = [];

  /** @param {{ id?: string, place?: string, way?: string, value?: unknown }} asked */
  async function change({ id, place, way, value }) {
    try {
      const { end, result } = await timed(`changing by ${way}`, place, () => subject.change(place, way, value));
      if (result === false) pending.push(id);
      send({ changed: id, isDurable: result === true, isPending: result === false, end });
    } catch {
      // It may have happened or not.
      send({ changed: id, isDurable: false, isPending: false, end: now() });
    }
  }

  const countOf = (kind) => process.getActiveResourcesInfo().filter((handle) => handle === kind).length;
  /** As many as there were when all was well before. */
  let sockets = Number.POSITIVE_INFINITY;

  /** Until all know of everything, and nothing is in doubt; then reads all keys without what memory has, and says how it is. */
  async function settle(id) {
    const deadline = now() + SETTLE;
    const isWell = async () => (await subject.acknowledged()) && (subject.health?.().ok ?? true);
    let wasWell = await isWell();
    while (!wasWell && now() < deadline) {
      await pause(10);
      wasWell = await isWell();
    }
    const wellAt = wasWell ? now() : undefined;
    if (wasWell) send({ acknowledged: pending.splice(0), end: wellAt });
    // What is heard of late is heard of now.
    await pause(100);
    isPaused = true;
    while (busy > 0 && now() < deadline + SETTLE) await pause(5);
    // Loads that are under way are no longer right then: as after a doubt.
    const from = now();
    await subject.forget();
    record({ type: 'doubt', process: processName, from, at: now() });
    for (const place of CHANGING) await read(place, 'cold', { isCold: true });
    await queue?.flush();
    // What was closed is gone a turn later, or once its other end has had time for it.
    const closed = now() + CLOSING;
    do await pause(20);
    while (countOf('TCPSocketWrap') > sockets + (waits > 0 ? 1 : 0) && now() < closed);
    sockets = countOf('TCPSocketWrap');
    // Of those that go on, as long as they have by now.
    for (const call of waiting) recordWait(call);
    flush();
    send({
      settled: id,
      facts: {
        ...facts,
        settledAt: now(),
        wellAt,
        health: subject.health?.(),
        unhandled: unhandled.splice(0),
        sockets,
        waits,
        timers: countOf('Timeout'),
      },
    });
    Object.assign(facts, { reads: 0, failures: 0, failure: undefined, longest: 0, slowest: '' });
    isPaused = false;
  }

  async function stop() {
    isOver = true;
    over.abort();
    await Promise.all(work);
    await queue?.close();
    flush();
    await subject.close();
    stalls.end();
    send({ stopped: true });
  }

  listen((message) => {
    if (message.loaded !== undefined) {
      loads.get(message.loaded)?.(message.value);
      loads.delete(message.loaded);
    } else if (message.written !== undefined) {
      writes.get(message.written)?.(message.ok);
      writes.delete(message.written);
    } else if (message.fenced !== undefined) {
      fenced.get(message.fenced)?.();
      fenced.delete(message.fenced);
    } else if (message.change !== undefined) void change(message.change);
    else if (message.settle !== undefined) void settle(message.settle);
    else if (message.contend !== undefined)
      void insist(message.contend, briefly).then(() => send({ contended: message.contend }));
    else if (message.hold !== undefined) {
      void insist(message.hold, forever).then(() => send({ holds: message.hold }));
    } else if (message.late !== undefined) void writeLate(message.late);
    else if (message.stop === true) void stop();
  });
  send({ ready: true, engine: subject.engine });
}
