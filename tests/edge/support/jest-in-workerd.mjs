/**
 * As much of Jest as the tests of tests/js use, for a Worker that a test file is bundled into: `GET /` runs its tests, one
 * after the other, and answers with what became of them. Expectations and mocks are Jest's own. All of it is loaded by the
 * request, as at module scope there are no timers.
 */

/** @typedef {() => unknown} Body */
/** @typedef {{ before: Body[], after: Body[], parent: Scope | undefined, name: string }} Scope */
/** @typedef {{ name: string, body: Body, scope: Scope }} Test */

/** What of time is faked, as in Jest, that tests of this package use. @type {import('@sinonjs/fake-timers').FakeMethod[]} */
const FAKED = ['Date', 'performance', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'];

/** @type {Scope} */
let scope = { before: [], after: [], parent: undefined, name: '' };
/** @type {Test[]} */
const tests = [];

/** @param {string} name @param {Body} body */
function describe(name, body) {
  scope = { before: [], after: [], parent: scope, name };
  body();
  scope = /** @type {Scope} */ (scope.parent);
}

/** @param {string} name @param {Body} body */
function test(name, body) {
  tests.push({ name, body, scope });
}

/** Of `describe` or `test`: the same once for each row, which is named in place of `%s` and the like. */
const each =
  (/** @type {(name: string, body: Body) => void} */ define) =>
  (/** @type {readonly unknown[]} */ rows) =>
  (/** @type {string} */ name, /** @type {(...row: unknown[]) => unknown} */ body) => {
    for (const given of rows) {
      const row = Array.isArray(given) ? given : [given];
      let i = 0;
      define(
        name.replace(/%[sidjop]/g, () => String(row[i++])),
        () => body(...row),
      );
    }
  };
describe.each = each(describe);
test.each = each(test);

async function install() {
  const [{ default: FakeTimers }, { expect }, { ModuleMocker }] = await Promise.all([
    import('@sinonjs/fake-timers'),
    import('expect'),
    import('jest-mock'),
  ]);
  const mocker = new ModuleMocker(globalThis);
  /** @type {import('@sinonjs/fake-timers').Clock | undefined} */
  let clock;
  const jest = {
    fn: mocker.fn.bind(mocker),
    spyOn: mocker.spyOn.bind(mocker),
    restoreAllMocks: mocker.restoreAllMocks.bind(mocker),
    useFakeTimers() {
      clock = FakeTimers.withGlobal(globalThis).install({ toFake: FAKED });
    },
    useRealTimers() {
      clock?.uninstall();
      clock = undefined;
    },
    advanceTimersByTimeAsync: (/** @type {number} */ ms) => clock?.tickAsync(ms),
    getTimerCount: () => clock?.countTimers() ?? 0,
  };
  Object.assign(globalThis, {
    describe,
    test,
    it: test,
    expect,
    jest,
    beforeEach: (/** @type {Body} */ body) => scope.before.push(body),
    afterEach: (/** @type {Body} */ body) => scope.after.push(body),
  });
}

/** From the outermost to the innermost. @param {Scope | undefined} of @returns {Scope[]} */
const around = (of) => (of === undefined ? [] : [...around(of.parent), of]);

/** @param {Test} test */
async function run({ name, body, scope: own }) {
  const scopes = around(own);
  const title = [...scopes.map((one) => one.name).filter(Boolean), name].join(' > ');
  let failure;
  const attempt = async (/** @type {Body} */ action) => {
    try {
      await action();
    } catch (error) {
      failure ??= error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    }
  };
  for (const { before } of scopes) for (const hook of before) await attempt(hook);
  if (failure === undefined) await attempt(body);
  for (const { after } of scopes.reverse()) for (const hook of after) await attempt(hook);
  return { name: title, error: failure };
}

/** @param {() => Promise<unknown>} file Imports the tests. */
export const worker = (file) => ({
  async fetch() {
    /** @type {string[]} */
    const unhandled = [];
    addEventListener('unhandledrejection', (event) => unhandled.push(String(event.reason)));
    await install();
    await file();
    const results = [];
    for (const test of tests) results.push(await run(test));
    return Response.json({ results, unhandled });
  },
});
