-- Codes that a pool has not had yet. KEYS: known free. ARGV: codes. Returns how many were new.
local new = 0
for i = 1, #ARGV do
  if redis.call('SADD', KEYS[1], ARGV[i]) == 1 then
    redis.call('RPUSH', KEYS[2], ARGV[i])
    new = new + 1
  end
end
return new
