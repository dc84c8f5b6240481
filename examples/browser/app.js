import { engineInfo, MemoryCache, TiercelError, version } from 'tiercel';
import { Chart, formatTime } from './chart.js';
import { Search } from './search.js';

/** @typedef {import('./search.js').Bird} Bird */

const GROUPS = ['falcons', 'eagles', 'hawks', 'kites', 'owls', 'vultures'];
const SUGGESTIONS = ['falcon', 'eagle', 'owl', 'falco', 'aquila', 'kite', 'condor'];
const WORDS =
  'falcon eagle owl kite hawk kestrel vulture condor buzzard red white great common eurasian golden bald snowy barn little black aquila buteo bubo falco milvus gyps strix asio accipiter tawny'.split(
    ' ',
  );
const HELD_SHOWN = 6;

try {
  start(await openCache());
} catch (error) {
  fail(error);
}

/**
 * `?ttl=2s&stale=1m` in the address of the page changes how long results live.
 *
 * @returns {Promise<MemoryCache<Bird[]>>}
 */
function openCache() {
  const { searchParams } = new URL(location.href);
  return MemoryCache.create({
    values: 'bytes',
    maxBytes: '256kb',
    ttl: searchParams.get('ttl') ?? '8s',
    stale: searchParams.get('stale') ?? '20s',
  });
}

/** @param {MemoryCache<Bird[]>} cache */
function start(cache) {
  const search = new Search(cache);
  const chart = new Chart(byId('bars'));
  const query = /** @type {HTMLInputElement} */ (byId('query'));
  /** @type {Record<'cached' | 'loaded', number[]>} */
  const times = { cached: [], loaded: [] };

  byId('engine').textContent = `${engineInfo().engine} engine · tiercel ${version}`;
  byId('main').hidden = false;

  /** @param {string} text */
  const find = async (text) => {
    const answer = await search.find(text.trim().toLowerCase());
    times[answer.outcome === 'miss' ? 'loaded' : 'cached'].push(answer.milliseconds);
    chart.add(answer);
    return answer;
  };

  // Answers may come back in another order than they were asked for: only the newest is shown.
  let newest = 0;
  /** @param {string} text */
  const show = async (text) => {
    const turn = ++newest;
    if (text.trim() === '') return;
    try {
      const answer = await find(text);
      if (turn === newest) showAnswer(answer);
    } catch (error) {
      if (turn === newest) showOutcome('miss', 'failed', String(error));
    }
    showFigures();
  };

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  query.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(() => void show(query.value), 200);
  });
  for (const word of SUGGESTIONS) {
    byId('suggestions').append(
      button(word, () => {
        query.value = word;
        return show(word);
      }),
    );
  }
  for (const group of GROUPS) {
    byId('tags').append(
      button(group, () => {
        const removed = cache.invalidateTags(group);
        say(`${plural(removed, 'result')} with ${group} can no longer be served.`);
        showFigures();
      }),
    );
  }
  onClick('clear', () => {
    say(`${plural(cache.clear(), 'result')} cleared.`);
    showFigures();
  });
  onClick('together', async () => {
    cache.delete('peregrine');
    const before = search.requests;
    await Promise.all(Array.from({ length: 10 }, () => find('peregrine')));
    say(
      `10 searches for “peregrine” at once: ${plural(search.requests - before, 'request')}. The others waited for it.`,
    );
    showFigures();
  });
  onClick('traffic', async () => {
    const before = search.requests;
    const began = performance.now();
    await inTurns(200, 8, () => find(pickWord()).then(showFigures));
    const time = formatTime(performance.now() - began);
    say(
      `200 searches, some words far more popular than others: ${plural(search.requests - before, 'request')} in ${time}.`,
    );
  });

  // Loads that end in the background and entries that leave show too; time passes without either.
  cache.on('set', () => queueMicrotask(showFigures));
  setInterval(() => document.hidden || showFigures(), 250);
  showFigures();

  function showFigures() {
    const { hits, staleHits, misses, entries, bytes } = cache.stats();
    const lookups = hits + staleHits + misses;
    setText('hits', hits);
    setText('stale-hits', staleHits);
    setText('misses', misses);
    setText('rate', lookups === 0 ? '–' : `${((100 * (hits + staleHits)) / lookups).toFixed(0)} %`);
    setText('entries', entries);
    setText('bytes', bytes.toLocaleString('en'));
    setText('loads', search.requests);
    setText('cached-time', median(times.cached));
    setText('loaded-time', median(times.loaded));
    showHeld(cache);
  }
}

/** @param {import('./search.js').Answer} answer */
function showAnswer({ birds, outcome, milliseconds }) {
  const time = formatTime(milliseconds);
  const words = {
    hit: `from the cache in ${time}`,
    stale: `from the cache in ${time}, while a refresh is under way`,
    miss: `from the server in ${time}`,
  };
  showOutcome(outcome, outcome, `${plural(birds.length, 'bird')} ${words[outcome]}.`);
  byId('results').replaceChildren(
    ...birds.map(({ name, scientific, group }) => {
      const item = document.createElement('li');
      item.append(
        element('span', 'name', name),
        element('em', 'scientific', scientific),
        element('span', 'group', group),
      );
      return item;
    }),
  );
}

/**
 * @param {string} kind
 * @param {string} badge
 * @param {string} text
 */
function showOutcome(kind, badge, text) {
  byId('outcome').replaceChildren(element('span', `badge ${kind}`, badge), ` ${text}`);
}

/** @param {MemoryCache<Bird[]>} cache */
function showHeld(cache) {
  const keys = [...cache.keys()];
  byId('held').replaceChildren(
    ...keys.slice(0, HELD_SHOWN).map((key) => {
      const left = cache.ttl(key) ?? 0;
      const item = element('li', left > 0 ? 'hit' : 'stale', '');
      item.append(element('span', 'name', key), left > 0 ? `fresh for ${(left / 1000).toFixed(1)} s` : 'stale');
      return item;
    }),
  );
  const more = keys.length - HELD_SHOWN;
  setText('held-note', keys.length === 0 ? 'Nothing yet.' : more > 0 ? `and ${more} more` : '');
}

/** @param {unknown} error */
function fail(error) {
  byId('failure').hidden = false;
  setText('engine', 'not running');
  setText('failure-code', error instanceof TiercelError ? error.code : 'unexpected');
  setText('failure-message', error instanceof Error ? error.message : String(error));
}

/** @param {string} text */
function say(text) {
  setText('said', text);
}

/** A word, those at the front of the list far more often. */
function pickWord() {
  return /** @type {string} */ (WORDS[Math.floor(WORDS.length * Math.random() ** 3)]);
}

/** @param {readonly number[]} values */
function median(values) {
  const middle = [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
  return middle === undefined ? '–' : formatTime(middle);
}

/**
 * Does `work` so many times, `width` at a time.
 *
 * @param {number} times
 * @param {number} width
 * @param {() => Promise<unknown>} work
 */
async function inTurns(times, width, work) {
  let left = times;
  const turns = async () => {
    while (left-- > 0) await work();
  };
  await Promise.all(Array.from({ length: width }, turns));
}

/**
 * @param {number} count
 * @param {string} noun
 */
function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * @param {string} id
 * @param {string | number} text
 */
function setText(id, text) {
  byId(id).textContent = String(text);
}

/**
 * @param {string} name
 * @param {string} className
 * @param {string} text
 */
function element(name, className, text) {
  const created = document.createElement(name);
  created.className = className;
  created.textContent = text;
  return created;
}

/**
 * @param {string} label
 * @param {() => unknown} action
 */
function button(label, action) {
  const created = document.createElement('button');
  created.type = 'button';
  created.textContent = label;
  created.addEventListener('click', action);
  return created;
}

/**
 * A button that is off while its action is under way.
 *
 * @param {string} id
 * @param {() => unknown} action
 */
function onClick(id, action) {
  const target = /** @type {HTMLButtonElement} */ (byId(id));
  target.addEventListener('click', async () => {
    target.disabled = true;
    try {
      await action();
    } catch (error) {
      say(String(error));
    } finally {
      target.disabled = false;
    }
  });
}
