-- Keeps how far a partition was read. KEYS: checkpoints. ARGV: partition, value, ms by this server's clock from which it is too
-- late (0 never). Returns 1 where done, 0 where it is too late.
if tonumber(ARGV[3]) > 0 then
  local now = redis.call('TIME')
  if now[1] * 1000 + now[2] / 1000 >= tonumber(ARGV[3]) then return 0 end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
