-- Stores a decision where the stored one still is what the caller saw. KEYS: m d x. ARGV: send, expected, record, trace,
-- seconds kept, oldest instant kept (8 B). Returns '' where stored, '>key' where the profile moved there, else the record that
-- is there: its first byte is that of an instant.
if redis.call('HEXISTS', KEYS[1], '!') == 1 then return '' end
local owner = redis.call('HGET', KEYS[1], '>')
if owner then return '>' .. owner end
local now = redis.call('HGET', KEYS[2], ARGV[1])
if (now or '') ~= ARGV[2] then return now or '\0' end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[3], ARGV[1], (redis.call('HGET', KEYS[3], ARGV[1]) or '') .. ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[5])
redis.call('EXPIRE', KEYS[3], ARGV[5])
if redis.call('HLEN', KEYS[2]) > 64 then
  local oldest = struct.unpack('>I8', ARGV[6])
  local all = redis.call('HGETALL', KEYS[2])
  for i = 1, #all, 2 do
    if struct.unpack('>I8', all[i + 1]) < oldest then
      redis.call('HDEL', KEYS[2], all[i]); redis.call('HDEL', KEYS[3], all[i])
    end
  end
end
return ''
