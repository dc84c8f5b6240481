// One SQLite database in memory, and what the libraries see of it.
import initSqlJs from 'sql.js';

const SCHEMA = `
  CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
  CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), total INTEGER NOT NULL);
  INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
  INSERT INTO orders VALUES (1, 1, 10), (2, 1, 5), (3, 2, 7);
`;

export class Database {
  /** Statements that were run, so that tests can tell what was cached. @type {string[]} */
  statements = [];
  #database;

  /** @param {import('sql.js').Database} database */
  constructor(database) {
    this.#database = database;
  }

  static async open() {
    const { Database: SqlJs } = await initSqlJs();
    const database = new SqlJs();
    database.run(SCHEMA);
    return new Database(database);
  }

  /**
   * @param {string} sql
   * @param {readonly unknown[]} parameters
   * @returns {{ columns: string[], rows: unknown[][], changes: number, lastId: number }}
   */
  run(sql, parameters) {
    this.statements.push(sql);
    const statement = this.#database.prepare(sql);
    try {
      statement.bind(/** @type {import('sql.js').BindParams} */ ([...parameters]));
      const rows = [];
      while (statement.step()) rows.push(statement.get());
      const changes = this.#database.getRowsModified();
      const [last] = this.#database.exec('SELECT last_insert_rowid()');
      return { columns: statement.getColumnNames(), rows, changes, lastId: Number(last?.values[0]?.[0]) };
    } finally {
      statement.free();
    }
  }

  close() {
    this.#database.close();
  }
}
