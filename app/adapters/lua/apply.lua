-- Applies one profile's changes, once. KEYS: h t m o. ARGV: head, events..., fields...
-- Head: u32 epoch and u32 size of the dictionary of names, u32 bound of events per type, u64 age cut (ms, 0 none), u8 1
-- where the epoch was read just now, u16 number of events, u64 ms by this server's clock from which it is too late (0
-- never), then the key by which all this came where that is another. An event: u64 ts | 6 B id | u8 type | payload.
-- A field: name, value (traits: u64 ts + 6 B id + msgpack).
-- Returns a char an event: a applied, d duplicate, o too old; then 's' where the history is now one to be sealed. Or, with
-- nothing done: '!' the profile is erased, '>key' it moved there, '=claims' it passed from owner to owner, '?' its history was
-- written with another dictionary, '<' it is too late, '~' its history is sealed and has to be opened for this.
-- Stamps compare as numbers, never as strings: `<` of strings depends on the server's locale.
local FOLD, SMALL, FEW, HEAD, ID, MARK, VERSIONS, CAME = 16, 2048, 8, '>I4I4I4BB', 6, 27, 16, 50000
local SEALED, BEHIND, LONG = 128, 64, 64 -- the flag; events that its tail takes; from how many events on
local k, tk, mk, ok = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local call, find, sub, up, pk, byte, concat = redis.call, string.find, string.sub, struct.unpack, struct.pack, string.byte, table.concat
if call('EXISTS', mk) == 1 then
  local gone = call('HMGET', mk, '!', '>', '=')
  if gone[1] then return '!' end
  if gone[3] then return '=' .. call('HGET', mk, '<') end
  if gone[2] then return '>' .. gone[2] end
end
local own, by = sub(mk, 4, -2), sub(ARGV[1], 32)
if by == '' then by = own end
local epoch, names, bound, cut, sure, n, till = up('>I4I4I4I8BI2I8', ARGV[1])
if till > 0 then
  local now = call('TIME')
  if now[1] * 1000 + now[2] / 1000 >= till then return '<' end
end

local b = n > 0 and call('GET', k)
local nc, nt, nx, sealed = 0, 0, 0, 0
if b then
  local theirs, size
  theirs, size, nc, nt, nx = up(HEAD, b)
  if nt >= SEALED then nt, sealed = nt - SEALED, SEALED end
  if theirs ~= epoch then
    if sure == 0 then return '?' end
    call('DEL', k, tk)
    b, nc, nt, nx, sealed = false, 0, 0, 0, 0
  elseif size > names then names = size end
end

local function merge() -- traits, identities and consents
  if #ARGV == n + 1 then return end
  local function later(x, y)
    local a, c = up('>I8', x), up('>I8', y)
    if a ~= c then return a > c end
    for i = 9, 14 do
      a, c = byte(x, i) or 0, byte(y, i) or 0
      if a ~= c then return a > c end
    end
    return false
  end
  local function lasting(origin) return sub(origin, 1, 2) == 'u:' end
  local function keep(origin, field, value) -- a version that does not stand: of a user id's the latest, else the last VERSIONS
    local name = 'f:' .. origin .. '\0' .. field
    local row = pk('>I2', #value) .. value
    local old = call('HGET', ok, name)
    if old and lasting(origin) then
      if later(value, sub(old, 3)) then call('HSET', ok, name, row) end
      return
    end
    local rows, p = {}, 1
    while old and p <= #old do
      local l = up('>I2', old, p)
      rows[#rows + 1] = sub(old, p, p + 1 + l); p = p + 2 + l
      if rows[#rows] == row then return end
    end
    rows[#rows + 1] = row
    call('HSET', ok, name, concat(rows, '', math.max(1, #rows - VERSIONS + 1)))
  end
  local mixed = by ~= own or not lasting(own) or call('EXISTS', ok) == 1
  for f = n + 2, #ARGV, 2 do
    local field, value = ARGV[f], ARGV[f + 1]
    local old = call('HGET', mk, field)
    local wins = not old or later(value, old)
    if wins then call('HSET', mk, field, value) end
    if mixed and value ~= old then
      local whose = call('HGET', ok, 'w:' .. field) or own
      if not wins and (whose ~= by or not lasting(by)) then keep(by, field, value) end
      if wins and old and (whose ~= by or not lasting(by)) then keep(whose, field, old) end
      if wins and by ~= own then call('HSET', ok, 'w:' .. field, by) end
      if wins and by == own and whose ~= own then call('HDEL', ok, 'w:' .. field) end
    end
  end
end
if n == 0 then
  merge()
  return ''
end

-- Columns of `b`: T at 15, then I, S, O, P, and X, a row per trimmed type (u8 type, u64 and 6 B mark, u64 first, u32 count).
local function held(id, from, to) -- whether the ids at from..to-1 of `b` hold this one
  local at = find(b, id, from, true)
  while at and at < to and (at - from) % ID ~= 0 do at = find(b, id, at + 1, true) end
  return at and at < to
end
local function came(report) -- remembers by which key those events came that were applied
  if by == own then return report end
  local ids = {}
  for e = 1, n do if byte(report, e) == 97 then ids[#ids + 1] = sub(ARGV[1 + e], 9, 14) end end
  local all = (call('HGET', ok, 'e:' .. by) or '') .. concat(ids)
  if #all > ID * CAME then all = sub(all, ID * CAME / 2 + 1) end
  if #ids > 0 then call('HSET', ok, 'e:' .. by, all) end
  return report
end
local results = {}

if n <= FEW and nt + nx + sealed == 0 and nc + n <= bound and cut == 0 and (not b or #b <= SMALL) then
  merge()
  local before = nc
  if not b then b = pk(HEAD, epoch, names, 0, 0, 0) end
  for e = 1, n do
    local row, atI = ARGV[1 + e], 15 + 8 * nc
    local atS = atI + ID * nc
    local atO = atS + nc
    if held(sub(row, 9, 14), atI, atS) then
      results[e] = 'd'
    else
      local at, off, ts, id = nc, #b + 1, up('>I8I6', row)
      while at > 0 do
        local t = up('>I8', b, 7 + 8 * at)
        if t < ts or t == ts and up('>I6', b, atI - ID + ID * at) < id then break end
        off = off - up('>I2', b, atO - 2 + 2 * at)
        at = at - 1
      end
      b = pk(HEAD, epoch, names, nc + 1, 0, 0) .. sub(b, 15, 14 + 8 * at) .. sub(row, 1, 8)
        .. sub(b, 15 + 8 * at, atI - 1 + ID * at) .. sub(row, 9, 14) .. sub(b, atI + ID * at, atS - 1 + at) .. sub(row, 15, 15)
        .. sub(b, atS + at, atO - 1 + 2 * at) .. pk('>I2', #row - 15) .. sub(b, atO + 2 * at, off - 1) .. sub(row, 16) .. sub(b, off)
      nc = nc + 1
      results[e] = 'a'
    end
  end
  if nc > before then call('SET', k, b) end
  return came(concat(results))
end

local atI = 15 + 8 * nc
local atS = atI + ID * nc
local atO = atS + nc
local atP = atO + 2 * nc
local atX = b and #b + 1 - MARK * nx or 15
local tail, marks, fresh, add = '', {}, {}, {}
if nt > 0 then tail = call('GET', tk) or '' end
for at = atX, atX + MARK * (nx - 1), MARK do
  local code, ts, id = up('>BI8I6', b, at)
  marks[code] = {ts = ts, id = id, stamp = sub(b, at + 1, at + 14), first = sub(b, at + 15, at + 22), count = up('>I4', b, at + 23)}
end
for e = 1, n do
  local row = ARGV[1 + e]
  local id, mark = sub(row, 9, 14), marks[byte(row, 15)]
  if fresh[id] or (b and held(id, atI, atS)) or (nt > 0 and find(tail, id, 1, true)) then
    results[e] = 'd'
  else
    local ts, number = up('>I8I6', row)
    if mark and (ts < mark.ts or ts == mark.ts and number <= mark.id) then
      results[e] = 'o'
    else
      results[e] = 'a'; fresh[id] = true; add[#add + 1] = {ts, number, row}
    end
  end
end
local m = #add
local newer = b and #b > SMALL and nt + m <= (sealed > 0 and BEHIND or FOLD) and nc + nt + m <= bound and cut == 0
if newer and nc > 0 then
  local ts, id = up('>I8', b, atI - 8), up('>I6', b, atS - ID)
  for i = 1, m do newer = newer and (add[i][1] > ts or add[i][1] == ts and add[i][2] > id) end
end
if m > 0 and sealed > 0 and not newer then return '~' end
merge()
local report = came(concat(results))
if m == 0 then return report end
if newer then
  local parts = {}
  for i = 1, m do parts[i] = pk('>I2', #add[i][3]) .. add[i][3] end
  call('SETRANGE', k, 0, pk(HEAD, epoch, names, nc, sealed + nt + m, nx))
  call('APPEND', tk, concat(parts))
  return report
end

local T, I, S, O, P, X = '', '', '', '', '', ''
if b then
  T, I, S, O, P, X = sub(b, 15, atI - 1), sub(b, atI, atS - 1), sub(b, atS, atO - 1), sub(b, atO, atP - 1), sub(b, atP, atX - 1), sub(b, atX)
end
local p = 1
while p <= #tail do
  local l = up('>I2', tail, p)
  local ts, id = up('>I8I6', tail, p + 2)
  add[#add + 1] = {ts, id, sub(tail, p + 2, p + 1 + l)}; p = p + 2 + l
end
table.sort(add, function(x, y) return x[1] < y[1] or x[1] == y[1] and x[2] < y[2] end)
local i
i, m = 1, #add
while i <= m do
  local ts, id, at, off = add[i][1], add[i][2], nc, #P
  while at > 0 do
    local t, other = up('>I8', T, 8 * at - 7), up('>I6', I, ID * at - 5)
    if t < ts or t == ts and other < id then break end
    off = off - up('>I2', O, 2 * at - 1)
    at = at - 1
  end
  local upto = i
  if at == nc then upto = m else
    local t, other = up('>I8', T, 8 * at + 1), up('>I6', I, ID * at + 1)
    while upto < m and (add[upto + 1][1] < t or add[upto + 1][1] == t and add[upto + 1][2] < other) do upto = upto + 1 end
  end
  local t, d, s, o, q = {}, {}, {}, {}, {}
  for j = i, upto do
    local row, c = add[j][3], #t + 1
    t[c] = sub(row, 1, 8); d[c] = sub(row, 9, 14); s[c] = sub(row, 15, 15); o[c] = pk('>I2', #row - 15); q[c] = sub(row, 16)
  end
  T = sub(T, 1, 8 * at) .. concat(t) .. sub(T, 8 * at + 1); I = sub(I, 1, ID * at) .. concat(d) .. sub(I, ID * at + 1)
  S = sub(S, 1, at) .. concat(s) .. sub(S, at + 1); O = sub(O, 1, 2 * at) .. concat(o) .. sub(O, 2 * at + 1)
  P = sub(P, 1, off) .. concat(q) .. sub(P, off + 1); nc = nc + #t; i = upto + 1
end

local over, trim = {}, cut > 0 and up('>I8', T) <= cut
if nc > bound then
  local count = {}
  for j = 1, nc do local c = byte(S, j); count[c] = (count[c] or 0) + 1 end
  for c, many in pairs(count) do if many > bound then over[c] = many - bound; trim = true end end
end
if trim then
  local t, d, s, o, q, off = {}, {}, {}, {}, {}, 1
  for j = 1, nc do
    local ts, c, l = sub(T, 8 * j - 7, 8 * j), byte(S, j), up('>I2', O, 2 * j - 1)
    if (over[c] or 0) > 0 or (cut > 0 and up('>I8', ts) <= cut) then
      if over[c] then over[c] = over[c] - 1 end
      local mark = marks[c] or {first = ts, count = 0}
      if up('>I8', ts) < up('>I8', mark.first) then mark.first = ts end
      mark.stamp = ts .. sub(I, ID * j - 5, ID * j); mark.count = mark.count + 1; marks[c] = mark
    else
      local c2 = #t + 1
      t[c2] = ts; d[c2] = sub(I, ID * j - 5, ID * j); s[c2] = sub(S, j, j); o[c2] = sub(O, 2 * j - 1, 2 * j); q[c2] = sub(P, off, off + l - 1)
    end
    off = off + l
  end
  T, I, S, O, P, nc = concat(t), concat(d), concat(s), concat(o), concat(q), #t
  local rows, codes = {}, {}
  for c in pairs(marks) do codes[#codes + 1] = c end
  table.sort(codes)
  for _, c in ipairs(codes) do
    rows[#rows + 1] = string.char(c) .. marks[c].stamp .. marks[c].first .. pk('>I4', marks[c].count)
  end
  X, nx = concat(rows), #rows
end
if nt > 0 then call('DEL', tk) end
call('SET', k, pk(HEAD, epoch, names, nc, 0, nx) .. T .. I .. S .. O .. P .. X)
return nc >= LONG and nc + BEHIND <= bound and cut == 0 and report .. 's' or report
