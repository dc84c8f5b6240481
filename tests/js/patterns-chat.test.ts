import { ChatCache, type SessionRef } from 'tiercel/patterns';
import { openCache } from './support/cache.js';
import { deferred, settled } from './support/deferred.js';
import { expectFailure, expectThrow, failureOf } from './support/errors.js';

const REF: SessionRef = { userId: 'ada', sessionId: 's1' };
const OTHER: SessionRef = { userId: 'ada', sessionId: 's2' };
const BOB: SessionRef = { userId: 'bob', sessionId: 's1' };

function open() {
  const cache = openCache<unknown>();
  const chat = new ChatCache(cache);
  const loads: string[] = [];
  /** Reads one of everything; `loads` says what of it was not cached. */
  const readAll = async () => {
    loads.length = 0;
    const note = <T>(what: string, value: T) => {
      loads.push(what);
      return value;
    };
    for (const ref of [REF, OTHER, BOB]) {
      const name = `${ref.userId}/${ref.sessionId}`;
      await chat.session(ref, () => note(`session ${name}`, { name }));
      await chat.messages(ref, 10, () => note(`messages ${name}`, [name]));
    }
    for (const userId of ['ada', 'bob']) {
      await chat.userSessions(userId, 20, () => note(`sessions of ${userId}`, [userId]));
      await chat.search({ userId, query: 'x', limit: 5 }, () => note(`search of ${userId}`, [userId]));
    }
    return [...loads];
  };
  return { cache, chat, readAll };
}

describe('a chat cache', () => {
  it('loads each part once, with what it is to load', async () => {
    const { cache, chat, readAll } = open();
    expect(await readAll()).toHaveLength(10);
    expect(await readAll()).toEqual([]);
    expect(await chat.messages(REF, 3, (of) => [of])).toEqual([{ ...REF, limit: 3 }]);
    expect(await chat.userSessions('ada', 7, (of) => [of])).toEqual([{ userId: 'ada', limit: 7 }]);
    const ttls = [...cache.keys()].map((key) => Math.ceil((cache.ttl(key) as number) / 60_000));
    expect(new Set(ttls)).toEqual(new Set([60, 30, 15, 5]));
  });

  it('has an entry for each limit', async () => {
    const { chat } = open();
    const load = jest.fn(({ limit }: { limit: number }) => Array(limit).fill('m') as string[]);
    expect(await chat.messages(REF, 2, load)).toHaveLength(2);
    expect(await chat.messages(REF, 3, load)).toHaveLength(3);
    expect(await chat.messages(REF, 2, load)).toHaveLength(2);
    expect(load).toHaveBeenCalledTimes(2);
  });

  it('tells searches apart by query, filters and limit, and by nothing else', async () => {
    const { chat } = open();
    const load = jest.fn((of: unknown) => [of]);
    const search = (query: string, filters?: Record<string, string | number>, limit = 10) =>
      chat.search({ userId: 'ada', query, limit, ...(filters && { filters }) }, load);
    const [first] = await search('edge  cache ', { from: 1, role: 'user' });
    expect(first).toEqual({ userId: 'ada', query: 'edge cache', filters: { from: 1, role: 'user' }, limit: 10 });
    await search(' edge cache', { role: 'user', from: 1 });
    expect(load).toHaveBeenCalledTimes(1);
    await search('edge cache', { role: 'user', from: '1' });
    await search('edge cache', { role: 'user' });
    await search('edge cache', { role: 'user', from: 1 }, 11);
    await search('Edge cache', { role: 'user', from: 1 });
    await search('edge cache');
    expect(load).toHaveBeenCalledTimes(6);
  });

  it('drops a session with its messages, for everyone, and what the user sees of it', async () => {
    const { chat, readAll } = open();
    await readAll();
    await chat.invalidateSession(REF);
    expect(await readAll()).toEqual([
      'session ada/s1',
      'messages ada/s1',
      'session bob/s1',
      'messages bob/s1',
      'sessions of ada',
      'search of ada',
    ]);
  });

  it('drops all of a user, and nothing of another', async () => {
    const { chat, readAll } = open();
    await readAll();
    await chat.invalidateUser('ada');
    expect(await readAll()).toEqual([
      'session ada/s1',
      'messages ada/s1',
      'session ada/s2',
      'messages ada/s2',
      'sessions of ada',
      'search of ada',
    ]);
  });

  it('never gives one user what was loaded for another, however ids are made', async () => {
    const { chat } = open();
    const ids = ['a', 'a:b', 'b', ':', 'a,b', '"', '["a"]', '*', '%', 'a%3Ab', ' a'];
    for (const userId of ids)
      for (const sessionId of ids) await chat.messages({ userId, sessionId }, 1, () => [userId, sessionId]);
    for (const userId of ids)
      for (const sessionId of ids)
        expect(await chat.messages({ userId, sessionId }, 1, () => ['loaded again'])).toEqual([userId, sessionId]);
  });

  it('does not keep what is read while a message is written, or was being read before', async () => {
    const { chat } = open();
    const written = deferred();
    const early = deferred<string[]>();
    const before = chat.messages(REF, 10, () => early.promise);
    const write = chat.inSession(REF, () => written.promise);
    await settled();
    expect(await chat.messages(REF, 5, () => ['old'])).toEqual(['old']);
    expect(await chat.userSessions('ada', 5, () => ['old'])).toEqual(['old']);
    written.resolve();
    await write;
    early.resolve(['old']);
    expect(await before).toEqual(['old']);
    for (const limit of [5, 10]) expect(await chat.messages(REF, limit, () => ['new'])).toEqual(['new']);
    expect(await chat.userSessions('ada', 5, () => ['new'])).toEqual(['new']);
  });

  it('gives what a write returns or throws, and drops what it concerns in either case', async () => {
    const { chat, readAll } = open();
    expect(await chat.inSession(REF, () => 42)).toBe(42);
    await readAll();
    const error = new Error('disk full');
    expect(await failureOf(() => chat.inUser('ada', () => Promise.reject(error)))).toBe(error);
    expect(await readAll()).toHaveLength(6);
  });

  it('refuses wrong ids, limits and options', async () => {
    const { cache, chat } = open();
    const load = () => [];
    for (const limit of [0, 1.5, 1_001, '10', Number.NaN])
      await expectFailure(
        async () => chat.messages(REF, limit as number, load),
        'ERR_TIERCEL_INVALID_ARGUMENT',
        /^limit: /,
      );
    for (const id of ['', undefined, 1]) {
      await expectFailure(
        async () => chat.session({ userId: id as string, sessionId: 's' }, load),
        'ERR_TIERCEL_INVALID_ARGUMENT',
        /^userId: /,
      );
      await expectFailure(
        async () => chat.session({ userId: 'u', sessionId: id as string }, load),
        'ERR_TIERCEL_INVALID_ARGUMENT',
        /^sessionId: /,
      );
      await expectFailure(() => chat.invalidateUser(id as string), 'ERR_TIERCEL_INVALID_ARGUMENT', /^userId: /);
    }
    await expectFailure(
      async () => chat.search({ userId: 'u', query: 1 as never, limit: 1 }, load),
      'ERR_TIERCEL_INVALID_ARGUMENT',
      /^query: /,
    );
    for (const ref of [undefined, null, 'ada'])
      await expectFailure(() => chat.messages(ref as never, 1, load), 'ERR_TIERCEL_INVALID_ARGUMENT', /^ref: /);
    await expectFailure(() => chat.search(undefined as never, load), 'ERR_TIERCEL_INVALID_ARGUMENT', /^search: /);
    await expectFailure(() => chat.session(REF, 1 as never), 'ERR_TIERCEL_INVALID_ARGUMENT', /^load: /);
    expectThrow(() => new ChatCache(cache, { sesionTtl: 1 } as never), 'ERR_TIERCEL_UNKNOWN_OPTION', /"sessionTtl"/);
  });
});
