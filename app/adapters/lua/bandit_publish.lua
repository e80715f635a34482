-- KEYS: live, now, past, pending. ARGV: 'publish', now, every, kept | 'freeze', 0 or 1 | 'reset', offer or ''
-- A posterior is: version (u32), frozen (1 byte), then of each arm: length of the offer (1 byte), the offer, length of the tally (u16), both
-- big-endian, the tally.
local live, current, past, pending = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local function number(field) return tonumber(redis.call('HGET', live, field) or 0) end

local function publish(version, frozen)
  local body, rows = {struct.pack('>I4B', version, frozen)}, redis.call('HGETALL', live)
  for i = 1, #rows, 2 do
    local offer, tally = string.sub(rows[i], 3), rows[i + 1]
    if string.sub(rows[i], 1, 2) == 't:' then body[#body + 1] = struct.pack('>B', #offer) .. offer .. struct.pack('>I2', #tally) .. tally end
  end
  body = table.concat(body)
  redis.call('SET', current, body)
  redis.call('HSET', past, version, body)
end

if ARGV[1] == 'publish' then
  if number('news') == 0 or number('frozen') == 1 or tonumber(ARGV[2]) < number('at') + tonumber(ARGV[3]) then return 0 end
  local version = redis.call('HINCRBY', live, 'version', 1)
  redis.call('HSET', live, 'news', 0, 'at', ARGV[2])
  publish(version, 0)
  redis.call('HDEL', past, version - tonumber(ARGV[4]))
  return 1
end

if ARGV[1] == 'freeze' then
  if number('frozen') == tonumber(ARGV[2]) then return 0 end
  redis.call('HSET', live, 'frozen', ARGV[2])
  local body = redis.call('GET', current) or struct.pack('>I4B', number('version'), 0)
  redis.call('SET', current, string.sub(body, 1, 4) .. string.char(ARGV[2]) .. string.sub(body, 6))
  return 1
end

local offer = ARGV[2]
local version = redis.call('HINCRBY', live, 'version', 1)
local rows = redis.call('HKEYS', live)
for i = 1, #rows do
  local kind, other = string.sub(rows[i], 1, 2), string.sub(rows[i], 3)
  if kind == 't:' and (offer == '' or offer == other) then redis.call('HDEL', live, rows[i]) end
end
redis.call('HSET', live, offer == '' and 'since' or 's:' .. offer, version)
if offer == '' then
  redis.call('DEL', pending)
else
  local all = redis.call('ZRANGE', pending, 0, -1)
  for i = 1, #all do
    local length = string.byte(all[i], 13)
    if string.sub(all[i], 14, 13 + length) == offer then redis.call('ZREM', pending, all[i]) end
  end
end
publish(version, number('frozen'))
return 1
