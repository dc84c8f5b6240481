/** What all scripts have. Functions are made anew for each call, so there are few. */
export const BASE = `
local prefix, nonce, trust, deadline = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local call, sub, at = redis.call, string.sub, 4

local function arg() at = at + 1 return ARGV[at] end

-- Nil if what is there is of another type, and so not ours.
local function ask(...)
  local found = redis.pcall(...)
  if type(found) ~= 'table' or not found.err then return found end
  if not string.find(found.err, 'WRONGTYPE', 1, true) then error(found.err) end
  return nil
end
`;

/** The time of the server. */
export const CLOCK = `
local function ms(n) return string.format('%.0f', n) end
local function now() local t = call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000) end
local function isLate() return deadline > 0 and now() > deadline end
`;
