-- Gives names their numbers, once. KEYS: the dictionary. ARGV: names with their prefix (e: or s:), largest number.
local numbers = {}
for a = 1, #ARGV - 1 do
  local n = redis.call('HGET', KEYS[1], ARGV[a])
  if not n then
    local counter = string.sub(ARGV[a], 1, 2) == 'e:' and '#e' or '#s'
    n = redis.call('HGET', KEYS[1], counter) or '0'
    if tonumber(n) >= tonumber(ARGV[#ARGV]) then n = 0 else
      n = redis.call('HINCRBY', KEYS[1], counter, 1)
      redis.call('HSET', KEYS[1], ARGV[a], n)
    end
  end
  numbers[a] = tonumber(n)
end
return numbers
