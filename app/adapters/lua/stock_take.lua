-- One more of a stock for a decision, where there is one. KEYS: held free open due. ARGV: holder, now (ms), who, `codes` or
-- `count`, 1 to look only, up to when what was counted may be forgotten (0: never), then most and after of each bound.
-- `held` has holder -> code, or instants of holders; `open` how many callers took what is in doubt, and who it is for under
-- '@' and the holder; `due` since when. Returns the code ('' of a count), or nil where there is none.
local holder, now, codes, code = ARGV[1], ARGV[2], ARGV[4] == 'codes', ''
local there
if codes then there = redis.call('HGET', KEYS[1], holder) else there = redis.call('ZSCORE', KEYS[1], holder) end
if there then
  if codes then code = there end
  if not redis.call('ZSCORE', KEYS[4], holder) then return code end
elseif codes then
  code = redis.call('LPOP', KEYS[2])
  if not code then return false end
  redis.call('HSET', KEYS[1], holder, code)
else
  for i = 7, #ARGV, 2 do
    if redis.call('ZCOUNT', KEYS[1], '(' .. ARGV[i + 1], '+inf') >= tonumber(ARGV[i]) then return false end
  end
  if ARGV[5] == '1' then return '' end
  redis.call('ZADD', KEYS[1], now, holder)
  if ARGV[6] ~= '0' then redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[6]) end
end
redis.call('HINCRBY', KEYS[3], holder, 1)
redis.call('HSET', KEYS[3], '@' .. holder, ARGV[3])
redis.call('ZADD', KEYS[4], now, holder)
return code
