/** How long the last fencing token of a lock is remembered. From then on the clock alone sees to it that the next is larger. */
const FENCE_MS = 7 * 24 * 3_600_000;

/**
 * Id, owner, how long, and the largest token that the caller knows of. Answers a token, or the negative of how long another
 * holds it. The token is the time in microseconds, unless one as large was given already: so it grows though the server
 * forgets, as long as its clock is not set back by more than it was away.
 */
export const LOCK = `
local id, owner, ttl, floor = arg(), arg(), arg(), tonumber(arg())
if isLate() then return redis.error_reply('LATE') end
local key, fence = prefix .. 'x:{' .. id .. '}', prefix .. 'f:{' .. id .. '}'
local holder = ask('GET', key)
if holder == nil then return redis.error_reply('LOCKTYPE the key of the lock has something else') end
if holder and holder ~= owner then return tostring(-math.max(1, call('PTTL', key))) end
local t = call('TIME')
local last = tonumber(ask('GET', fence) or 0) or 0
local token = math.max(last + 1, floor + 1, t[1] * 1000000 + t[2])
call('SET', fence, ms(token), 'PX', ${FENCE_MS})
call('SET', key, owner, 'PX', ttl)
return ms(token)
`;

/** Id, owner, how long: 0 to release. Answers 1 if it was the owner's. */
export const EXTEND = `
local id, owner, ttl = arg(), arg(), tonumber(arg())
local key = prefix .. 'x:{' .. id .. '}'
if ask('GET', key) ~= owner then return 0 end
if ttl == 0 then call('DEL', key) else call('PEXPIRE', key, ms(ttl)) end
return 1
`;

/** Id. Answers how long the lock is held at most. */
export const HELD = `return math.max(0, call('PTTL', prefix .. 'x:{' .. arg() .. '}'))`;
