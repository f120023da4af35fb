-- Read messages.
-- KEYS: the keys of the room. ARGV: the number after which to begin, the maximum number
-- of messages, and the limits of the log: messages, and age in ms.
-- Returns the entries of the stream, each with the reactions to it, if there are any.
local last = tonumber(redis.call('HGET', KEYS[1], 'seq') or 0)
local after = math.max(tonumber(ARGV[1]), last - tonumber(ARGV[3]))
if after >= last then
  return {}  -- the number may be too large for an id of the stream
end
local limit = tonumber(ARGV[2])
local time = redis.call('TIME')
local oldest = time[1] * 1000 - tonumber(ARGV[4])
local found = {}
local from = (after + 1) .. '-0'
while #found < limit do
  local count = limit - #found
  local entries = entriesFrom(KEYS[2], KEYS[5], from, count)
  for _, entry in ipairs(entries) do
    if entry[2][1] == 'd' and tonumber(entry[2][4]) >= oldest then
      found[#found + 1] = entry
    end
    from = '(' .. entry[1]
  end
  if #entries < count then
    break
  end
end
if #found > 0 and redis.call('EXISTS', KEYS[6]) == 1 then
  for _, entry in ipairs(found) do
    entry[3] = redis.call('HGET', KEYS[6], 'r' .. string.match(entry[1], '^%d+'))
  end
end
return found
