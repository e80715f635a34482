-- Learns of draws. KEYS: live, pending, rewarded.
-- ARGV: 'show', per draw: version, offer, due, mark, member
--     | 'reward', version, offer, due, mark, member, value, now, kept until | 'settle', now, most
-- A member is: mark (12 bytes), length of the offer (1 byte), the offer, the features as little-endian float32.
-- Of an arm the live hash holds 't:': times shown, times settled, sum of rewards, then, of a linear one, the upper half of the sum of the features'
-- products over all that was shown, row by row, and the sums of features times reward: little-endian doubles.
local live, pending, rewarded = KEYS[1], KEYS[2], KEYS[3]

local function doubles(data)
  local found = {}
  for at = 1, #data, 8 do found[#found + 1] = struct.unpack('<d', data, at) end
  return found
end

local function add(member, shown, settled, value)
  local length = string.byte(member, 13)
  local offer, features = string.sub(member, 14, 13 + length), {}
  for at = 14 + length, #member, 4 do features[#features + 1] = struct.unpack('<f', member, at) end
  local size = #features
  local tally = doubles(redis.call('HGET', live, 't:' .. offer) or '')
  for i = #tally + 1, 3 + size * (size + 1) / 2 + size do tally[i] = 0 end
  tally[1], tally[2], tally[3] = tally[1] + shown, tally[2] + settled, tally[3] + value
  local at = 4
  for i = 1, size do
    for j = i, size do
      tally[at] = tally[at] + shown * features[i] * features[j]
      at = at + 1
    end
  end
  for i = 1, size do tally[at] = tally[at] + value * features[i]; at = at + 1 end
  local packed = {}
  for i = 1, #tally do packed[i] = struct.pack('<d', tally[i]) end
  redis.call('HSET', live, 't:' .. offer, table.concat(packed), 'news', 1)
end

local function is_past(version, offer)
  return tonumber(version) < math.max(tonumber(redis.call('HGET', live, 'since') or 0), tonumber(redis.call('HGET', live, 's:' .. offer) or 0))
end

if ARGV[1] == 'show' then
  for i = 2, #ARGV, 5 do
    if not is_past(ARGV[i], ARGV[i + 1]) and not redis.call('ZSCORE', rewarded, ARGV[i + 3]) and redis.call('ZADD', pending, 'NX', ARGV[i + 2], ARGV[i + 4]) == 1 then
      add(ARGV[i + 4], 1, 0, 0)
    end
  end
  return 0
end

if ARGV[1] == 'settle' then
  redis.call('ZREMRANGEBYSCORE', rewarded, '-inf', ARGV[2])
  local due = redis.call('ZRANGEBYSCORE', pending, '-inf', '(' .. ARGV[2], 'LIMIT', 0, ARGV[3])
  for i = 1, #due do
    add(due[i], 0, 1, 0)
    redis.call('ZREM', pending, due[i])
  end
  return #due
end

local outcome = 'counted'
if is_past(ARGV[2], ARGV[3]) then
  outcome = 'reset'
elseif redis.call('ZADD', rewarded, 'NX', ARGV[9], ARGV[5]) == 0 then
  outcome = 'duplicate'
else
  local open = redis.call('ZREM', pending, ARGV[6]) == 1
  local untold = not open and tonumber(ARGV[8]) <= tonumber(ARGV[4])
  add(ARGV[6], untold and 1 or 0, (open or untold) and 1 or 0, tonumber(ARGV[7]))
end
redis.call('HINCRBY', live, 'o:' .. outcome, 1)
return outcome
