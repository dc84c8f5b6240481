// Kysely on the database, by a dialect that runs each writing statement through a query cache.
import { Kysely, SqliteDialect } from 'kysely';

/** @typedef {import('kysely').Dialect} Dialect */
/** @typedef {import('kysely').Driver} Driver */
/** @typedef {import('kysely').DatabaseConnection} Connection */
/** @typedef {import('tiercel/patterns').QueryCache} QueryCache */

/**
 * @param {import('./database.mjs').Database} database
 * @param {QueryCache} queries
 * @returns {Kysely<any>} In TypeScript it would have the tables.
 */
export function openKysely(database, queries) {
  return new Kysely({ dialect: hooked(new SqliteDialect({ database: adapted(database) }), queries) });
}

/**
 * The result of a query that Kysely builds, cached by its SQL, its parameters and the tables in it.
 *
 * @template T
 * @param {QueryCache} queries
 * @param {{ compile(): import('kysely').CompiledQuery, execute(): Promise<T[]> }} query
 */
export function cached(queries, query) {
  const { sql, parameters, query: tree } = query.compile();
  return queries.get({ models: tablesOf(tree), key: [sql, parameters] }, () => query.execute());
}

/** A dialect as another, whose writes invalidate. @param {Dialect} dialect @param {QueryCache} queries @returns {Dialect} */
function hooked(dialect, queries) {
  return {
    createAdapter: () => dialect.createAdapter(),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createDriver: () => hookedDriver(dialect.createDriver(), queries),
  };
}

/** @param {Driver} driver @param {QueryCache} queries @returns {Driver} */
function hookedDriver(driver, queries) {
  /** The connections as Kysely has them, and as the driver does. @type {WeakMap<Connection, Connection>} */
  const originals = new WeakMap();
  /** Models written in transactions that have not ended. @type {WeakMap<Connection, Set<string>>} */
  const uncommitted = new WeakMap();
  const original = (/** @type {Connection} */ connection) => originals.get(connection) ?? connection;

  /** @param {Connection} connection */
  async function dropWritten(connection) {
    const models = uncommitted.get(connection) ?? new Set();
    uncommitted.delete(connection);
    if (models.size > 0) await queries.changed(...models);
  }

  /** @param {Connection} connection @returns {Connection} */
  function hookedConnection(connection) {
    const wrapped = {
      /** @param {import('kysely').CompiledQuery} compiled */
      async executeQuery(compiled) {
        const { kind } = compiled.query;
        const isWrite = kind === 'InsertQueryNode' || kind === 'UpdateQueryNode' || kind === 'DeleteQueryNode';
        if (!isWrite) return connection.executeQuery(compiled);
        const models = tablesOf(compiled.query);
        for (const model of models) uncommitted.get(wrapped)?.add(model);
        return queries.write(models, () => connection.executeQuery(compiled));
      },
      streamQuery: connection.streamQuery.bind(connection),
    };
    originals.set(/** @type {Connection} */ (wrapped), connection);
    return /** @type {Connection} */ (wrapped);
  }

  return {
    init: () => driver.init(),
    acquireConnection: async () => hookedConnection(await driver.acquireConnection()),
    async beginTransaction(connection, settings) {
      await driver.beginTransaction(original(connection), settings);
      uncommitted.set(connection, new Set());
    },
    async commitTransaction(connection) {
      await driver.commitTransaction(original(connection));
      await dropWritten(connection);
    },
    async rollbackTransaction(connection) {
      await driver.rollbackTransaction(original(connection));
      await dropWritten(connection);
    },
    releaseConnection: (connection) => driver.releaseConnection(original(connection)),
    destroy: () => driver.destroy(),
  };
}

/** All tables that a tree of Kysely's speaks of. @param {unknown} tree @returns {string[]} */
export function tablesOf(tree) {
  /** @type {Set<string>} */
  const tables = new Set();
  /** @param {unknown} node */
  const visit = (node) => {
    if (Array.isArray(node)) for (const item of node) visit(item);
    if (typeof node !== 'object' || node === null || Array.isArray(node)) return;
    const { kind, table } = /** @type {{ kind?: string, table?: any }} */ (node);
    if (kind === 'TableNode') tables.add(table.identifier.name);
    else for (const child of Object.values(node)) visit(child);
  };
  visit(tree);
  return [...tables];
}

/** What Kysely's dialect wants of a database. @param {import('./database.mjs').Database} database */
function adapted(database) {
  return {
    close: () => database.close(),
    prepare: (/** @type {string} */ sql) => ({
      reader: /^\s*(select|with)\b|\breturning\b/i.test(sql),
      all(/** @type {readonly unknown[]} */ parameters) {
        const { columns, rows } = database.run(sql, parameters);
        return rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
      },
      run(/** @type {readonly unknown[]} */ parameters) {
        const { changes, lastId } = database.run(sql, parameters);
        return { changes, lastInsertRowid: lastId };
      },
      *iterate(/** @type {readonly unknown[]} */ parameters) {
        yield* this.all(parameters);
      },
    }),
  };
}
