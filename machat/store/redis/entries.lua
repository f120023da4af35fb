-- The entries of a room, which the scripts read with one function. An entry whose content has changed
-- is not in the stream any more, but in a sorted set: by its number, as "NUMBER TIME CONTENT". So are
-- the entries next to it.

-- Split an entry of the sorted set: its number, its time and its content.
local function split(member)
  local seq, at, payload = string.match(member, '^(%d+) (%d+) (.*)$')
  return tonumber(seq), at, payload
end

-- Read the first entries from an id on, which may begin with "(", in order.
local function entriesFrom(log, changed, from, count)
  local found = redis.call('XRANGE', log, from, '+', 'COUNT', count)
  local low = '-inf'
  if from ~= '-' then
    local open, seq = string.match(from, '^(%(?)(%d+)')
    low = open .. seq
  end
  local others = redis.call('ZRANGEBYSCORE', changed, low, '+inf', 'LIMIT', 0, count)
  if #others == 0 then
    return found
  end
  local merged, i, j = {}, 1, 1
  while #merged < count and (i <= #found or j <= #others) do
    local seq, at, payload
    if j <= #others then
      seq, at, payload = split(others[j])
    end
    if i > #found or (seq and seq <= tonumber(string.match(found[i][1], '^%d+'))) then
      merged[#merged + 1] = {seq .. '-0', {'d', payload, 't', at}}
      j = j + 1
    else
      merged[#merged + 1] = found[i]
      i = i + 1
    end
  end
  return merged
end
