-- Reads a stream as a member of a group. KEYS: stream, where the group began. ARGV: group, member, number, after what (an
-- id: what is pending of the member beyond it; '>': what is new), ms by this server's clock from which it is too late.
-- Returns messages that the stream dropped before they were read (-1: some), then what XREADGROUP returns.
local now = redis.call('TIME')
if now[1] * 1000 + now[2] / 1000 >= tonumber(ARGV[5]) then return {0, false} end

local function named(flat)
  local of = {}
  for i = 1, #flat, 2 do of[flat[i]] = flat[i + 1] end
  return of
end

local function later(x, y) -- whether id x comes after y; numbers beyond 2^53 do not occur in practice
  local a, b = string.match(x, '^(%d+)-(%d+)$')
  local c, d = string.match(y, '^(%d+)-(%d+)$')
  a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
  return a > c or a == c and b > d
end

local function lost()
  local group
  for _, each in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    if named(each)['name'] == ARGV[1] then group = named(each) end
  end
  if not group then return 0 end
  local last, stream = group['last-delivered-id'], named(redis.call('XINFO', 'STREAM', KEYS[1]))
  local deleted = stream['max-deleted-entry-id']
  if deleted then
    if not later(deleted, last) then return 0 end
    local read = group['entries-read']
    return read and math.max(1, stream['entries-added'] - stream['length'] - read) or -1
  end
  if redis.call('GET', KEYS[2]) == last or not stream['first-entry'] then return 0 end
  if not later(stream['first-entry'][1], last) then return 0 end
  return #redis.call('XRANGE', KEYS[1], last, last) == 0 and -1 or 0
end

local dropped = ARGV[4] == '>' and lost() or 0
local found = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[3], 'STREAMS', KEYS[1], ARGV[4])
return {dropped, found and found[1] and found[1][2] or false}
