-- Drops dead letters. KEYS: stream, state. ARGV: why, then ids. Those that are `trimmed` are counted by reason. Returns how many there were.
local done = 0
for a = 2, #ARGV do
  local id = ARGV[a]
  local found = redis.call('XRANGE', KEYS[1], id, id)[1]
  if found then
    redis.call('XDEL', KEYS[1], id)
    redis.call('HINCRBY', KEYS[2], 'held', -1)
    redis.call('HINCRBY', KEYS[2], 'bytes', 0 - (tonumber(found[2][4]) or 0))
    if ARGV[1] == 'trimmed' then redis.call('HINCRBY', KEYS[2], 'trimmed:' .. found[2][2], 1) end
    done = done + 1
  end
end
return done
