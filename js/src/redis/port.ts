import { invalidArgument } from '../errors.js';
import { lasting } from './lasting.js';

/** An argument of a command. Strings go as UTF-8. */
export type RedisArgument = string | Uint8Array;

/** A string of a reply. Strings of both kinds of client, and of both versions of the protocol, come as one of these. */
export type RedisBytes = Uint8Array & { latin1Slice(start?: number, end?: number): string };
export type RedisReply = null | number | string | RedisBytes | readonly RedisReply[];

/** A connection of its own that listens to a channel. */
export interface Subscription {
  close(): void;
}

export interface SubscriptionListener {
  message(text: string): void;
  /** It is subscribed; again after each `down`. */
  up(): void;
  down(reason: string): void;
  /** Keys that were changed, by whomever; null if all were. */
  invalidated?(keys: readonly string[] | null): void;
}

/** All that is needed of a client: few things, which every client of Redis has in one way or another. */
export interface RedisPort {
  readonly client: 'node-redis' | 'ioredis' | 'rest';
  readonly topology: 'standalone' | 'sentinel' | 'cluster';
  /** Whether a command would go out now, and not wait for a connection. */
  isReady(): boolean;
  /**
   * Sends a command at once, after those before it. Strings of the reply are bytes, or text if they are the status of a
   * command. @param key in a Cluster, one of the slot whose node is meant; by default any will do
   * @param isFree it may as well take effect after those that follow
   */
  send(args: readonly RedisArgument[], key?: string, isFree?: boolean): Promise<RedisReply>;
  /** Why it cannot be told of keys; undefined if it can. */
  readonly untracked?: string | undefined;
  /**
   * Listens until it is closed, whatever becomes of connections. Undefined if it cannot.
   * @param tracked beginnings of keys that it wants to be told of, none within another
   */
  readonly subscribe?:
    | ((channel: string, listener: SubscriptionListener, tracked?: readonly string[]) => Subscription)
    | undefined;
}

type Method<T> = (...args: never[]) => T;

/** What is used of `redis`, that is node-redis, 5 and 6. */
export interface NodeRedisLike {
  readonly isOpen: boolean;
  readonly sendCommand: Method<Promise<unknown>>;
  /** A Sentinel client of node-redis 5 does not have it, and cannot listen for want of it. */
  readonly duplicate?: Method<unknown>;
  readonly subscribe: Method<Promise<unknown>>;
  readonly destroy: Method<unknown>;
  readonly on: Method<unknown>;
}

/** What is used of ioredis 5 and 6, and of iovalkey. */
export interface IoredisLike {
  readonly status: string;
  readonly callBuffer: Method<Promise<unknown>>;
  readonly duplicate: Method<unknown>;
  readonly subscribe: Method<Promise<unknown>>;
  readonly disconnect: Method<unknown>;
  readonly on: Method<unknown>;
}

/** What is used of `restRedis`. */
export interface RestRedisLike {
  readonly client: 'rest';
  readonly topology: 'standalone';
  readonly isReady: Method<boolean>;
  readonly send: Method<Promise<unknown>>;
}

/**
 * A client of the application's own, connected: of node-redis (`createClient`, `createCluster`, and `createSentinel` of 6)
 * or ioredis; or `restRedis`.
 */
export type RedisClient = NodeRedisLike | IoredisLike | RestRedisLike;

const ports = new WeakMap<object, RedisPort>();

/** Recognises a client by its shape: no client is imported. One port for each. @throws ERR_TIERCEL_INVALID_ARGUMENT */
export function portOf(client: RedisClient): RedisPort {
  const known = ports.get(client) ?? recognise(client);
  ports.set(client, known);
  return known;
}

function recognise(client: RedisClient): RedisPort {
  const has = (method: string) => typeof (client as unknown as Record<string, unknown> | null)?.[method] === 'function';
  if (has('on') && has('subscribe')) {
    if (has('callBuffer') && has('duplicate')) return ioredisPort(client as unknown as Ioredis);
    if (has('sendCommand') && (has('duplicate') || has('getSentinelNode')))
      return nodeRedisPort(client as unknown as NodeRedis);
  }
  if (has('send') && has('isReady')) return client as unknown as RedisPort;
  throw invalidArgument('client', client, 'a client of redis (node-redis) or ioredis, or restRedis()');
}

/** For options. */
const NOT_TRACKED =
  'a connection to one server is told of its keys, not one to a Cluster, or by a Sentinel client of node-redis';

const broadcast = (tracked: readonly string[]) => ['BCAST', ...tracked.flatMap((prefix) => ['PREFIX', prefix])];

/** Where Redis tells connections of the older protocol which keys changed. */
const INVALIDATIONS = '__redis__:invalidate';

type On = (event: string, listener: (...args: never[]) => void) => unknown;

// ---- node-redis

interface NodeRedis {
  /** A Cluster does not have it. */
  readonly isReady?: boolean;
  readonly isOpen: boolean;
  sendCommand(...args: unknown[]): Promise<RedisReply>;
  duplicate(options?: object): NodeRedis;
  connect(): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  destroy(): void;
  on: On;
}

/** Strings of replies as bytes: the type is the byte that RESP marks them with. */
const AS_BYTES = { typeMapping: { 36: (globalThis as { Buffer?: unknown }).Buffer } };

function nodeRedisPort(client: NodeRedis): RedisPort {
  const isSentinel = 'getSentinelNode' in client;
  const isCluster = 'slots' in client && 'masters' in client;
  const port: RedisPort = {
    client: 'node-redis',
    topology: isCluster ? 'cluster' : isSentinel ? 'sentinel' : 'standalone',
    isReady: () => client.isReady ?? client.isOpen,
    send: (args, key) => {
      const list = args.map(asBuffer);
      // `false`: a replica will not do.
      if (isCluster) return client.sendCommand(key, false, list, AS_BYTES);
      return isSentinel ? client.sendCommand(false, list, AS_BYTES) : client.sendCommand(list, AS_BYTES);
    },
    untracked: isCluster || isSentinel ? NOT_TRACKED : undefined,
    subscribe: lasting((channel, listener, tracked = []) => {
      const isTracked = tracked.length > 0;
      const own = isTracked
        ? client.duplicate({ RESP: 3, emitInvalidate: true, clientSideCache: undefined })
        : client.duplicate();
      let closed = false;
      let isConnected = false;
      let isSubscribed = false;
      let why = '';
      const end = () => {
        if (own.isOpen) own.destroy();
      };
      own.on('error', (error: Error) => {
        why = `: ${error.message}`;
        // It was told not to connect again.
        if (!closed && isConnected && !own.isOpen) listener.failed(`the client has given up the connection${why}`);
      });
      own.on('reconnecting', () => {
        if (closed) end();
        else listener.down(`the connection ended${why}`);
      });
      own.on('end', () => {
        if (!closed) listener.failed(`the connection ended${why}`);
      });
      own.on('invalidate', (key: RedisBytes | string | null) => {
        if (!closed) listener.invalidated?.(key === null ? null : [String(key)]);
      });
      const track = async () => {
        if (!isTracked) return;
        // It has turned it on by itself, but not for beginnings of keys.
        await own.sendCommand(['CLIENT', 'TRACKING', 'OFF']);
        await own.sendCommand(['CLIENT', 'TRACKING', 'ON', ...broadcast(tracked)]);
      };
      const fail = (error: Error) => {
        if (!closed) listener.failed(error.message);
      };
      const isUp = () => {
        if (!closed) listener.up();
      };
      // It subscribes again by itself before it says so.
      own.on('ready', () => {
        why = '';
        if (closed) end();
        else if (isSubscribed) track().then(isUp, fail);
      });
      const start = async () => {
        await own.connect();
        isConnected = true;
        // A Sentinel client connects once more to subscribe, also if it was ended.
        if (closed) return end();
        await own.subscribe(channel, (message) => {
          if (!closed) listener.message(message);
        });
        isSubscribed = true;
        await track();
      };
      start().then(isUp, fail);
      return {
        close() {
          closed = true;
          // One that connects goes on with that whatever it is told: it is ended when it has, or has failed to.
          if (own.isReady ?? own.isOpen) end();
        },
      };
    }),
  };
  return 'duplicate' in client ? port : { ...port, subscribe: undefined };
}

// ---- ioredis

interface Ioredis {
  readonly status: string;
  readonly isCluster?: boolean;
  readonly options?: {
    readonly sentinels?: unknown;
    readonly enableAutoPipelining?: boolean;
    readonly keyPrefix?: string;
    readonly stringNumbers?: boolean;
    readonly redisOptions?: { readonly keyPrefix?: string; readonly stringNumbers?: boolean };
  };
  readonly stream?: { cork?(): void; uncork?(): void; destroy?(): void };
  callBuffer(command: string, ...args: RedisArgument[]): Promise<RedisReply>;
  /** What becomes of each command. */
  sendCommand(command: object): Promise<RedisReply>;
  duplicate(options?: object): Ioredis;
  call(command: string, ...args: string[]): Promise<unknown>;
  subscribe(...channels: string[]): Promise<unknown>;
  disconnect(): void;
  on: On;
}

/**
 * Streams that are held back, until all that is due has been written: it goes out with one call of the system. Not so the
 * first of it, on which the server works meanwhile.
 */
const heldBack = new WeakSet<object>();

/** As it was when this was loaded: somebody's tests may have a clock of their own, with which this one stands still. */
const nextTick = (globalThis as { process?: { nextTick?(callback: () => void): void } }).process?.nextTick;

function holdBack(stream: Ioredis['stream']): void {
  if (stream?.cork === undefined || nextTick === undefined || heldBack.has(stream)) return;
  heldBack.add(stream);
  stream.cork();
  // After all promise jobs, and those that they lead to.
  nextTick(() => {
    heldBack.delete(stream);
    stream.uncork?.();
  });
}

/**
 * Makes commands as the client does, and has it send them, but knows none of its options: one that gathers commands by itself
 * (`enableAutoPipelining`) forgets the name of such a one, and a `keyPrefix` would lead to other keys than a script does.
 */
function plainCall(client: Ioredis): Ioredis['callBuffer'] {
  const plain = { options: {}, sendCommand: (command: object) => client.sendCommand(command) };
  return (...command) => client.callBuffer.call(plain as Ioredis, ...command);
}

/** With `stringNumbers` numbers come as text; strings are bytes. */
function withNumbers(reply: RedisReply): RedisReply {
  if (typeof reply === 'string' && /^-?\d+$/.test(reply)) return Number(reply);
  return Array.isArray(reply) ? (reply as readonly RedisReply[]).map(withNumbers) : reply;
}

function ioredisPort(client: Ioredis): RedisPort {
  const { sentinels, enableAutoPipelining, keyPrefix, stringNumbers, redisOptions } = client.options ?? {};
  const isSentinel = Array.isArray(sentinels);
  const isCluster = client.isCluster === true;
  // It would lead a script to the node of another slot.
  if (isCluster && (keyPrefix || redisOptions?.keyPrefix))
    throw invalidArgument('client', client, 'a client of a Cluster without the option keyPrefix');
  const call = enableAutoPipelining || keyPrefix ? plainCall(client) : client.callBuffer.bind(client);
  const isText = stringNumbers || redisOptions?.stringNumbers;
  return {
    client: 'ioredis',
    topology: isCluster ? 'cluster' : isSentinel ? 'sentinel' : 'standalone',
    isReady: () => client.status === 'ready',
    send: ([command, ...args]) => {
      const answer = call(command as string, ...args.map(asBuffer));
      holdBack(client.stream);
      return isText ? answer.then(withNumbers) : answer;
    },
    untracked: isCluster ? NOT_TRACKED : undefined,
    subscribe: lasting((channel, listener, tracked = []) => {
      const isTracked = tracked.length > 0;
      const base = {
        autoResubscribe: false,
        autoResendUnfulfilledCommands: false,
        enableOfflineQueue: true,
        lazyConnect: false,
        enableAutoPipelining: false,
      };
      // In the newer protocol it would have to know what it is told of keys, and does not.
      const options = isTracked ? { ...base, protocol: 2 } : base;
      const own = isCluster ? client.duplicate() : client.duplicate(options);
      let closed = false;
      own.on('error', () => {
        // What it comes to is said by `close`.
      });
      own.on('close', () => {
        if (!closed) listener.down('the connection ended');
      });
      own.on('end', () => {
        if (!closed) listener.failed('the client has given up the connection');
      });
      own.on('message', (from: string, message: string) => {
        if (!closed && from === channel) listener.message(message);
      });
      if (isTracked) {
        own.on('messageBuffer', (from: RedisBytes, keys: readonly RedisBytes[] | null) => {
          if (!closed && String(from) === INVALIDATIONS) listener.invalidated?.(keys?.map(String) ?? null);
        });
      }
      const track = async () => {
        if (!isTracked) return own.subscribe(channel);
        // To itself, before it can only listen: what is told and what tells have one connection, and end together.
        const id = String(await own.call('CLIENT', 'ID'));
        await own.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', id, ...broadcast(tracked));
        return own.subscribe(channel, INVALIDATIONS);
      };
      const subscribe = () => {
        track().then(
          () => {
            if (!closed) listener.up();
          },
          (error: Error) => {
            if (!closed) listener.failed(error.message);
          },
        );
      };
      own.on('ready', subscribe);
      return {
        close() {
          closed = true;
          own.disconnect();
          // Nothing is on its way that anybody waits for: the socket need not wait for the server to end it as well.
          own.stream?.destroy?.();
        },
      };
    }),
  };
}

/** Clients take strings, and bytes as a Buffer. */
function asBuffer(arg: RedisArgument): RedisArgument {
  if (typeof arg === 'string') return arg;
  const { Buffer } = globalThis as {
    Buffer?: { from(buffer: ArrayBufferLike, at: number, length: number): Uint8Array };
  };
  return Buffer === undefined ? arg : Buffer.from(arg.buffer, arg.byteOffset, arg.byteLength);
}
