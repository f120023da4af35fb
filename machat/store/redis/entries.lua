-- The entries of a room, which the scripts read with one function. An entry whose content has changed
-- is not in the stream any more, but in a sorted set, and so are the entries next to it. All its members
-- have the score 0, and are thus in the order of their bytes: the position of the entry, and its fields
-- as the stream had them.

-- The two numbers of an id: of a message, and of a change after it.
local function split(id)
  local seq, sub = string.match(id, '(%d+)-(%d+)$')
  return tonumber(seq), tonumber(sub)
end

-- A position at the beginning of a member, which has 12 bytes.
local function position(seq, sub)
  return struct.pack('>I8I4', seq, sub)
end

local function entryOf(member)
  local seq, sub = struct.unpack('>I8I4', member)
  return {seq .. '-' .. sub, cmsgpack.unpack(string.sub(member, 13))}
end

local function precedes(entry, other)
  local seq, sub = split(entry[1])
  local otherSeq, otherSub = split(other[1])
  return seq < otherSeq or (seq == otherSeq and sub < otherSub)
end

-- Read the first entries from an id on, which may begin with "(", in order.
local function entriesFrom(log, changed, from, count)
  local found = redis.call('XRANGE', log, from, '+', 'COUNT', count)
  local low = '-'
  if from ~= '-' then
    local seq, sub = split(from)
    low = '[' .. position(seq, string.sub(from, 1, 1) == '(' and sub + 1 or sub)
  end
  local others = redis.call('ZRANGEBYLEX', changed, low, '+', 'LIMIT', 0, count)
  if #others == 0 then
    return found
  end
  local merged, i, j = {}, 1, 1
  local other = entryOf(others[1])
  while #merged < count and (i <= #found or other) do
    if other and (i > #found or precedes(other, found[i])) then
      merged[#merged + 1] = other
      j = j + 1
      other = others[j] and entryOf(others[j])
    else
      merged[#merged + 1] = found[i]
      i = i + 1
    end
  end
  return merged
end
