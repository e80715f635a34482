-- Takes a decision back, if it still is what the caller saw. KEYS: m d o. ARGV: send, expected. Returns '' where done, '>key'
-- where the profile moved there, else the record that is there ('\0': none). What others brought for the send goes too.
local owner = redis.call('HGET', KEYS[1], '>')
if owner then return '>' .. owner end
local now = redis.call('HGET', KEYS[2], ARGV[1])
if (now or '') ~= ARGV[2] then return now or '\0' end
redis.call('HDEL', KEYS[2], ARGV[1])
local tail = '\0' .. ARGV[1]
for _, field in ipairs(redis.call('HKEYS', KEYS[3])) do
  if string.sub(field, 1, 2) == 'r:' and string.sub(field, -#tail) == tail then redis.call('HDEL', KEYS[3], field) end
end
return ''
