import { EXTEND, HELD, LOCK } from './lock-scripts.js';
import { BASE, CLOCK } from './script-base.js';
import { LOOK } from './script-look.js';
import { ENTRY, FIND, GRANT, READ } from './script-read.js';
import { JUDGE, KEEP, LEND } from './script-shards.js';
import { TOKENS } from './script-tokens.js';
import { CHANGE, TOUCH, WRITE } from './script-write.js';

/*
 * What the server does in one step. Every script begins with the same four arguments: the prefix of all names; a text
 * that no other call has, for tokens to be made of; how far what was written before is trusted, see {@link Trust}; and
 * until when, in milliseconds of the server's clock, the call may take effect, or '0'.
 *
 * An entry is a string: 'TCE' and 1, the length of what follows as u32, a list of scopes with the tokens that they had
 * before the value was loaded (name, token, name, token, in MessagePack), and then the frame, of which the scripts know
 * the place of one number. An entry is alive if each of its scopes has that token still. Tokens are made where none is,
 * and are never the same twice: so to remove one is to invalidate all that was checked against it, and to lose one does
 * the same. Two scopes are not names of keys: `r` is the reign of the server, which ends when it restarts or another
 * takes its place; `q` is how many barriers the namespace had. A third kind, `@` and a number, is a list of scopes in
 * another shard, packed in the same way, which is to be judged there.
 *
 * A namespace is a hash: `n` its token; `q` counts changes of prefixes and patterns, its barriers, and `g` those of tags;
 * `q<i>` and `g<i>` are the last RING of each. What is not among them any more is not known, and then nothing is served
 * or stored that would have to be compared with it.
 */

/**
 * Whether what was written under another reign counts: `all` of it, because nothing is ever lost; or nothing, where one
 * server has all the data, or where slots of them move from server to server.
 */
export type Trust = 'all' | 'server' | 'slot';

export type ScriptName = 'data' | 'lock' | 'extend' | 'held';

export const SCRIPTS: Readonly<Record<ScriptName, string>> = {
  // One script, which a server has or has not: so that no call can overtake another when it loses some. Reads, which are
  // most of the calls, leave it before the rest is made.
  data: `${BASE}
local what = arg()
-- A mark before it asks for the point of the call, as the last of the answer.
local isOrdered = sub(what, 1, 1) == '+'
if isOrdered then what = sub(what, 2) end
${ENTRY}${FIND}${LOOK}
if what == 'read' then ${READ}end
${CLOCK}${TOKENS}
if what == 'read' then ${GRANT}
elseif what == 'write' then ${WRITE}
elseif what == 'change' then ${CHANGE}
elseif what == 'lend' then ${LEND}
elseif what == 'judge' then ${JUDGE}
elseif what == 'keep' then ${KEEP}
else ${TOUCH}
end`,
  lock: BASE + CLOCK + LOCK,
  extend: BASE + CLOCK + EXTEND,
  held: BASE + HELD,
};
