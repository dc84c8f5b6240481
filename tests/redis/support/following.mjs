// A cache's way to read a second tier as one that hears of changes, on a real server, and another process that makes them.
import assert from 'node:assert/strict';
import { after, before, beforeEach } from 'node:test';
import { redisTier } from 'tiercel/redis';
import { HeldClient } from './held-client.mjs';
import { startServer } from './server.mjs';

export const CALL = { signal: new AbortController().signal };
export const NS = ['cache', 'users'];
/** Reads of a namespace after which entries are judged without Redis. */
export const ENOUGH = 16;

export const entryOf = (value, more = {}) => ({ value, ttl: 60_000, stale: 0, tags: [], dependsOn: [], ...more });
export const readOf = (key, more = {}) => ({ namespace: NS, key, lease: false, tags: [], dependsOn: [], ...more });
/** @returns {import('tiercel').Change} */
export const tagChange = (...tags) => ({ kind: 'tags', namespace: NS, tags });

export let server;
/** @type {{ commands: HeldClient, scripts: HeldClient }} */
let clients;
/** @type {HeldClient} */
export let client;
let elsewhere;
/** Another process. */
export let other;
export let tier;
export let follower;
let hears;

before(async () => {
  server = await startServer();
  clients = {
    commands: await HeldClient.connect(server.port, 'ioredis'),
    scripts: await HeldClient.connect(server.port, 'rest'),
  };
  elsewhere = await HeldClient.connect(server.port, 'ioredis');
  other = redisTier(elsewhere, { timeout: 60_000 });
});
after(async () => {
  for (const one of Object.values(clients)) one[Symbol.dispose]();
  elsewhere[Symbol.dispose]();
  await server.stop();
});
beforeEach(async () => {
  await server.command('FLUSHALL');
});

/** Begins anew, by the client for a way of finding a single entry; that of before if left out. @param {{ way?: 'commands' | 'scripts', [option: string]: unknown }} [options] */
export function open({ way, ...options } = {}) {
  if (way !== undefined) client = clients[way];
  hears = true;
  tier = redisTier(client, { timeout: 60_000, ...options });
  follower = tier.follow(() => hears);
}

export const write = (key, value, more, namespace = NS) =>
  other.write([{ namespace, key, entry: entryOf(value, more) }], CALL);
export const readValue = async (key, more) => (await follower.read([readOf(key, more)], CALL))[0].entry?.value;
export const facts = () => follower.health().tokens;

/** Reads a value with these tags until values with them are judged without Redis. */
export async function learn(...tags) {
  await write('known', 'known', { tags });
  for (let i = 0; i <= ENOUGH; i++) assert.equal(await readValue('known'), 'known');
  assert.equal(await isJudged('known'), true, 'it learned');
}

export async function isJudged(key) {
  const { judged } = facts();
  await readValue(key);
  return facts().judged > judged;
}

/** What of another process comes in two steps: Redis knows, and this cache hears of it. */
export async function change(...changes) {
  await other.change(changes, CALL);
  return () => follower.changed(changes);
}

/** It hears of nothing from now on. */
export function deafen() {
  hears = false;
}
