// Compiled, and not run: what the types of decorators and wrappers let through, and what they do not.
import { Cached, cached, cachedMethod, Invalidates, invalidates, MemoryCache, memoize } from 'tiercel';

const cache = MemoryCache.createSync();

interface User {
  id: number;
  team: string;
}

// ---- Functions keep their parameters, and return promises of their results.

const find = cached(async (id: number, deep?: boolean): Promise<User> => ({ id, team: String(deep) }), {
  cache,
  ttl: (user, [id]) => user.id * id,
  unless: (user) => user.team === '',
  tags: (user) => [user.team],
  stale: '1m',
});
const user: Promise<User> = find(1, true);
find.invalidate(1);
// @ts-expect-error: the argument is a number
find('1');
// @ts-expect-error: so is that of invalidate
find.invalidate('1');
// @ts-expect-error: two parameters at most
find(1, true, 2);
const synchronous: Promise<number> = cached((n: number) => n, { cache })(1);
// @ts-expect-error: a cache is needed
cached(async () => 1, {});
// @ts-expect-error: there is no such option
cached(async () => 1, { cache, stael: 1 });
// @ts-expect-error: the result is a user
cached(async (id: number): Promise<User> => ({ id, team: '' }), { cache, unless: (result: string) => result === '' });

const square: (n: number) => number = memoize((n: number) => n * n);
const later: Promise<number> = memoize(async (n: number) => n, { unless: (n) => n > 5 })(1);
const forgotten: boolean = memoize((n: number) => n).invalidate(1);
// @ts-expect-error: the argument is a number
memoize((n: number) => n)('1');

const save: (user: User) => Promise<void> = invalidates(async (_user: User) => undefined, 'user:{0.id}', { cache });

// ---- Methods.

class Users {
  readonly cache = cache;

  @Cached({ key: (id: number) => `user:${id}`, unless: (user: User | null) => user === null, ttl: '5m' })
  async byId(id: number): Promise<User | null> {
    return { id, team: '' };
  }

  @Cached({ cache: (users: Users) => users.cache, tags: (user: User, [id]) => [user.team, String(id)] })
  async withTeam(id: number): Promise<User> {
    return { id, team: 't' };
  }

  @Cached({ key: 'static' })
  static async count(): Promise<number> {
    return 1;
  }

  // @ts-expect-error: only what returns a promise can come from a cache
  @Cached()
  size(): number {
    return 1;
  }

  // @ts-expect-error: a method, not a field
  @Cached()
  field = 1;

  @Invalidates('user:{user.id}', 'tag:{result}', (result, [user]) => `${result}:${(user as User).id}`)
  async save(user: User): Promise<string> {
    return user.team;
  }

  @Invalidates('user:*', { unless: (removed: boolean) => !removed })
  remove(): boolean {
    return true;
  }

  // @ts-expect-error: options come last
  @Invalidates({ typed: true }, 'user:*')
  wrong(): string {
    return '';
  }
}

const users = new Users();
const found: Promise<User | null> = users.byId(1);
cachedMethod(users, 'byId').invalidate(1);
cachedMethod(Users, 'count').keyOf();
// @ts-expect-error: the argument is a number
cachedMethod(users, 'byId').invalidate('1');
// @ts-expect-error: there is no such method
cachedMethod(users, 'byName');

export { find, forgotten, found, later, save, square, synchronous, user };
