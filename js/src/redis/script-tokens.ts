import { FRAME_HEAD } from '../generated/abi.js';
import { RING } from './script-look.js';

/** How long what a lease is checked against is kept at least: a load that takes longer is not stored. */
const LEASE_MS = 600_000;

/** What takes leases and writes. */
export const TOKENS = `
local function del(...)
  if type(redis.pcall('DEL', ...)) == 'number' then return end
  for _, key in ipairs({ ... }) do call('DEL', key) end
end

local LEASE, RING = ${LEASE_MS}, ${RING}
local kept = {}
local function list() local l = {} for i = 1, tonumber(arg()) do l[i] = arg() end return l end
local function twice(count) return count .. ':' .. count end

-- Of an entry: what is thought of it, the beginning of its value, where the frame begins, scopes and barriers. 0: nothing.
local function look(key, ns)
  local value = ask('GETRANGE', key, 0, 511)
  if not value then return 3 end
  if value == '' then return 0 end
  if #value == 512 and struct.unpack('<I4', value, 5) > ${504 - FRAME_HEAD} then
    value = call('GETRANGE', key, 0, ${8 + FRAME_HEAD} + struct.unpack('<I4', value, 5))
  end
  local frameAt, packed = split(value)
  if not frameAt then return 3 end
  local status, scopes, barriers = judge(packed, ns)
  return status, value, frameAt, scopes, barriers
end

local function tokenOf(name)
  local token = current(name)
  if token then return token end
  token = newToken()
  local key = prefix .. name
  if string.byte(name) == 110 then
    call('DEL', key)
    call('HSET', key, 'n', token)
    call('PEXPIRE', key, LEASE)
    spaces[name] = { n = token, q = 0, g = 0 }
  else
    call('SET', key, token, 'PX', LEASE)
    tokens[name] = token
  end
  return token
end

-- Of a namespace that nobody has a token of nothing has to be remembered.
local function note(ns, kind, text)
  local known = space(ns)
  spaces[ns] = nil
  if not known.n then return end
  local key = prefix .. ns
  local i = redis.pcall('HINCRBY', key, kind, 1)
  if type(i) == 'number' then
    call('HSET', key, kind .. i, text)
    call('HDEL', key, kind .. (i - RING))
  else
    call('DEL', key)
  end
end

-- Adds the scopes of entries that another is made from, and their tokens. Returns the barriers it is to be compared with.
local function inherit(ids, ns, into)
  local count = space(ns).q
  for _, id in ipairs(ids) do
    local status, _, _, scopes = look(entryKey(id), ns)
    for i = 1, status == 1 and #scopes or 0, 2 do
      local name, token = scopes[i], scopes[i + 1]
      if name == 'q' then count = math.min(count, countOf(token))
      elseif name ~= 'r' then
        into[#into + 1] = name
        into[#into + 1] = token
      end
    end
  end
  return count
end

-- Tokens stay at least as long as what is checked against them. 0: for ever.
local function keep(name, life)
  if kept[name] and (kept[name] == 0 or (life ~= 0 and kept[name] >= life)) then return end
  kept[name] = life
  local key = prefix .. name
  local left = call('PTTL', key)
  if left == -1 then return end
  if life == 0 then call('PERSIST', key)
  elseif left < life then call('PEXPIRE', key, ms(life + LEASE)) end
end

local function keepAll(scopes, life)
  for i = 1, #scopes, 2 do
    local name = scopes[i]
    if name ~= 'r' and name ~= 'q' and string.byte(name) ~= 64 then keep(name, life) end
  end
end
`;
