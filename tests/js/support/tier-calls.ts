// Calls of a second tier, without all that is as always.
import type { Change, RemoteEntry, RemoteRead, RemoteTier } from 'tiercel';

export const CALL = { signal: new AbortController().signal };
export const NS = ['cache'];

export const entryOf = (value: unknown, more: Partial<RemoteEntry> = {}): RemoteEntry => ({
  value,
  ttl: 600_000,
  stale: 0,
  tags: [],
  dependsOn: [],
  ...more,
});

export const readOf = (key: string, more: Partial<RemoteRead> = {}): RemoteRead => ({
  namespace: NS,
  key,
  lease: false,
  tags: [],
  dependsOn: [],
  ...more,
});

export async function leaseOf(tier: RemoteTier, key: string, more: Partial<RemoteRead> = {}) {
  const [found] = await tier.read([readOf(key, { lease: true, ...more })], CALL);
  return found?.lease;
}

export async function valueAt(tier: RemoteTier, key: string, namespace = NS) {
  const [found] = await tier.read([readOf(key, { namespace })], CALL);
  return found?.entry?.value;
}

export async function set(
  tier: RemoteTier,
  key: string,
  value: unknown,
  more: Partial<RemoteEntry> = {},
  namespace = NS,
) {
  const [stored] = await tier.write([{ namespace, key, entry: entryOf(value, more) }], CALL);
  return stored;
}

export async function load(
  tier: RemoteTier,
  key: string,
  value: unknown,
  lease: unknown,
  more: Partial<RemoteEntry> = {},
) {
  const [stored] = await tier.write([{ namespace: NS, key, entry: entryOf(value, more), lease }], CALL);
  return stored;
}

export const change = (tier: RemoteTier, ...changes: Change[]) => tier.change(changes, CALL);
export const remove = (tier: RemoteTier, key: string) => change(tier, { kind: 'delete', namespace: NS, key });
