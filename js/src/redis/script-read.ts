/**
 * Per read: id, namespace, '0', or for a lease '1' if nothing fresh is found and '2' in any case. Then for each that is
 * not '0' the scopes that the lease covers, and the ids of keys that the value is made from.
 *
 * Answers per read how long it is kept, or -1, and the frame; a list of how long that is, the barriers to be compared with
 * and the keys that it is made from, and scopes in other shards with what is to be judged there, and the frame; or of what
 * is not to be served -2 (nothing there), -3 (dead) or -4 (not ours). Then a list for each lease: which read, reign,
 * barriers now and for the entry, changes of tags, the tokens of all scopes, further ones by name.
 */
export const READ = `
local count = tonumber(arg())
local keys, judged = {}, {}
first, at = at, at + 3 * count
for i = 1, count do keys[i] = entryKey(ARGV[first + 3 * i - 2]) end
local values = redis.pcall('MGET', unpack(keys))
if values.err then
  -- While a slot moves to another server, several keys at once may be refused.
  for i = 1, count do values[i] = ask('GET', keys[i]) or false end
end
for i = 1, count do
  local value, ns, leased = values[i], ARGV[first + 3 * i - 1], ARGV[first + 3 * i]
  local left, isFresh = -2, false
  if value then
    local frameAt, packed = split(value)
    local found = packed and judged[packed]
    if packed and not found then
      found = { judge(packed, ns) }
      judged[packed] = found
    end
    local status, scopes, barriers, elsewhere = unpack(found or { 3 })
    if status == 1 then
      left = call('PTTL', keys[i])
      n = n + 2
      reply[n] = sub(value, frameAt)
      if #barriers == 0 and #elsewhere == 0 then isFresh = left == -1 or left > staleOf(value, frameAt)
      else left = { left, withKeys(barriers, scopes), elsewhere } end
      reply[n - 1] = left
    else left = -1 - status end
  elseif call('TYPE', keys[i]).ok ~= 'none' then left = -4 end
  if left == -2 or left == -3 or left == -4 then
    n = n + 1
    reply[n] = left
  end
  if leased == '2' or leased == '1' and not isFresh then
    wanted = wanted or {}
    wanted[i] = true
  end
end
if not wanted then
  if isOrdered then reply[n + 1] = point(false) end
  return reply
end
`;

export const GRANT = `
for i = 1, (at - first) / 3 do
  local ns, leased = ARGV[first + 3 * i - 1], ARGV[first + 3 * i]
  if leased ~= '0' then
    local scopes, others = list(), list()
    if wanted[i] then
      local lease = { i, run(), 0, 0, 0 }
      for _, name in ipairs(scopes) do lease[#lease + 1] = tokenOf(name) end
      local count = inherit(others, ns, lease)
      local known = space(ns)
      lease[3], lease[4], lease[5] = known.q, count, known.g
      n = n + 1
      reply[n] = lease
    end
  end
end
if isOrdered then reply[#reply + 1] = point(false) end
return reply
`;
