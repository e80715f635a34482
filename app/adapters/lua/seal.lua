-- Puts a history's payloads in another form, if it still is what the caller read. KEYS: h. ARGV: digest of what was read behind
-- the header, then the new string. What came to the tail meanwhile stays there. Returns 1 where done.
local b = redis.call('GET', KEYS[1])
if not b or redis.sha1hex(b:sub(15)) ~= ARGV[1] then return 0 end
local behind = b:byte(13) % 128
redis.call('SET', KEYS[1], b:sub(1, 12) .. string.char(ARGV[2]:byte(13) + behind) .. b:sub(14, 14) .. ARGV[2]:sub(15))
return 1
