import { FRAME_HEAD, FRAME_STALE } from '../generated/abi.js';

/** Of what an entry consists. */
export const ENTRY = `
-- Where the frame begins, and the list of scopes.
local function split(value)
  if #value < ${8 + FRAME_HEAD} or sub(value, 1, 4) ~= 'TCE\\1' then return nil end
  local last = 8 + struct.unpack('<I4', value, 5)
  if #value < ${FRAME_HEAD} + last then return nil end
  return last + 1, sub(value, 9, last)
end

local function staleOf(value, frameAt) return (struct.unpack('<d', value, frameAt + ${FRAME_STALE})) end
local function entryKey(id) return prefix .. 'e:{' .. id .. '}' end
`;

/**
 * Per read: id, namespace, and what is wanted: '0' what is alive, '1' a lease as well if nothing fresh is found and '2' in
 * any case; '3' and '4' are as '0' and '1', but what is there is answered as it is, for the caller to judge. Then for each
 * that is not '0' or '3' the scopes that the lease covers, and the ids of keys that the value is made from.
 *
 * Answers per read how long it is kept, or -1, and the value. In place of how long there may be a list of that, the
 * barriers to be compared with and the keys that it is made from, and scopes in other shards with what is to be judged
 * there; or, without a value, -2 (nothing there), -3 (dead) or -4 (not ours). Then a list for each lease: which read, reign,
 * barriers now and for the entry, changes of tags, the tokens of all scopes, further ones by name.
 *
 * What only finds has no need of what follows, which would cost more than all of it.
 */
export const FIND = `
local reply, n, first, wanted, count, keys, values = {}, 0, 0, nil, 0, nil, nil
if what == 'read' then
  count, keys = tonumber(arg()), {}
  n, first, at = 2 * count, at, at + 3 * count
  for i = 1, count do keys[i] = entryKey(ARGV[first + 3 * i - 2]) end
  values = redis.pcall('MGET', unpack(keys))
  if values.err then
    -- While a slot moves to another server, several keys at once may be refused.
    for i = 1, count do values[i] = ask('GET', keys[i]) or false end
  end
  local isAll = not isOrdered
  for i = 1, count do
    local value, wants = values[i], ARGV[first + 3 * i]
    if value and (wants == '3' or wants == '4') then
      local left = call('PTTL', keys[i])
      reply[2 * i - 1], reply[2 * i] = left, value
      if wants == '4' then
        local frameAt = split(value)
        if not frameAt or left ~= -1 and left <= staleOf(value, frameAt) then
          wanted, isAll = wanted or {}, false
          wanted[i] = true
        end
      end
    else isAll = false end
  end
  if isAll then return reply end
end
`;

export const READ = `
local judged = {}
for i = 1, count do
  if not reply[2 * i] then
    local value, ns, wants = values[i], ARGV[first + 3 * i - 1], ARGV[first + 3 * i]
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
        if #barriers == 0 and #elsewhere == 0 then isFresh = left == -1 or left > staleOf(value, frameAt)
        else left = { left, withKeys(barriers, scopes), elsewhere } end
      else left, value = -1 - status, false end
    elseif call('TYPE', keys[i]).ok ~= 'none' then left = -4 end
    reply[2 * i - 1], reply[2 * i] = left, value
    if wants == '2' or (wants == '1' or wants == '4') and not isFresh then
      wanted = wanted or {}
      wanted[i] = true
    end
  end
end
if not wanted then
  if isOrdered then reply[n + 1] = point(false) end
  return reply
end
`;

export const GRANT = `
for i = 1, count do
  local ns, wants = ARGV[first + 3 * i - 1], ARGV[first + 3 * i]
  if wants ~= '0' and wants ~= '3' then
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
