-- Read messages.
-- KEYS: the state and the log of a room. ARGV: the number after which to begin, the maximum number
-- of messages, and the limits of the log: messages, and age in ms.
local last = tonumber(redis.call('HGET', KEYS[1], 'seq') or 0)
local after = math.max(tonumber(ARGV[1]), last - tonumber(ARGV[3]))
local limit = tonumber(ARGV[2])
local time = redis.call('TIME')
local oldest = time[1] * 1000 - tonumber(ARGV[4])
local found = {}
local from = (after + 1) .. '-0'
while #found < limit do
  local count = limit - #found
  local entries = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', count)
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
return found
