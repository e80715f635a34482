-- A member of a group is heard of; silent ones go. KEYS: members. ARGV: member, ms that it stays without being heard of
-- again (0: it leaves). Returns how many there are.
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZADD', KEYS[1], ms + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ms)
return redis.call('ZCARD', KEYS[1])
