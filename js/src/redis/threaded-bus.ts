import type { BroadcastChannel } from 'node:worker_threads';
import { fingerprint } from '../keys/fingerprint.js';
import { ignore } from '../memory/flight.js';
import type { Bus, BusListener, Carried, CommonMemory, Cover } from '../tiers/bus.js';
import { type Change, placeId } from '../tiers/change.js';
import { Sender } from '../tiers/sender.js';
import { LONGEST_DELAY, unref } from '../timers.js';
import type { BusSettings } from './channel.js';
import { delayOf } from './restart.js';
import { Board, ENDED, LIVE } from './thread-board.js';
import {
  channelName,
  type Family,
  Hall,
  type Listed,
  Presence,
  present,
  type Said,
  type ThreadData,
  threadName,
  userName,
} from './thread-hall.js';

/** How long it waits to be let go. */
const FAREWELL = 1_000;

/** The thread that listens, as this one knows it. */
interface Found extends Listed {
  readonly place: string;
  readonly channel: BroadcastChannel;
  /** None before it has answered. */
  board?: Board;
  /** Where this one's changes that are on their way are counted; negative if there is no room. */
  row: number;
}

export interface ThreadedOptions {
  /** The address of a module whose default export makes a client. */
  readonly client: string;
  readonly settings: BusSettings;
  /** Sends what this thread has to say. */
  readonly send: (text: string) => Promise<void>;
}

/** A bus that is open already. */
export type OpenBus = Omit<Bus, 'open'>;

/** Whether there are threads here. */
export function hasThreads(): boolean {
  const { process } = globalThis as { process?: { getBuiltinModule?: unknown } };
  return typeof process?.getBuiltinModule === 'function';
}

/** Beside the file of this bundle. Not in the call that uses it: then bundlers of pages would take it for a worker of theirs. */
const threadFile = () => new URL('./bus-thread.js', import.meta.url);

/** Without `node:`, by which what belongs to Node alone is found in a bundle for pages. */
const threads = () => process.getBuiltinModule('worker_threads');

/**
 * A bus whose listening side is in a thread of its own, one for all that have the same memory. That applies to the memory
 * what it hears; here it is only asked, at each read, whether it still does. What this thread changes it tells others
 * itself.
 */
export class ThreadedBus implements OpenBus {
  readonly name = 'redis';
  readonly #options: ThreadedOptions;
  readonly #listener: BusListener;
  readonly #memory: CommonMemory;
  /** What a thread must be of to be the one. */
  readonly #kind: string;
  readonly #hall: Hall;
  readonly #presence = new Presence(userName());
  readonly #family: Promise<Family>;
  readonly #sender: Promise<Sender>;
  /** The same, once it is there. */
  #known: Sender | undefined;
  #found: Found | undefined;
  /** As the listener was told last. */
  #turns = 0;
  #isLive = false;
  #failures = 0;
  #closed = false;
  #beat: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #left: (() => void) | undefined;

  constructor(options: ThreadedOptions, listener: BusListener, memory: CommonMemory) {
    this.#options = options;
    this.#listener = listener;
    this.#memory = memory;
    const { client, settings } = options;
    const name = memory.opening.options.shared;
    this.#kind = fingerprint([name, client, settings]);
    this.#hall = new Hall(name);
    this.#hall.goApart(this.#presence.name);
    this.#family = this.#hall.family(this.#kind);
    this.#sender = this.#family.then(({ id }) => {
      this.#known = new Sender(options.send, id);
      return this.#known;
    });
    // Whoever publishes is told.
    this.#sender.catch(ignore);
    this.#signOfLife();
    void this.#seek();
  }

  async publish(changes: readonly Change[], carried?: Carried): Promise<void> {
    await (await this.#sender).publish(changes, carried);
  }

  get keepsMemory(): boolean {
    return this.#found?.board !== undefined;
  }

  get heard(): number {
    return this.#found?.board?.applied ?? 0;
  }

  cover(change: Change): Cover | undefined {
    const found = this.#found;
    const { board, row = -1 } = found ?? {};
    const whole = this.#whole;
    if (board === undefined || row < 0 || whole === undefined) return undefined;
    const changed = 'key' in change ? placeId(change.namespace, change.key) : undefined;
    board.cover(row, changed, 1);
    let isOver = false;
    return {
      holds: () => !isOver && this.#found === found && this.#whole === whole,
      end: () => {
        // After it has left another has the row.
        if (!isOver && !this.#closed) board.cover(row, changed, -1);
        isOver = true;
      },
    };
  }

  /** The same at two times if all that have the memory have seen, and do see, what others have on its way. */
  get #whole(): string | undefined {
    const { board, place = '' } = this.#found ?? {};
    return board?.isComplete ? this.#hall.whole(place) : undefined;
  }

  covers(namespace: readonly string[], key: string): boolean {
    const { board, row = -1 } = this.#found ?? {};
    return board?.covers(() => placeId(namespace, key), row) === true;
  }

  get isUnsettled(): boolean {
    const { board, row = -1 } = this.#found ?? {};
    return board?.coversKeys(row) === true;
  }

  check(): void {
    const board = this.#found?.board;
    if (board === undefined) return;
    const { heartbeat, patience } = this.#options.settings;
    const { turns, state } = board;
    const isLive = state === LIVE && !board.isSilent(heartbeat + patience);
    if (turns === this.#turns && isLive === this.#isLive) return;
    const wasLive = this.#isLive;
    this.#turns = turns;
    this.#isLive = isLive;
    const reason = board.reason || (isLive ? 'changes were missed' : 'the thread of the bus heard nothing');
    if (state === ENDED) this.#lost(reason);
    else if (!isLive) this.#listener.down(reason);
    else if (wasLive) this.#listener.missed(reason);
    else this.#listener.live();
  }

  health(): object {
    const { id, board } = this.#found ?? {};
    const { applied: _, ...counts } = board?.counts ?? { applied: 0 };
    return { live: this.#isLive, thread: board === undefined ? '' : id, sent: this.#known?.sent ?? 0, ...counts };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#beat);
    clearTimeout(this.#retry);
    const { channel, board } = this.#found ?? {};
    channel?.postMessage({ kind: 'leave', user: this.#presence.name } satisfies Said);
    if (board !== undefined) {
      await new Promise<void>((resolve) => {
        this.#left = resolve;
        unref(setTimeout(resolve, FAREWELL));
      });
    }
    channel?.close();
    this.#hall.join(this.#presence.name);
    this.#presence.close();
    this.#hall.close();
  }

  // ---- The thread

  async #seek(): Promise<void> {
    try {
      const { id: family } = await this.#family;
      const found = await this.#hall.find(this.#kind, (place) => this.#start(place, family));
      if (this.#closed) return;
      const { BroadcastChannel } = threads();
      const channel = new BroadcastChannel(channelName(found.id));
      channel.unref();
      channel.onmessage = (event) => this.#take((event as { readonly data: Said }).data);
      this.#found = { ...found, channel, row: -1 };
      this.#join();
    } catch (error) {
      this.#again(`no thread of the bus: ${String(error)}`);
    }
  }

  #start(place: string, family: string): Listed {
    const { client, settings } = this.#options;
    const id = crypto.randomUUID();
    const workerData: ThreadData = { id, place, family, client, settings, opening: this.#memory.opening };
    const { Worker } = threads();
    // Of a program that is given as text; it would be refused with a file.
    const isText = process.execArgv.some((argument) => argument.startsWith('--input-type'));
    const worker = new Worker(threadFile(), { workerData, name: 'tiercel bus', ...(isText && { execArgv: [] }) });
    worker.unref();
    let why = '';
    worker.on('error', (error: Error) => {
      why = `: ${error.message}`;
    });
    worker.on('exit', () => tellEnded(workerData, `the thread of the bus ended${why}`));
    return { id, starter: this.#presence.name };
  }

  #join(): void {
    const { opening, ...part } = this.#memory;
    const { connection } = opening;
    const said: Said = { kind: 'join', user: this.#presence.name, part: { ...part, connection } };
    this.#found?.channel.postMessage(said);
  }

  #take(said: Said): void {
    const found = this.#found;
    if ('user' in said && said.user !== this.#presence.name) return;
    if (said.kind === 'left') this.#left?.();
    if (this.#closed || found === undefined) return;
    switch (said.kind) {
      case 'hello':
        this.#join();
        break;
      case 'joined':
        if (found.board !== undefined) break;
        found.board = new Board(said.board);
        found.row = said.row;
        this.#turns = found.board.turns;
        void this.#see();
        if (found.board.state === LIVE) this.check();
        else this.#listener.down(found.board.reason);
        break;
      case 'refused':
        this.#listener.down(said.reason);
        break;
      case 'turned':
        this.check();
        break;
      case 'ended':
        this.#lost(said.reason);
        break;
    }
  }

  /** From now on it sees what all others have on its way, if their board is the same. */
  async #see(): Promise<void> {
    const { kind } = await this.#family;
    if (kind === this.#kind && this.#found?.board !== undefined) this.#hall.join(this.#presence.name);
  }

  /** It is not there any more. */
  #lost(reason: string): void {
    const found = this.#found;
    if (found === undefined || this.#closed) return;
    this.#hall.goApart(this.#presence.name);
    this.#hall.end(found);
    found.channel.close();
    this.#found = undefined;
    this.#isLive = false;
    this.#again(reason);
  }

  #again(reason: string): void {
    if (this.#closed) return;
    this.#listener.down(reason);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#seek(), delayOf(this.#failures++));
    unref(this.#retry);
  }

  /** Tells others that this thread is there, and looks if those are that it needs. */
  #signOfLife(): void {
    this.#beat = setTimeout(() => this.#signOfLife(), Math.min(this.#options.settings.heartbeat, LONGEST_DELAY));
    unref(this.#beat);
    // Those who miss it wait for the next.
    this.#known?.signOfLife().catch(ignore);
    const found = this.#found;
    if (found === undefined) return;
    const there = present();
    const isThere = there.has(threadName(found.id)) || (found.board === undefined && there.has(found.starter));
    if (!isThere || this.#hall.hasEnded(found.place)) this.#lost('the thread of the bus ended');
    else if (found.board === undefined) this.#join();
    else this.check();
    if (this.#isLive) this.#failures = 0;
  }
}

/** Tells all, also if the cache for which it was started is not there any more. */
function tellEnded({ id, place, opening }: ThreadData, reason: string): void {
  const hall = new Hall(opening.options.shared);
  hall.end({ id, place });
  hall.close();
  const { BroadcastChannel } = threads();
  const channel = new BroadcastChannel(channelName(id));
  channel.postMessage({ kind: 'ended', reason } satisfies Said);
  channel.close();
}
