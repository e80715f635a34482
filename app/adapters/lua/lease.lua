-- A lease: its key holds the owner, and lives as long as the lease and a little longer. KEYS: lease. ARGV: what to do
-- (take one that nobody holds, renew or give one's own), owner, ms, ms of grace.
-- Returns until when it is held, ms by this server's clock; 0 where it is not the owner's.
local held = redis.call('GET', KEYS[1])
if ARGV[1] == 'take' then
  if held then return 0 end
elseif held ~= ARGV[2] then return 0 end
if ARGV[1] == 'give' then return redis.call('DEL', KEYS[1]) * 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3] + ARGV[4])
local now = redis.call('TIME')
return now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[3]
