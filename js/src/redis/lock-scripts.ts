/** Where is told which locks are released. */
export const RELEASED = 'released';
/** How far the clocks of the server and of a caller may be apart where they have to agree. */
const CLOCKS_MS = 60_000;

/**
 * Id, owner, how long, the largest token that the caller knows of, and what time it is there. Answers a token, or the
 * negative of how long another holds it, or CLOCK and how far the clock is ahead of the caller's. What has no end gets one.
 *
 * Tokens are counted, for all locks together. Where the count was lost, or may have fallen back, it goes on from the time
 * in microseconds, to which it cannot have come by counting: so it grows though the server forgets, if its clock was
 * right when it began to count before, and is now. That is what the caller's clock is witness of; without it no lock is granted.
 */
export const LOCK = `
local id, owner, ttl, floor, there = arg(), arg(), arg(), tonumber(arg()), tonumber(arg())
if isLate() then return redis.error_reply('LATE') end
local key, fence = prefix .. 'x:{' .. id .. '}', prefix .. 'f'
local holder = ask('GET', key)
if holder ~= false and holder ~= owner then
  local left = call('PTTL', key)
  -- Locks end: what does not was written by somebody else, who would never let go of it.
  if left < 0 then
    left = tonumber(ttl)
    call('PEXPIRE', key, ttl)
  end
  if holder == nil then return redis.error_reply('LOCKTYPE the key of the lock has something else') end
  return ms(-math.max(1, left))
end
-- It takes another id when it restarts, and each time that it comes to be the primary.
local reign = string.match(call('INFO', 'replication'), 'master_replid:(%w+)') or 'none'
local last, since = string.match(ask('GET', fence) or '', '^(%d+) (%w+)$')
local token = math.max(tonumber(last) or 0, floor) + 1
if not last or (trust ~= 'all' and since ~= reign) then
  local ahead = now() - there
  if math.abs(ahead) > ${CLOCKS_MS} then return 'CLOCK' .. ms(ahead) end
  local t = call('TIME')
  token = math.max(token, t[1] * 1000000 + t[2])
end
call('SET', fence, ms(token) .. ' ' .. reign)
call('SET', key, owner, 'PX', ttl)
return ms(token)
`;

/** Id, owner, how long: 0 to release, which those who wait are told of. Answers 1 if it was the owner's. */
export const EXTEND = `
local id, owner, ttl = arg(), arg(), tonumber(arg())
local key = prefix .. 'x:{' .. id .. '}'
if ask('GET', key) ~= owner then return 0 end
if ttl > 0 then call('PEXPIRE', key, ms(ttl)) return 1 end
call('DEL', key)
-- Who may not tell them may let go of it all the same.
redis.pcall('PUBLISH', prefix .. '${RELEASED}', id)
return 1
`;

/** Id. Answers how long the lock is held at most. */
export const HELD = `return math.max(0, call('PTTL', prefix .. 'x:{' .. arg() .. '}'))`;
