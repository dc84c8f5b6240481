import type { Milliseconds } from '../duration.js';
import { TiercelError } from '../errors.js';
import { InFlight, type OpenCall } from '../tiers/in-flight.js';
import { type Listed, OpenList } from '../tiers/open-list.js';
import type { RemoteCall } from '../tiers/remote.js';
import { TimeLimit } from '../tiers/time-limit.js';
import type { RedisArgument, RedisBytes, RedisPort, RedisReply } from './port.js';
import { SCRIPTS, type ScriptName, type Trust } from './scripts.js';
import { Shards } from './shards.js';
import { Vigil } from './vigil.js';

export interface CommandOptions {
  readonly prefix: string;
  readonly timeout: Milliseconds;
  readonly maxInFlight: number;
  /** Whether Redis never loses what it has acknowledged, so that what was written before it started counts. */
  readonly durable: boolean;
}

/** Arguments that every script begins with. */
const HEAD = 4;

type Resolve = (reply: RedisReply) => void;
type Reject = (error: unknown) => void;

/** A call of a script. */
interface Job extends Listed {
  readonly script: ScriptName;
  readonly shard: number;
  readonly args: readonly RedisArgument[];
  readonly call: RemoteCall | undefined;
  readonly resolve: Resolve;
  readonly reject: Reject;
  /** Whether it may not take effect after what was sent after it: a value that was set. */
  readonly isOrdered: boolean;
  /** Of all that were sent, this one the last time. */
  sequence: number;
  /** Until when it may be answered. */
  until: Milliseconds;
  /** Whether it has to bring the script along. */
  isUnknown: boolean;
}

interface RunOptions {
  readonly shard?: number;
  readonly call?: RemoteCall | undefined;
  readonly deadline?: Milliseconds;
}

/**
 * Calls of scripts, over a connection that others use as well. Those of a shard take effect in the order in which they were made,
 * also when the server has lost its scripts: then all wait until those before them are answered and the scripts are there
 * again. A call ends within the timeout; it is counted as in flight until it is answered, so that what a server that
 * hangs has not answered is bounded.
 */
export class Commands {
  readonly port: RedisPort;
  readonly shards: Shards;
  readonly counts = { calls: 0, timeouts: 0, refused: 0, loads: 0 };
  readonly #open: InFlight;
  readonly #vigil = new Vigil();
  readonly #options: CommandOptions;
  readonly #id = Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join('');
  #calls = 0;
  readonly #trust: Trust;
  readonly #shas = new Map<ScriptName, string>();
  #sequence = 0;
  /** By shard: the latest of all that were sent and are of data that has taken effect. */
  readonly #done: number[] = [];
  /** Sent and not answered. */
  readonly #sent = new OpenList<Job>();
  /** Answered that the script is not there, in the order in which they were sent. */
  #refused: Job[] = [];
  /** Made while scripts are being loaded. */
  #waiting: Job[] | undefined;

  constructor(port: RedisPort, options: CommandOptions) {
    this.port = port;
    this.#options = options;
    this.#open = new InFlight(options.maxInFlight);
    const { prefix, durable } = options;
    const isCluster = port.topology === 'cluster';
    this.shards = new Shards(prefix, isCluster);
    this.#trust = durable ? 'all' : isCluster ? 'slot' : 'server';
  }

  /** Whether calls that go out together cost one round trip, however many they are. */
  get isPipelined(): boolean {
    return this.port.client !== 'rest';
  }

  get inFlight(): number {
    return this.#open.size;
  }

  /**
   * @param shard that of the name which is the first argument, if left out
   * @param deadline until when it may take effect, by the clock of the server; 0: at any time
   */
  run(
    script: ScriptName,
    args: readonly RedisArgument[],
    { shard = this.shards.ofName(args[0] as string), call, deadline = 0 }: RunOptions = {},
  ): Promise<RedisReply> {
    return this.#within(script, (resolve, reject) => {
      const nonce = `${this.#id}.${(++this.#calls).toString(36)}`;
      const head = [this.shards.prefixes[shard] as string, nonce, this.#trust, deadline.toFixed(0)];
      const job: Job = {
        script,
        shard,
        args: [...head, ...args],
        call,
        resolve,
        reject,
        isOrdered: deadline > 0,
        sequence: 0,
        until: 0,
        isUnknown: false,
        place: -1,
      };
      if (this.#waiting !== undefined) {
        this.#waiting.push(job);
        this.#load();
      } else if (this.#shas.has(script)) this.#send(job);
      else this.#wantsLoading(job);
    });
  }

  /**
   * What is at a key, after and before how long it is kept: three commands that go out together. They take less time than
   * the script that finds as much, and are not one step.
   */
  look(key: string): Promise<RedisReply> {
    const commands = [
      ['PTTL', key],
      ['GET', key],
      ['PTTL', key],
    ];
    return this.#within('GET', (resolve, reject) => {
      Promise.all(commands.map((command) => this.port.send(command))).then(resolve, reject);
    });
  }

  /** A command as it is. */
  command(...args: RedisArgument[]): Promise<RedisReply> {
    return this.#within(String(args[0]), (resolve, reject) => void this.port.send(args).then(resolve, reject));
  }

  #within(what: string, begin: (resolve: Resolve, reject: Reject) => void): Promise<RedisReply> {
    const { timeout, maxInFlight } = this.#options;
    // Clients keep commands for when they are connected again: by then nobody wants them.
    if (!this.port.isReady() || this.#open.isFull) {
      this.counts.refused++;
      const why = this.port.isReady() ? `${maxInFlight} calls are in flight` : 'the client is not connected';
      return Promise.reject(new TiercelError('ERR_TIERCEL_UNAVAILABLE', `${what}: ${why}`));
    }
    this.counts.calls++;
    return new Promise((resolve, reject) => {
      let isAnswered = false;
      let open: OpenCall | undefined;
      let limit: TimeLimit | undefined;
      const answered = () => {
        isAnswered = true;
        if (open !== undefined) this.#open.end(open);
        limit?.end();
      };
      // First of all: the rest is done while the server works.
      begin(
        (reply) => {
          answered();
          resolve(reply);
        },
        (error) => {
          answered();
          reject(error);
        },
      );
      if (isAnswered) return;
      if (this.isPipelined) this.#vigil.keep(() => isAnswered);
      const begun = this.#open.begin(timeout);
      open = begun;
      limit = new TimeLimit(timeout, () => {
        this.counts.timeouts++;
        begun.isGivenUp = true;
        reject(new TiercelError('ERR_TIERCEL_TIMEOUT', `${what}: Redis gave no answer within the timeout`));
      });
    });
  }

  // ---- Scripts

  #send(job: Job): void {
    job.until = performance.now() + this.#options.timeout;
    this.#sent.add(job);
    job.sequence = ++this.#sequence;
    const { script, shard, args, isUnknown } = job;
    const slotKey = this.shards.isDivided ? this.shards.prefixes[shard] : undefined;
    const how = isUnknown ? ['EVAL', SCRIPTS[script]] : ['EVALSHA', this.#shas.get(script) as string];
    // A name that no key has, of the slot that all of the shard are in.
    const keys = slotKey === undefined ? ['0'] : ['1', slotKey];
    // What a lease covers is compared, however late it comes.
    const isFree = !job.isOrdered && ['read', 'write'].includes(args[HEAD] as string);
    this.port.send([...how, ...keys, ...args], slotKey, isFree).then(
      (reply) => {
        this.#sent.delete(job);
        if (script === 'data') this.#done[shard] = Math.max(this.#done[shard] ?? 0, job.sequence);
        job.resolve(reply);
        this.#load();
      },
      (error: unknown) => {
        this.#sent.delete(job);
        if (isNoScript(error)) {
          this.#waiting ??= [];
          this.#refused.push(job);
        } else job.reject(error);
        this.#load();
      },
    );
  }

  #wantsLoading(job: Job): void {
    this.#refused.push(job);
    this.#waiting ??= [];
    this.#load();
  }

  /** Sends scripts again once nothing is under way, and what had to wait; the first time it asks what they are called. */
  #load(): void {
    if (this.#waiting === undefined || this.#refused.length === 0 || this.#isSending()) return;
    const refused = this.#refused;
    this.#refused = [];
    this.counts.loads++;
    if (this.#shas.size > 0) {
      this.#goOn(refused, new Set());
      return;
    }
    const names = Object.keys(SCRIPTS) as ScriptName[];
    Promise.all(names.map((name) => this.port.send(['SCRIPT', 'LOAD', SCRIPTS[name]]))).then(
      (shas) => {
        for (const [i, name] of names.entries()) this.#shas.set(name, textOf(shas[i]));
        this.#goOn(refused, new Set(names));
      },
      (error: unknown) => {
        for (const job of this.#takeAll(refused)) job.reject(error);
      },
    );
  }

  /** Whether an answer may still come. In a Worker none does to a request that has ended, and nobody is told of that. */
  #isSending(): boolean {
    const now = performance.now();
    for (const job of this.#sent.all()) if (job.until <= now) this.#sent.delete(job);
    return this.#sent.size > 0;
  }

  /** @param loaded scripts that the server has, or will have when it comes to what is sent next */
  #goOn(refused: readonly Job[], loaded: Set<string>): void {
    for (const job of this.#takeAll(refused)) {
      // Its signal costs as much as a call, so it is not asked for where nothing was waited for.
      if (job.call?.signal.aborted) job.reject(job.call.signal.reason);
      else if (job.isOrdered && job.sequence > 0 && job.sequence < (this.#done[job.shard] ?? 0))
        job.reject(overtaken());
      else {
        // Shards may be on different servers.
        const name = this.shards.isDivided ? `${job.script} ${job.shard}` : job.script;
        job.isUnknown = !loaded.has(name);
        loaded.add(name);
        this.#send(job);
      }
    }
  }

  #takeAll(refused: readonly Job[]): readonly Job[] {
    const jobs = [...refused, ...(this.#waiting ?? [])];
    this.#waiting = undefined;
    return jobs;
  }
}

export function textOf(reply: RedisReply | undefined): string {
  if (typeof reply === 'object' && reply !== null && 'latin1Slice' in reply) return (reply as RedisBytes).latin1Slice();
  return String(reply);
}

function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

function overtaken(): TiercelError {
  return new TiercelError(
    'ERR_TIERCEL_UNAVAILABLE',
    'Redis lost its scripts, and got them back too late for this call',
  );
}
