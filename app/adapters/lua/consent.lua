-- Notes answers of a person. KEYS: m k. ARGV: how many are kept, then instant and answer in turn. Returns 0 where the
-- person was erased, and nothing is noted.
if redis.call('HEXISTS', KEYS[1], '!') == 1 then return 0 end
for i = 2, #ARGV, 2 do redis.call('ZADD', KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - ARGV[1])
return 1
