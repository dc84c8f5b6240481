import type { Milliseconds } from '../duration.js';
import { toJson } from '../memory/json.js';
import type { Carried, CarriedValue } from './bus.js';
import { type Change, placeId } from './change.js';
import type { RemoteCall, RemotePlace, RemotePoint, RemoteWrite } from './remote.js';

/** Most keys of which it is remembered when they last changed. */
const MOST_RECENT = 4_096;

const encoder = new TextEncoder();

/** A call that is told where it stands in the order of the second tier. */
class OrderedCall implements RemoteCall {
  readonly points: RemotePoint[] = [];
  readonly #call: RemoteCall;

  constructor(call: RemoteCall) {
    this.#call = call;
  }

  // One that nobody asks for is not made.
  get signal(): AbortSignal {
    return this.#call.signal;
  }

  readonly ordered = (point: RemotePoint): void => {
    this.points.push(point);
  };
}

/**
 * Decides whether a value that another cache tells of may be taken, without asking the second tier.
 *
 * A message may be overtaken by one of a later change, so a value is taken only if nothing is known here that came after
 * it: the second tier says of each call where that stands in the order in which it took them, and a value has the point
 * at which it was stored there. Of what changed, or was read, the last point is remembered by key; of changes of more
 * than a key, and of keys that are too many, only the largest of all. After a change without a point, or one
 * that may have been missed, nothing is taken until a call that began after that has told of a point: that is after it.
 */
export class Propagation {
  readonly #maxBytes: number;
  readonly loads: boolean;
  /** Undefined while it is not known what came after what. */
  #epoch: string | undefined;
  /** Whatever was stored until then is not taken. */
  #floor = 0;
  readonly #recent = new Map<string, number>();
  /** The largest that was told of while the epoch was not known. */
  #held: RemotePoint | undefined;
  #doubts = 0;
  /** Keys that calls under way are about, and of how many. */
  readonly #underWay = new Map<string, number>();

  constructor({ maxBytes, loads }: { maxBytes: number; loads: boolean }) {
    this.#maxBytes = maxBytes;
    this.loads = loads;
  }

  /** Something may have changed of which nobody knows when. */
  doubt(): void {
    this.#doubts++;
    this.#epoch = undefined;
    this.#held = undefined;
    this.#floor = 0;
    this.#recent.clear();
  }

  /** Makes a call of the second tier that is about those places; returns where it stands, if that is one point. */
  async ordered<T>(
    call: RemoteCall,
    about: readonly (Change | RemotePlace)[],
    make: (call: RemoteCall) => Promise<T>,
  ): Promise<{ readonly result: T; readonly point: RemotePoint | undefined }> {
    const doubts = this.#doubts;
    const ordered = new OrderedCall(call);
    const ids = about.flatMap((one) => ('key' in one ? [placeId(one.namespace, one.key)] : []));
    for (const id of ids) this.#underWay.set(id, (this.#underWay.get(id) ?? 0) + 1);
    const result = await make(ordered).finally(() => {
      for (const id of ids) this.#ended(id);
    });
    const [first, ...more] = ordered.points;
    if (first === undefined || more.some(({ epoch }) => epoch !== first.epoch)) {
      this.doubt();
      return { result, point: undefined };
    }
    const last = { epoch: first.epoch, at: ordered.points.reduce((most, { at }) => Math.max(most, at), 0) };
    this.#establish(doubts, last);
    for (const one of about) this.#note(one, last);
    return { result, point: more.length === 0 ? first : undefined };
  }

  /** Others told of changes: tells of each whether what came with it may be taken. */
  heard(changes: readonly Change[], carried: Carried | undefined): boolean[] {
    if (carried === undefined) {
      this.doubt();
      return changes.map(() => false);
    }
    const { point } = carried;
    return changes.map((change, i) => {
      const isNewest = carried.values[i] !== undefined && change.kind === 'set' && this.#isNewest(change, point);
      this.#note(change, point);
      return isNewest;
    });
  }

  #isNewest({ namespace, key }: RemotePlace, { epoch, at }: RemotePoint): boolean {
    if (epoch !== this.#epoch || at <= this.#floor) return false;
    const id = placeId(namespace, key);
    // What such a call brings may be newer.
    return at > (this.#recent.get(id) ?? 0) && !this.#underWay.has(id);
  }

  #ended(id: string): void {
    const count = this.#underWay.get(id) ?? 0;
    if (count > 1) this.#underWay.set(id, count - 1);
    else this.#underWay.delete(id);
  }

  #establish(doubts: number, { epoch, at }: RemotePoint): void {
    if (this.#epoch !== undefined || doubts !== this.#doubts) return;
    // What was told of meanwhile is of another time: then it is not known which came first.
    if (this.#held !== undefined && this.#held.epoch !== epoch) {
      this.doubt();
      return;
    }
    this.#epoch = epoch;
    this.#floor = Math.max(at, this.#held?.at ?? 0);
    this.#held = undefined;
  }

  #note(one: Change | RemotePlace, point: RemotePoint): void {
    const { epoch, at } = point;
    if (this.#epoch === undefined) {
      if (this.#held !== undefined && this.#held.epoch !== epoch) this.doubt();
      this.#held = { epoch, at: Math.max(at, this.#held?.at ?? 0) };
    } else if (this.#epoch !== epoch) {
      this.doubt();
      this.#held = point;
    } else if ('key' in one) {
      const id = placeId(one.namespace, one.key);
      const known = this.#recent.get(id) ?? 0;
      this.#recent.delete(id);
      this.#recent.set(id, Math.max(at, known));
      if (this.#recent.size > MOST_RECENT) this.#forgetOldest();
    } else this.#floor = Math.max(this.#floor, at);
  }

  #forgetOldest(): void {
    const [id, at] = this.#recent.entries().next().value as [string, number];
    this.#recent.delete(id);
    this.#floor = Math.max(this.#floor, at);
  }

  // ---- What is sent

  /** The values of writes as they go with a message, for each that may: before the caller can change them. */
  encode(writes: readonly RemoteWrite[]): readonly (CarriedValue | undefined)[] {
    let left = this.#maxBytes;
    return writes.map(({ entry }) => {
      // Those who take it do not know what it depends on.
      if (entry.dependsOn.length > 0 || left <= 0) return undefined;
      const json = jsonOf(entry.value);
      const size = json === undefined || json.length > left ? Number.POSITIVE_INFINITY : encoder.encode(json).length;
      if (json === undefined || size > left) return undefined;
      left -= size;
      const { ttl, stale, tags, etag, lastModified, took } = entry;
      return {
        json,
        ttl: ttl === Number.POSITIVE_INFINITY ? 0 : ttl,
        stale,
        tags,
        ...(etag !== undefined && { etag }),
        ...(lastModified !== undefined && { lastModified }),
        ...(took !== undefined && { took }),
      };
    });
  }
}

/** What went by since a value was encoded is taken off its time. Undefined if nothing is left. */
export function aged(value: CarriedValue | undefined, age: Milliseconds): CarriedValue | undefined {
  if (value === undefined || value.ttl === 0) return value;
  return value.ttl > age ? { ...value, ttl: value.ttl - age } : undefined;
}

function jsonOf(value: unknown): string | undefined {
  try {
    return toJson(value);
  } catch {
    return undefined;
  }
}
