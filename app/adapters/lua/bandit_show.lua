-- KEYS: live, pending, rewarded. ARGV: per draw: version, offer, due, mark, member. Draws come to be pending, each once.
local live, pending, rewarded = KEYS[1], KEYS[2], KEYS[3]
local since = tonumber(redis.call('HGET', live, 'since') or 0)
for i = 1, #ARGV, 5 do
  local version, offer = tonumber(ARGV[i]), ARGV[i + 1]
  local from = tonumber(redis.call('HGET', live, 's:' .. offer) or 0)
  if version >= math.max(since, from) and not redis.call('ZSCORE', rewarded, ARGV[i + 3]) then
    if redis.call('ZADD', pending, 'NX', ARGV[i + 2], ARGV[i + 4]) == 1 then
      redis.call('HINCRBY', live, 'n:' .. offer, 1)
      redis.call('HSET', live, 'news', 1)
    end
  end
end
return 0
