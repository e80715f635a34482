-- Stores a decision where the stored one still is what the caller saw. KEYS: m d. ARGV: send, expected, record, seconds kept,
-- oldest instant kept (8 B), what of experiments is kept with the person: (name, value) each led by its length
-- (u16), an empty value takes the name away; then for each guard: fewer than how many other sends, after which instant, show in
-- which placement ('' any) one of which offers ('' any, else each between newlines). Returns '' where stored, '>key' where the
-- profile moved there, all sends as HGETALL does where a guard does not hold, else the record that is there: its first byte is
-- that of an instant.
if redis.call('HEXISTS', KEYS[1], '!') == 1 then return '' end
local owner = redis.call('HGET', KEYS[1], '>')
if owner then return '>' .. owner end
local now = redis.call('HGET', KEYS[2], ARGV[1])
if (now or '') ~= ARGV[2] then return now or '\0' end
local function shows(rows, placement, offers)
  for name, row in pairs(rows) do
    local offer = row[1]
    if offer and (placement == '' or name == placement) and (offers == '' or string.find(offers, '\n' .. offer .. '\n', 1, true)) then return true end
  end
  return false
end
if #ARGV > 6 then
  local all, counts, first = redis.call('HGETALL', KEYS[2]), {}, math.huge
  for g = 7, #ARGV, 4 do first = math.min(first, tonumber(ARGV[g + 1])) end
  for i = 1, #all, 2 do
    local at = struct.unpack('>I8', all[i + 1])
    if at > first and all[i] ~= ARGV[1] then
      local rows = cmsgpack.unpack(string.sub(all[i + 1], 9))[3]
      for g = 7, #ARGV, 4 do
        if at > tonumber(ARGV[g + 1]) and shows(rows, ARGV[g + 2], ARGV[g + 3]) then
          counts[g] = (counts[g] or 0) + 1
          if counts[g] >= tonumber(ARGV[g]) then return all end
        end
      end
    end
  end
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
local at, kept = 1, ARGV[6]
while at <= #kept do
  local named = struct.unpack('>H', kept, at)
  local valued = struct.unpack('>H', kept, at + 2 + named)
  local name, value = 'v:' .. kept:sub(at + 2, at + 1 + named), kept:sub(at + 4 + named, at + 3 + named + valued)
  if valued == 0 then redis.call('HDEL', KEYS[1], name) else redis.call('HSET', KEYS[1], name, value) end
  at = at + 4 + named + valued
end
redis.call('EXPIRE', KEYS[2], ARGV[4])
if redis.call('HLEN', KEYS[2]) > 64 then
  local oldest = struct.unpack('>I8', ARGV[5])
  local all = redis.call('HGETALL', KEYS[2])
  for i = 1, #all, 2 do
    if struct.unpack('>I8', all[i + 1]) < oldest then redis.call('HDEL', KEYS[2], all[i]) end
  end
end
return ''
