// Sessions and messages in SQLite. It knows nothing of caches.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import initSqlJs from 'sql.js';

const SCHEMA = `
  CREATE TABLE sessions (id INTEGER PRIMARY KEY, user TEXT NOT NULL, title TEXT NOT NULL, reads INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    text TEXT NOT NULL
  );
  CREATE INDEX sessions_of_user ON sessions (user);
  CREATE INDEX messages_of_session ON messages (session);
`;

/** @typedef {{ id: number, user: string, title: string, reads: number }} Session */
/** @typedef {{ id: number, session: number, role: string, text: string }} Message */

export class Store {
  #database;
  #path;

  /** @param {import('sql.js').Database} database @param {string | undefined} path */
  constructor(database, path) {
    this.#database = database;
    this.#path = path;
  }

  /** @param {string | undefined} path A file from which it comes and to which it goes when it is closed; none: memory. */
  static async open(path) {
    const { Database } = await initSqlJs();
    const isThere = path !== undefined && existsSync(path);
    const database = isThere ? new Database(readFileSync(path)) : new Database();
    if (!isThere) database.run(SCHEMA);
    database.run('PRAGMA foreign_keys = ON');
    return new Store(database, path);
  }

  /** @returns {Session} */
  createSession(/** @type {string} */ user, /** @type {string} */ title) {
    return this.#one('INSERT INTO sessions (user, title) VALUES (?, ?) RETURNING *', user, title);
  }

  /** @returns {Session | undefined} */
  session(/** @type {string} */ user, /** @type {number} */ id) {
    return this.#one('SELECT * FROM sessions WHERE user = ? AND id = ?', user, id);
  }

  /** @returns {Session[]} */
  sessions(/** @type {string} */ user, /** @type {number} */ limit) {
    return this.#all('SELECT * FROM sessions WHERE user = ? ORDER BY id DESC LIMIT ?', user, limit);
  }

  /** @returns {boolean} Whether there was one. */
  deleteSession(/** @type {string} */ user, /** @type {number} */ id) {
    return this.#one('DELETE FROM sessions WHERE user = ? AND id = ? RETURNING id', user, id) !== undefined;
  }

  /** @returns {Message | undefined} Undefined if the user has no such session. */
  addMessage(
    /** @type {string} */ user,
    /** @type {number} */ session,
    /** @type {string} */ role,
    /** @type {string} */ text,
  ) {
    return this.#one(
      'INSERT INTO messages (session, role, text) SELECT id, ?, ? FROM sessions WHERE user = ? AND id = ? RETURNING *',
      role,
      text,
      user,
      session,
    );
  }

  /** @returns {Message[]} The latest, in their order. */
  messages(/** @type {string} */ user, /** @type {number} */ session, /** @type {number} */ limit) {
    return this.#all(
      `SELECT messages.* FROM messages JOIN sessions ON sessions.id = session
       WHERE user = ? AND session = ? ORDER BY messages.id DESC LIMIT ?`,
      user,
      session,
      limit,
    ).reverse();
  }

  /** @returns {Message[]} The latest first. */
  search(
    /** @type {string} */ user,
    /** @type {string} */ query,
    /** @type {string | undefined} */ role,
    /** @type {number} */ limit,
  ) {
    return this.#all(
      `SELECT messages.* FROM messages JOIN sessions ON sessions.id = session
       WHERE user = ? AND instr(lower(text), lower(?)) > 0 AND (? IS NULL OR role = ?) ORDER BY messages.id DESC LIMIT ?`,
      user,
      query,
      role ?? null,
      role ?? null,
      limit,
    );
  }

  /** @returns {{ user: string, id: number }[]} The sessions that were written to last. */
  latestSessions(/** @type {number} */ limit) {
    return this.#all('SELECT user, id FROM sessions ORDER BY id DESC LIMIT ?', limit);
  }

  /** @returns {number | undefined} */
  readsOf(/** @type {number} */ id) {
    return this.#one('SELECT reads FROM sessions WHERE id = ?', id)?.reads;
  }

  /** Sets how often sessions were read. */
  setReads(/** @type {readonly { id: number, reads: number }[]} */ counts) {
    for (const { id, reads } of counts) this.#one('UPDATE sessions SET reads = max(reads, ?) WHERE id = ?', reads, id);
  }

  close() {
    if (this.#path !== undefined) writeFileSync(this.#path, this.#database.export());
    this.#database.close();
  }

  #one(/** @type {string} */ sql, /** @type {any[]} */ ...parameters) {
    return this.#all(sql, ...parameters)[0];
  }

  /** @returns {any[]} */
  #all(/** @type {string} */ sql, /** @type {any[]} */ ...parameters) {
    const statement = this.#database.prepare(sql, parameters);
    try {
      const rows = [];
      while (statement.step()) rows.push(statement.getAsObject());
      return rows;
    } finally {
      statement.free();
    }
  }
}
