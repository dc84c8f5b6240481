import type { Engine, Namespace, Payload } from '../engine/engine.js';
import { TiercelError } from '../errors.js';
import type { Shared } from './shared.js';
import { BytesValues, type Note } from './values.js';

/** Writes down the entries of all namespaces. What JSON cannot carry is left out. */
export function takeSnapshot<V>(shared: Shared<V>): Uint8Array {
  const { engine } = shared;
  const now = shared.now();
  engine.snapshotBegin(Date.now(), now);
  try {
    const codec = shared.copies ? undefined : new BytesValues<V>(engine, undefined);
    for (let slot = -1; ; ) {
      slot = engine.snapshotNext(slot, now);
      if (slot < 0) return engine.snapshotEnd();
      if (codec !== undefined) addReference(shared, codec, slot, now);
    }
  } finally {
    if (!shared.closed) engine.snapshotDrop();
  }
}

/** Adds an entry with a value that is kept by reference. */
function addReference<V>(shared: Shared<V>, codec: BytesValues<V>, slot: number, now: number): void {
  const value = shared.values.read(shared.engine.root, slot);
  const payload = payloadOf(codec, value, shared.values.note(slot));
  // A getter or toJSON of the value may have called the cache: then another entry may be in the slot.
  if (payload === undefined || shared.values.read(shared.engine.root, slot) !== value) return;
  shared.engine.snapshotAdd(slot, payload, now);
}

/** Takes in the entries of a snapshot that may still be served; returns how many. */
export function restoreSnapshot<V>(shared: Shared<V>, bytes: Uint8Array): number {
  const { engine } = shared;
  const now = shared.timedNow();
  engine.restoreBegin(bytes, Date.now(), now);
  let restored = 0;
  try {
    const codec = shared.copies ? undefined : new BytesValues<V>(engine, undefined);
    while (!shared.closed) {
      const slot = engine.restoreNext(now);
      if (slot < 0) break;
      if (takeIn(shared, codec, slot, now)) restored++;
    }
  } finally {
    if (!shared.closed) engine.snapshotDrop();
  }
  // Listeners last, as they may begin another snapshot.
  if (!shared.closed) shared.finish();
  return restored;
}

/** Keeps the value of the entry that was just restored. False if it cannot be read: then the entry goes again. */
function takeIn<V>(shared: Shared<V>, codec: BytesValues<V> | undefined, slot: number, now: number): boolean {
  const { engine } = shared;
  if (codec === undefined) {
    shared.drain();
    return true;
  }
  // Read before the removals are, which come through the same buffer.
  const value = decoded(codec);
  const note = value === undefined ? undefined : codec.note();
  const lost = value === undefined ? placeOf(engine) : undefined;
  shared.drain();
  if (lost === undefined) shared.values.stored(slot, value as V, note);
  else engine.delete(lost.ns, lost.key, now);
  shared.drain();
  return lost === undefined;
}

function payloadOf<V>(codec: BytesValues<V>, value: V, note: Note | undefined): Payload | undefined {
  try {
    return codec.encode(value, '', undefined, note);
  } catch (e) {
    if (e instanceof TiercelError && e.code === 'ERR_TIERCEL_NOT_SERIALIZABLE') return undefined;
    throw e;
  }
}

function decoded<V>(codec: BytesValues<V>): V | undefined {
  try {
    return codec.decode()();
  } catch {
    // Written by another serializer, or by nobody.
    return undefined;
  }
}

/** The entry that was just restored. */
function placeOf(engine: Engine): { ns: Namespace; key: string } {
  const ns = { handle: engine.removalNamespace, path: [], id: '' };
  return { ns, key: engine.readKey() };
}
