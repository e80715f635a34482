-- Puts what is kept of a person's segments and triggers in the place of what was there. KEYS: l m. ARGV: what is expected,
-- what is to be there; empty for nothing. Returns 0 where something else is there. Of an erased profile nothing is kept.
if redis.call('HEXISTS', KEYS[2], '!') == 1 then
  redis.call('DEL', KEYS[1])
  return 1
end
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2]) end
return 1
