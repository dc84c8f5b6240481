import type { Milliseconds } from '../duration.js';
import { Engine } from '../engine/engine.js';
import { TiercelError } from '../errors.js';
import { text } from '../memory/readers.js';
import { seedRandomly } from '../memory/seed.js';
import { readTtlContext, readTtlRules, TtlByRule } from '../memory/ttl-rules.js';
import type { TtlContext, TtlRules } from '../memory/types.js';

/** Rules as the core has read them, by the object that they were given in. */
let compiled: WeakMap<TtlRules, TtlByRule> | undefined;

const DEFAULTS: TtlRules = {};

/**
 * Milliseconds that a value of this type lives by the rules: what a cache with these `ttlRules` gives an entry that is
 * stored with `contentType` and `context`, for use where there is no such cache. See docs/ttl-rules.md.
 *
 * The rules are the core's. The first call with a rules object reads it, once, into an engine of its own (on wasm about
 * 1 MiB) that lives as long as the object: keep rules in a constant. Other calls are O(length of the type).
 * @param rules default: those that are built in
 */
export function dynamicTtl(type: string, context?: TtlContext, rules: TtlRules = DEFAULTS): Milliseconds {
  text(type, 'type');
  const read = context === undefined ? undefined : readTtlContext(context, 'context');
  return rulesOf(rules).ttl(type, read) as Milliseconds;
}

function rulesOf(rules: TtlRules): TtlByRule {
  compiled ??= new WeakMap();
  const known = compiled.get(rules);
  if (known !== undefined) return known;
  const { document, hour } = readTtlRules(rules, 'rules');
  try {
    const engine = new Engine('auto', { maxEntries: 1, ttlRules: document });
    seedRandomly(engine);
    const byRule = new TtlByRule(engine, hour);
    compiled.set(rules, byRule);
    return byRule;
  } catch (e) {
    if (!(e instanceof TiercelError && e.code === 'ERR_TIERCEL_INVALID_OPTION')) throw e;
    throw new TiercelError(e.code, `rules: ${e.message}`, { cause: e });
  }
}
