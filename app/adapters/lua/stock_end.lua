-- What becomes of something that is held. KEYS: held free open due (see stock_take.lua). ARGV: `codes` or `count`, what is done
-- (keep, drop, doubt, lapse), an instant (now; of lapse: since when it must have been in doubt), who, holder.
local codes, what, at, holder = ARGV[1] == 'codes', ARGV[2], ARGV[3], ARGV[5]
local function settled()
  redis.call('HDEL', KEYS[3], holder, '@' .. holder)
  redis.call('ZREM', KEYS[4], holder)
end
local function back()
  settled()
  if not codes then return redis.call('ZREM', KEYS[1], holder) end
  local code = redis.call('HGET', KEYS[1], holder)
  if code then
    redis.call('HDEL', KEYS[1], holder)
    redis.call('RPUSH', KEYS[2], code)
  end
end
if what == 'keep' then settled()
elseif what == 'drop' then
  if redis.call('HEXISTS', KEYS[3], holder) == 1 and redis.call('HINCRBY', KEYS[3], holder, -1) <= 0 then back() end
elseif what == 'doubt' then
  local there
  if codes then there = redis.call('HEXISTS', KEYS[1], holder) == 1 else there = redis.call('ZSCORE', KEYS[1], holder) end
  if there then
    redis.call('HINCRBY', KEYS[3], holder, 1)
    redis.call('HSET', KEYS[3], '@' .. holder, ARGV[4])
    redis.call('ZADD', KEYS[4], at, holder)
  end
elseif what == 'lapse' then
  local since = redis.call('ZSCORE', KEYS[4], holder)
  if since and tonumber(since) <= tonumber(at) then back() end
end
return 0
