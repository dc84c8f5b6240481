import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { POLICY, serve } from '../../examples/browser/serve.mjs';
import { openPage, startChromium } from './support/chromium.mjs';
import { textsOfLowContrast } from './support/contrast.mjs';

/** @type {Awaited<ReturnType<typeof startChromium>>} */
let browser;
/** @type {import('../../examples/browser/serve.mjs').Server} */
let server;

before(async () => {
  [browser, server] = await Promise.all([startChromium(), serve({ port: 0, delay: 40 })]);
});

after(async () => {
  await browser?.stop();
  await server?.close();
});

describe('the page', () => {
  /** @type {import('playwright-core').Page} */
  let page;
  /** @type {string[]} */
  let problems;

  beforeEach(async () => {
    ({ page, problems } = await openPage(browser.context));
  });

  afterEach(async () => {
    await page.close();
    assert.deepEqual(problems, [], 'nothing went wrong on the page, and its policy was not violated');
  });

  /** @param {string} id */
  const text = (id) => textOf(page, id);
  const badge = () => page.locator('#outcome .badge');
  /** @param {string} outcome */
  const outcome = async (outcome) => {
    await badge().getByText(outcome, { exact: true }).waitFor();
    return text('outcome');
  };
  /** @param {string} word */
  const suggest = (word) => page.locator('#suggestions').getByRole('button', { name: word, exact: true }).click();
  /** @param {string} name */
  const press = (name) => page.getByRole('button', { name, exact: true }).click();
  /** @param {RegExp} text */
  const said = (text) => page.locator('#said').getByText(text).waitFor();
  const figures = async () => {
    /** @param {string} id */
    const read = async (id) => Number((await text(id)).replaceAll(',', ''));
    return {
      hits: await read('hits'),
      staleHits: await read('stale-hits'),
      misses: await read('misses'),
      entries: await read('entries'),
      bytes: await read('bytes'),
      loads: await read('loads'),
    };
  };

  test('runs the wasm engine under its policy', async () => {
    const response = await page.goto(server.url);
    const policy = (await response?.headerValue('content-security-policy')) ?? '';
    assert.match(policy, /script-src 'self' 'wasm-unsafe-eval';/);
    assert.doesNotMatch(policy, /'unsafe-(inline|eval)'/);
    await page
      .locator('#engine')
      .getByText(/^wasm engine · tiercel \d+\.\d+\.\d+/)
      .waitFor();
    assert.equal(await page.locator('#failure').isVisible(), false);
  });

  test('shows a miss, then a hit', async (t) => {
    const before = server.searches();
    await page.goto(server.url);
    await page.getByRole('searchbox', { name: 'Search birds of prey' }).fill('Peregrine');
    const miss = await outcome('miss');
    assert.match(miss, /1 bird from the server in \d+ ms/);
    assert.equal(await page.locator('#results li').count(), 1);
    assert.match(await text('results'), /Falco peregrinus/);
    const { bytes: bytesOfOne, ...afterMiss } = await figures();
    assert.deepEqual(afterMiss, { hits: 0, staleHits: 0, misses: 1, entries: 1, loads: 1 });
    assert.ok(bytesOfOne > 96, `${bytesOfOne} bytes`);

    await page.getByRole('searchbox', { name: 'Search birds of prey' }).fill(' PEREGRINE ');
    const hit = await outcome('hit');
    assert.match(hit, /1 bird from the cache in /);
    assert.deepEqual(await figures(), { hits: 1, staleHits: 0, misses: 1, entries: 1, bytes: bytesOfOne, loads: 1 });
    assert.equal(server.searches() - before, 1);
    assert.equal(await text('rate'), '50 %');
    assert.equal(await page.locator('#bars .miss').count(), 1);
    assert.equal(await page.locator('#bars .hit').count(), 1);
    t.diagnostic(`${miss.replace('\n', ' ')} | ${hit.replace('\n', ' ')}`);
  });

  test('shows a stale hit, refreshed behind it', async () => {
    await page.goto(`${server.url}?ttl=1500ms&stale=1m`);
    await suggest('falcon');
    await outcome('miss');
    await page.locator('#held .stale').waitFor();
    await suggest('falcon');
    assert.match(await outcome('stale'), /from the cache in .*, while a refresh is under way/);
    await page.locator('#held .hit').waitFor();
    await suggest('falcon');
    await outcome('hit');
    const { hits, staleHits, misses, loads } = await figures();
    assert.deepEqual({ hits, staleHits, misses, loads }, { hits: 1, staleHits: 1, misses: 1, loads: 2 });
  });

  test('asks once for ten searches at the same time', async () => {
    await page.goto(server.url);
    const before = server.searches();
    await press('Ask 10 times at once');
    await said(/^10 searches for “peregrine” at once: 1 request\./);
    assert.equal(server.searches() - before, 1);
    assert.equal((await figures()).loads, 1);
    assert.equal(await page.locator('#bars .miss').count(), 10);
  });

  test('invalidates what shows any of a group, and nothing else', async () => {
    await page.goto(server.url);
    for (const word of ['owl', 'eagle', 'falco']) {
      await suggest(word);
      await page.locator('#held').getByText(word, { exact: true }).waitFor();
    }
    // "eagle" finds the Eurasian Eagle-Owl too.
    await press('owls');
    await said(/^2 results with owls can no longer be served\.$/);
    assert.equal((await figures()).entries, 1);
    await suggest('falco');
    await outcome('hit');
    await suggest('owl');
    await outcome('miss');
  });

  test('clears', async () => {
    await page.goto(server.url);
    await suggest('kite');
    await outcome('miss');
    await press('Clear the cache');
    await said(/^1 result cleared\.$/);
    const { entries, bytes } = await figures();
    assert.deepEqual({ entries, bytes }, { entries: 0, bytes: 0 });
    await page.locator('#held-note').getByText('Nothing yet.').waitFor();
  });

  test('answers most of 200 searches from the cache', async (t) => {
    await page.goto(`${server.url}?ttl=1m`);
    await press('Run 200 searches');
    await said(/^200 searches, .* requests in /);
    const { hits, misses, entries, loads } = await figures();
    assert.equal(hits + misses, 200);
    assert.ok(loads <= 30, `${loads} requests`);
    assert.equal(entries, loads);
    t.diagnostic(await text('said'));
    t.diagnostic(`median cached ${await text('cached-time')}, loaded ${await text('loaded-time')}`);
  });

  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    for (const width of [320, 1280]) {
      test(`is legible in ${colorScheme}, ${width} pixels wide`, async () => {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        await page.goto(`${server.url}?ttl=1m`);
        for (const word of ['falcon', 'owl', 'falcon']) {
          await suggest(word);
          await page.locator('#held').getByText(word, { exact: true }).waitFor();
        }
        await outcome('hit');
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(overflow <= 0, `${overflow} pixels too wide`);
        assert.deepEqual(await page.evaluate(textsOfLowContrast), []);
      });
    }
  }
});

describe('an address with options', () => {
  test('that are wrong shows the typed error', async () => {
    const { page, problems } = await openPage(browser.context);
    await page.goto(`${server.url}?ttl=soon`);
    await page.getByRole('alert').waitFor();
    assert.match(await textOf(page, 'failure-code'), /^ERR_TIERCEL_INVALID_/);
    assert.match(await textOf(page, 'failure-message'), /ttl.*"soon"/);
    assert.deepEqual(problems, []);
    await page.close();
  });
});

describe("a policy without 'wasm-unsafe-eval'", () => {
  test('is named by the error that says why the cache cannot start', async () => {
    const strict = await serve({ port: 0, policy: POLICY.replace(" 'wasm-unsafe-eval'", '') });
    try {
      const { page } = await openPage(browser.context);
      await page.goto(strict.url);
      await page.getByRole('alert').waitFor();
      assert.equal(await textOf(page, 'failure-code'), 'ERR_TIERCEL_ENGINE_UNAVAILABLE');
      assert.match(await textOf(page, 'failure-message'), /'wasm-unsafe-eval'/);
      assert.equal(await page.locator('#main').isVisible(), false);
      await page.close();
    } finally {
      await strict.close();
    }
  });
});

/**
 * @param {import('playwright-core').Page} page
 * @param {string} id
 */
async function textOf(page, id) {
  return (await page.locator(`#${id}`).textContent()) ?? '';
}
