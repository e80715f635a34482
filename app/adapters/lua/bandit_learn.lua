-- Learns of draws. KEYS: live, pending, rewarded.
-- ARGV: 'reward', version, offer, due, mark, member, value, now, kept until | 'settle', now, most
-- A member is: mark (12 bytes), length of the offer (1 byte), the offer, the features as little-endian float32.
-- Of an arm the live hash holds 'n:' times shown, and 't:': times settled, sum of rewards, then, of a linear one, the upper half of the sum of the
-- features' products, row by row, and the sums of features times reward: little-endian doubles.
local live, pending, rewarded = KEYS[1], KEYS[2], KEYS[3]

local function doubles(data)
  local found = {}
  for at = 1, #data, 8 do found[#found + 1] = struct.unpack('<d', data, at) end
  return found
end

local function add(offer, features, settled, value)
  local size = #features
  local wanted = 2 + size * (size + 1) / 2 + size
  local tally = doubles(redis.call('HGET', live, 't:' .. offer) or '')
  for i = #tally + 1, wanted do tally[i] = 0 end
  tally[1] = tally[1] + settled
  tally[2] = tally[2] + value
  local at = 3
  for i = 1, size do
    for j = i, size do
      if settled == 1 then tally[at] = tally[at] + features[i] * features[j] end
      at = at + 1
    end
  end
  for i = 1, size do tally[at] = tally[at] + value * features[i]; at = at + 1 end
  local packed = {}
  for i = 1, #tally do packed[i] = struct.pack('<d', tally[i]) end
  redis.call('HSET', live, 't:' .. offer, table.concat(packed), 'news', 1)
end

local function parted(member)
  local length = string.byte(member, 13)
  local features = {}
  for at = 14 + length, #member, 4 do features[#features + 1] = struct.unpack('<f', member, at) end
  return string.sub(member, 14, 13 + length), features
end

if ARGV[1] == 'settle' then
  redis.call('ZREMRANGEBYSCORE', rewarded, '-inf', ARGV[2])
  local due = redis.call('ZRANGEBYSCORE', pending, '-inf', '(' .. ARGV[2], 'LIMIT', 0, ARGV[3])
  for i = 1, #due do
    local offer, features = parted(due[i])
    add(offer, features, 1, 0)
    redis.call('ZREM', pending, due[i])
  end
  return #due
end

local version, offer, due, mark, member = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local outcome = 'counted'
if version < math.max(tonumber(redis.call('HGET', live, 'since') or 0), tonumber(redis.call('HGET', live, 's:' .. offer) or 0)) then
  outcome = 'reset'
elseif redis.call('ZADD', rewarded, 'NX', ARGV[9], mark) == 0 then
  outcome = 'duplicate'
else
  local _, features = parted(member)
  local open = redis.call('ZREM', pending, member) == 1
  if not open and tonumber(ARGV[8]) <= due then
    open = true -- nobody told of the draw
    redis.call('HINCRBY', live, 'n:' .. offer, 1)
  end
  add(offer, features, open and 1 or 0, tonumber(ARGV[7]))
end
redis.call('HINCRBY', live, 'o:' .. outcome, 1)
return outcome
