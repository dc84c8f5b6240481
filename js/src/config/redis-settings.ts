/** A server: where it listens. */
export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** All of it but the passwords. */
export type RedisPlaces = Pick<
  RedisSettings,
  'mode' | 'host' | 'port' | 'nodes' | 'masterName' | 'username' | 'sentinelUsername' | 'db' | 'tls'
>;

export interface RedisSecrets {
  readonly password: string | undefined;
  readonly sentinelPassword: string | undefined;
}

const HIDDEN = '[hidden]';
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/**
 * How to reach Redis. Passwords are there for those who ask for them by name, and in nothing that is printed, logged,
 * spread or turned into JSON.
 */
export class RedisSettings implements HostAndPort {
  /** `'standalone'`: one server, at `host` and `port`. `'sentinel'`: who is asked for it. `'cluster'`: some of many. */
  readonly mode: 'standalone' | 'sentinel' | 'cluster';
  /** Of the server, or the first of `nodes`. */
  readonly host: string;
  readonly port: number;
  /** The sentinels, or nodes of the cluster; else just `host` and `port`. */
  readonly nodes: readonly HostAndPort[];
  /** What the sentinels call the server. */
  readonly masterName: string | undefined;
  readonly username: string | undefined;
  readonly sentinelUsername: string | undefined;
  /** Number of the database. Default 0, the only one of a cluster. */
  readonly db: number;
  readonly tls: boolean;
  readonly #secrets: RedisSecrets;

  constructor(places: RedisPlaces, secrets: RedisSecrets) {
    this.mode = places.mode;
    this.host = places.host;
    this.port = places.port;
    this.nodes = places.nodes;
    this.masterName = places.masterName;
    this.username = places.username;
    this.sentinelUsername = places.sentinelUsername;
    this.db = places.db;
    this.tls = places.tls;
    this.#secrets = secrets;
  }

  get password(): string | undefined {
    return this.#secrets.password;
  }

  get sentinelPassword(): string | undefined {
    return this.#secrets.sentinelPassword;
  }

  /** `redis://user:password@host:port/db`, with the password: not to be printed. Of the first of several nodes. */
  get url(): string {
    return this.#url(this.password);
  }

  #url(password: string | undefined): string {
    const { host, port, username, db, tls } = this;
    const user = username === undefined ? '' : encodeURIComponent(username);
    const login = password === undefined ? user : `${user}:${encodeURIComponent(password)}`;
    const place = host.includes(':') ? `[${host}]` : host;
    return `${tls ? 'rediss' : 'redis'}://${login === '' ? '' : `${login}@`}${place}:${port}${db === 0 ? '' : `/${db}`}`;
  }

  toString(): string {
    return this.#url(this.password === undefined ? undefined : HIDDEN).replace(encodeURIComponent(HIDDEN), HIDDEN);
  }

  toJSON(): RedisPlaces & Partial<RedisSecrets> {
    return {
      ...this,
      ...(this.password !== undefined && { password: HIDDEN }),
      ...(this.sentinelPassword !== undefined && { sentinelPassword: HIDDEN }),
    };
  }

  [INSPECT](): object {
    return this.toJSON();
  }
}
