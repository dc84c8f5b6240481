// Some processes with a cache each, one server and one that may take its place, and a proxy between for each process and role.
import { fork } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startProxy } from '../../redis/support/proxy.mjs';
import { startServer, until } from '../../redis/support/server.mjs';
import { hasEnded, watchOver } from '../../redis/support/watcher.mjs';
import { now } from './clock.mjs';
import { FencedStore } from './fenced-store.mjs';
import { CHANGING, WAYS } from './places.mjs';
import { Source } from './source.mjs';

const PROGRAM = fileURLToPath(new URL('./cache-process.mjs', import.meta.url));

/** Engine and client of each process, whether it has threads that share a cache, and if one of its own listens for all of them. */
export const TIERCEL = {
  subject: new URL('./tiercel-subject.mjs', import.meta.url).href,
  kinds: [
    { engine: 'native', library: 'ioredis', threads: 2, listens: 'for all' },
    { engine: 'native', library: 'node-redis', threads: 2 },
    { engine: 'native', library: 'ioredis' },
    { engine: 'wasm', library: 'node-redis' },
  ],
};
/** The same with bentocache, which has no threads. */
export const BENTOCACHE = {
  subject: new URL('./bentocache-subject.mjs', import.meta.url).href,
  kinds: Array.from({ length: 4 }, () => ({ engine: 'native', library: 'ioredis' })),
};
export const ROLES = /** @type {const} */ (['data', 'bus', 'lock']);
/** A bus that is silent for longer than these two together is in doubt: in production 2 s and 1 s. */
const HEARTBEAT = 250;
const PATIENCE = 350;
/** Failures in a row that open a breaker, and for how long at first: in production 5 s. */
export const BREAKER = { failures: 3, reset: 200 };
/** After how long at most everybody has asked a server again that answers: a breaker is open four times as long at last. */
export const ASKED_AGAIN = 4 * BREAKER.reset;
/** How late a read may be, in milliseconds: as old as a bus that is not in doubt, and the time that a message takes. */
export const GRACE = HEARTBEAT + PATIENCE + 100;
/** Longest that an answer of an actor takes, in milliseconds: who is asked waits a minute at most. */
const ANSWER = 180_000;

/**
 * @typedef {Awaited<ReturnType<typeof startProxy>>} Proxy
 * @typedef {object} Member a process
 * @property {string} name
 * @property {number} index
 * @property {string[]} actors names of its users of a cache
 * @property {import('node:child_process').ChildProcess} child
 * @property {Promise<unknown>} exit settled once it has ended
 * @property {Proxy} data
 * @property {Proxy} bus
 * @property {Proxy} lock
 * @property {string} errors what it said to the console
 * @property {boolean} isEnding somebody ends it
 */

export class Fleet {
  /** @type {Member[]} */
  members = [];
  /** What all processes did. @type {any[]} */
  log = [];
  changes = 0;
  /** Changes that all knew of when they were answered, and those that they knew of later. */
  acknowledged = 0;
  later = 0;
  source;
  #fenced = new FencedStore();
  /** Processes that were ended, and when. @type {Map<string, { at: number, how: string }>} */
  ended = new Map();
  /** Processes in which a thread took the place of another. @type {Set<string>} */
  renewed = new Set();
  #subject;
  #options;
  /** Questions to actors, by what the answer has. @type {Map<string, (message: Record<string, unknown>) => void>} */
  #questions = new Map();
  /** What is known of changes that are not settled. @type {Map<number, { place: string, way: string, version: number, begin: number }>} */
  #unsettled = new Map();
  /**
   * Places with changes that are under way, or of which nobody knows what became. Who sets a value while another changes
   * the source has a race of its own, which no cache can decide: a value is only set where nothing else is under way.
   */
  #busy = new Map();
  /** Places with a value that is being set. */
  #setting = new Set();
  #unheard = [];
  #next = 0;
  #names = 0;
  #engines = new Map();

  /**
   * @typedef {object} FleetOptions
   * @property {typeof TIERCEL} [subject]
   * @property {'pubsub' | 'tracking'} [mode] of the buses, as of `redisBus` @property {'flush' | 'revalidate'} [onDoubt] and
   *   @property {boolean} [publishValue] as of a cache
   * @property {string} [breaks] a protection that is off, see broken.mjs
   * @property {number} [slowest] longest that the source takes, in milliseconds
   * @property {number} [readers] of each actor @property {number} [pace] milliseconds between their reads
   * @param {FleetOptions} [options]
   */
  static async open(options = {}) {
    const fleet = new Fleet(options);
    fleet.server = await startServer();
    try {
      await Promise.all(fleet.#subject.kinds.map((_, index) => fleet.#start(index)));
    } catch (error) {
      await fleet.close().catch(() => undefined);
      throw error;
    }
    return fleet;
  }

  /** @param {FleetOptions} options */
  constructor({ subject = TIERCEL, slowest = 30, ...options }) {
    this.#subject = subject;
    this.#options = options;
    this.source = new Source({ slowest });
  }

  /** What each actor runs on, by name. */
  get engines() {
    return Object.fromEntries(this.#engines);
  }

  /** Whether each cache is told of what others load: by Redis, of each entry that is written, or with its value. */
  get isToldOfLoads() {
    const { mode, publishValue } = this.#options;
    return mode === 'tracking' || publishValue === true;
  }

  /** @param {number} index @param {Partial<Member>} [before] whose place it takes */
  async #start(index, before) {
    const { engine, library, threads, listens } = this.#subject.kinds[index];
    const name = `process ${index}${before === undefined ? '' : `, number ${++this.#names}`}`;
    const proxy = async (role) =>
      before?.[role] ?? (await startProxy(this.server.port, { readsCommands: role === 'data' }));
    const [data, bus, lock] = await Promise.all(ROLES.map(proxy));
    const actors = threads === undefined ? [name] : Array.from({ length: threads }, (_, i) => `${name}, thread ${i}`);
    const { breaks, mode, onDoubt, publishValue, readers = 2, pace = 10 } = this.#options;
    const options = {
      name,
      process: name,
      subject: this.#subject.subject,
      library,
      ports: { data: data.port, bus: bus.port, lock: lock.port },
      ...{ breaks, mode, onDoubt, publishValue, readers, pace, listens },
      ...{ heartbeat: HEARTBEAT, patience: PATIENCE, breaker: BREAKER },
      ...(threads !== undefined && { threads: actors, shared: 'fleet' }),
    };
    const child = fork(PROGRAM, [JSON.stringify(options)], {
      env: { ...process.env, TIERCEL_ENGINE: engine },
      // So that the memory is what is used, and not what might be collected.
      // Threads that help to collect only take the processors from each other.
      execArgv: ['--expose-gc', '--max-semi-space-size=2', '--single-threaded-gc'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    // Not `once` of node:events, which fails with what could not be sent to one that has just ended.
    const exit = new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])));
    watchOver(child);
    void exit.then(() => hasEnded(child));
    const member = { name, index, actors, child, exit, data, bus, lock, errors: '', isEnding: false };
    this.members[index] = member;
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      member.errors += text;
    });
    child.on('message', (message) => this.#hear(member, message));
    // What is sent to one that has just ended fails.
    child.on('error', (error) => {
      member.errors += `${error}\n`;
    });
    void exit.then(([code, signal]) => {
      if (!member.isEnding) this.#unheard.push(`${name} ended with ${code ?? signal}:\n${member.errors}`);
    });
    const ready = actors.map((_, actor) => this.#answer(member, actor, 'ready'));
    await Promise.race([
      Promise.all(ready),
      exit.then(() => Promise.reject(new Error(`${name} did not start:\n${member.errors}`))),
    ]);
  }

  /** The next message of an actor that has this in it. @returns {Promise<any>} */
  #answer(member, actor, what) {
    return new Promise((resolve) => this.#questions.set(`${member.name} ${actor} ${what}`, resolve));
  }

  #resolve(question, message) {
    const answer = this.#questions.get(question);
    this.#questions.delete(question);
    answer?.(message);
  }

  /**
   * The next time that a process asks the source or the store for something.
   * @param {Member} member @param {'load' | 'store'} what
   * @param {(message: { place?: string }) => boolean} [isMeant] which of them, by what it is asked for
   */
  next(member, what, isMeant = () => true) {
    const question = `${member.name} ${what}`;
    return new Promise((resolve) => {
      const ask = () =>
        this.#questions.set(question, (message) => {
          if (isMeant(message)) resolve(message);
          else ask();
        });
      ask();
    });
  }

  #hear(member, message) {
    const { actor } = message;
    const name = member.actors[actor];
    const reply = (answer) => member.child.connected && member.child.send({ actor, ...answer });
    for (const what of ['load', 'store'])
      if (message[what] !== undefined) this.#resolve(`${member.name} ${what}`, message);
    if (message.log !== undefined) for (const record of message.log) this.log.push(record);
    else if (message.load !== undefined) {
      // What it was when it was asked for, however long the answer takes.
      const value = this.source.valueOf(message.place);
      this.source.later(() => {
        if (this.ended.has(name)) this.#cutOff(member, name, message, value);
        else reply({ loaded: message.load, value });
      });
    } else if (message.store !== undefined)
      this.source.later(() => reply({ written: message.store, ok: this.source.store(name, message.operations) }));
    else if (message.fenced !== undefined) {
      const written = this.#fenced.write(name, message.write);
      this.log.push(written);
      reply({ fenced: message.fenced, isAccepted: written.isAccepted });
    } else if (message.accepted !== undefined) this.source.accept(name, message);
    else if (message.givenUp !== undefined) this.source.givenUp += message.givenUp;
    else if (message.changed !== undefined) this.#changed(name, message);
    else if (message.acknowledged === undefined) {
      if (message.ready) this.#engines.set(name, message.engine);
      for (const what of ['ready', 'settled', 'stopped', 'holds', 'contended', 'late', 'terminated', 'measured']) {
        if (message[what] === undefined) continue;
        this.#resolve(`${member.name} ${actor} ${what}`, message);
      }
    } else {
      for (const id of message.acknowledged) this.#knownToAll(name, id, message.end, { isLater: true });
    }
  }

  /** A load of one that has ended meanwhile, which cannot say so itself. */
  #cutOff(member, actor, { place, begin }, { version }) {
    const when = { asked: begin, begin, end: now() };
    this.log.push({ type: 'load', process: member.name, actor, key: place, version, ...when, isCutOff: true });
  }

  // ---- Changes

  /** Changes the source, and has one process say so. */
  change() {
    const place = CHANGING[Math.floor(Math.random() * CHANGING.length)];
    const member = this.members[Math.floor(Math.random() * this.members.length)];
    if (!member.child.connected || member.isEnding || this.#setting.has(place)) return;
    const actor = Math.floor(Math.random() * member.actors.length);
    const ways = WAYS.filter((way) => way !== 'set' || !this.#busy.has(place));
    const way = ways[Math.floor(Math.random() * ways.length)];
    const value = this.source.grow(place);
    const id = ++this.#next;
    this.changes++;
    this.#busy.set(place, (this.#busy.get(place) ?? 0) + 1);
    if (way === 'set') this.#setting.add(place);
    this.#unsettled.set(id, { place, way, version: value.version, begin: now() });
    member.child.send({ actor, change: { id, place, way, value } });
  }

  #changed(name, { changed: id, isDurable, isPending, end }) {
    const { place, way } = this.#unsettled.get(id) ?? {};
    if (way === 'set') this.#setting.delete(place);
    if (isDurable) this.#knownToAll(name, id, end);
    // Of what nobody knows whether it happened nothing is promised, and it may happen yet.
    else if (!isPending) this.#unsettled.delete(id);
  }

  #knownToAll(name, id, end, { isLater = false } = {}) {
    const change = this.#unsettled.get(id);
    if (change === undefined) return;
    this.#unsettled.delete(id);
    this[isLater ? 'later' : 'acknowledged']++;
    const { place, way, version, begin } = change;
    const busy = (this.#busy.get(place) ?? 1) - 1;
    if (busy > 0) this.#busy.set(place, busy);
    else this.#busy.delete(place);
    this.log.push({ type: 'change', process: name, key: place, version, way, isLater, begin, end });
  }

  // ---- Actors and processes

  /** Has one actor do something. */
  tell(member, actor, message) {
    if (member.child.connected) member.child.send({ actor, ...message });
  }

  /** As {@link tell}, and waits for the answer that has `what` in it; undefined if it ends before. @returns {Promise<any>} */
  async ask(member, actor, message, what) {
    const answer = this.#answer(member, actor, what);
    this.tell(member, actor, message);
    const over = new AbortController();
    const late = pause(ANSWER, undefined, { signal: over.signal }).then(
      () => Promise.reject(new Error(`${member.actors[actor]} has not ${what} after ${ANSWER} ms:\n${member.errors}`)),
      () => undefined,
    );
    try {
      return await Promise.race([answer, member.exit.then(() => undefined), late]);
    } finally {
      over.abort();
    }
  }

  /** Everything known everywhere, if that comes to be; then what each actor says of itself. @returns {Promise<any[]>} */
  async settle() {
    const all = this.members.flatMap((member) =>
      member.actors.map(async (name, actor) => {
        const answer = await this.ask(member, actor, { settle: ++this.#next }, 'settled');
        return { name, process: member.name, ...answer?.facts };
      }),
    );
    const facts = await Promise.all(all);
    await Promise.all(
      this.members.map(async (member) => {
        const answer = await this.ask(member, 0, { measure: ++this.#next }, 'measured');
        for (const one of facts) if (one.process === member.name) one.memory = answer?.memory;
      }),
    );
    // What is not known to all by now is of those that have gone.
    this.#busy.clear();
    this.#setting.clear();
    return facts;
  }

  /** Ends a process, with no time to do anything, and starts another in its place. @param {Member} member */
  async replace(member, signal = /** @type {NodeJS.Signals} */ ('SIGKILL')) {
    await this.end(member, signal);
    await this.start(member);
  }

  /** Starts another in the place of one that was ended. @param {Member} member */
  async start(member) {
    await this.#start(member.index, member);
  }

  /** @param {Member} member @param {NodeJS.Signals} signal */
  async end(member, signal) {
    member.isEnding = true;
    const at = now();
    member.child.kill(signal);
    // What is told to end may answer, and be answered, until it has.
    if (signal !== 'SIGKILL') await member.exit;
    for (const name of [member.name, ...member.actors]) this.ended.set(name, { at, how: signal });
    await member.exit;
  }

  /** Ends a thread in the middle of what it does, and starts another in its place. @param {Member} member */
  async terminate(member, actor) {
    const before = member.actors[actor];
    const name = `${member.name}, thread ${actor}, number ${++this.#names}`;
    this.ended.set(before, { at: now(), how: 'terminate' });
    const terminated = this.#answer(member, actor, 'terminated').then(() => {
      this.renewed.add(member.name);
      member.actors[actor] = name;
    });
    const ready = this.#answer(member, actor, 'ready');
    member.child.send({ terminate: actor, name });
    await terminated;
    await ready;
  }

  /** Ends all of it; rejects if a process ended before, or badly. */
  async close() {
    const stopped = this.members.map(async (member) => {
      const { child } = member;
      if (child.exitCode !== null || child.signalCode !== null) return;
      const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
      const answers = member.actors.map((_, actor) => this.ask(member, actor, { stop: true }, 'stopped'));
      const all = await Promise.all(answers);
      member.isEnding = all.every((answer) => answer !== undefined);
      await member.exit;
      clearTimeout(timer);
    });
    await Promise.all(stopped);
    // Those that are open still say what they have to.
    await pause(0);
    await Promise.all(this.members.flatMap((member) => ROLES.map((role) => member[role].close())));
    await this.link?.close();
    await Promise.all([this.server?.stop(), this.#replica?.stop()]);
    if (this.#unheard.length > 0) throw new Error(this.#unheard.join('\n'));
  }

  // ---- The server, and the one that takes its place

  /** @type {import('../../redis/support/server.mjs').RedisServer | undefined} */
  server;
  /** @type {import('../../redis/support/server.mjs').RedisServer | undefined} */
  #replica;
  /** Between a replica and the server. @type {Proxy | undefined} */
  link;

  /** Has a replica that is in step. */
  async replicate() {
    const replica = this.#replica ?? (await startServer());
    this.#replica = replica;
    this.link ??= await startProxy(this.server.port);
    this.link.target = this.server.port;
    await this.link.pass();
    await replica.command('REPLICAOF', '127.0.0.1', this.link.port);
    await until('the replica is in step', async () =>
      /master_link_status:up/.test(await replica.command('INFO', 'replication')),
    );
  }

  /**
   * The server dies, and the replica takes its place; what was the server is empty and serves nobody.
   * @param {(replica: import('../../redis/support/server.mjs').RedisServer) => Promise<unknown>} [promoted] until it is a
   *   primary
   */
  async failOver(promoted = (replica) => replica.command('REPLICAOF', 'NO', 'ONE')) {
    const old = this.server;
    const replica = this.#replica;
    await Promise.all([old.kill(), this.link.refuse()]);
    await promoted(replica);
    this.server = replica;
    this.#replica = old;
    for (const member of this.members) {
      for (const role of ROLES) {
        member[role].target = replica.port;
        member[role].drop();
      }
    }
    await old.restart();
  }
}
