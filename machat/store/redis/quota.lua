-- Set an entry of a number, unless the sum of all entries would exceed a maximum.
-- KEYS: a hash with the entries. ARGV: the entry, its new value, the maximum, the time in ms after
-- which the entry ends, "1" if it is tentative, the lifetime of the hash in ms, and the nodes that
-- are alive. The entry of a node that is alive does not end.
-- Returns whether the entry is set, the sum of all other entries, the part of it that is tentative,
-- and the time in ms until the first of them ends, or 0.
local ENTRIES, own, count, most = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local alive = {}
for at = 7, #ARGV do
  alive[ARGV[at]] = true
end
local others, tentative, first = 0, 0, now
local all = redis.call('HGETALL', ENTRIES)
for index = 1, #all, 2 do
  local entry = all[index]
  if entry ~= own then
    local value, ends, mark = string.match(all[index + 1], '(%d+) (%d+) (%d)')
    ends = tonumber(ends)
    if alive[entry] or ends > now then
      others = others + value
      if mark == '1' then
        tentative = tentative + value
      end
      if not alive[entry] and (first == now or ends < first) then
        first = ends
      end
    else
      redis.call('HDEL', ENTRIES, entry)
    end
  end
end
local granted = count == 0 or others + count <= most
if count == 0 then
  redis.call('HDEL', ENTRIES, own)
elseif granted then
  local value = string.format('%d %d %s', count, now + ARGV[4], ARGV[5])
  redis.call('HSET', ENTRIES, own, value)
  redis.call('PEXPIRE', ENTRIES, ARGV[6])
end
return {granted and 1 or 0, others, tentative, first - now}
