-- Edits, redactions and reactions: a part of append.lua.
-- An entry is a list of sender and text, and for an entry other than a plain message its kind (1: a
-- message, 2: an edit, 3: a redaction, 4: a reaction) and its other fields: see machat.store.packing.
-- The hash NOTES has the fields "eNUMBER": the number of the last edit of a message, and "rNUMBER": its
-- reactions, a list of lists of emoji, sender and name.

-- The maximum number of reactions to a message, see machat.entries.
local REACTIONS = 50

-- The stored form of an entry, its time and its content; nothing if it is not stored.
local function stored(seq)
  local entry = entriesFrom(LOG, CHANGED, seq .. '-0', 1)[1]
  if entry and entry[1] == seq .. '-0' and entry[2][1] == 'd' then
    return entry[2][2], entry[2][4], cmsgpack.unpack(entry[2][2])
  end
end

-- The maximum number of entries and bytes of a node of a stream, by default: see
-- stream-node-max-entries and stream-node-max-bytes in redis.conf.
local NODE_ENTRIES, NODE_BYTES = 100, 4096

-- Keep the content of an entry outside the stream.
local function keep(seq, sub, fields)
  redis.call('ZADD', CHANGED, 0, position(seq, sub) .. cmsgpack.pack(fields))
end

-- Remove the entries from the stream that may be in the same node as a deleted entry before or after
-- them.
local function vacate(neighbours)
  local size = 0
  for _, entry in ipairs(neighbours) do
    size = size + #entry[2][2]
    if size > NODE_BYTES then
      return
    end
    redis.call('XDEL', LOG, entry[1])
    local seq, sub = split(entry[1])
    keep(seq, sub, entry[2])
  end
end

-- Replace the content of an entry. Redis keeps the bytes of a deleted entry, in memory and in
-- snapshots, until the whole node of the stream is deleted.
local function replace(room, seq, at, old, payload)
  if redis.call('XDEL', LOG, seq .. '-0') == 1 then
    vacate(redis.call('XREVRANGE', LOG, seq .. '-0', '-', 'COUNT', NODE_ENTRIES))
    vacate(redis.call('XRANGE', LOG, seq .. '-0', '+', 'COUNT', NODE_ENTRIES))
  end
  redis.call('ZREMRANGEBYLEX', CHANGED, '[' .. position(seq, 0), '(' .. position(seq, 1))
  keep(seq, 0, {'d', payload, 't', at})
  redis.call('PEXPIRE', CHANGED, NOTES_LIFETIME)
  room.bytes = room.bytes + #payload - #old
end

-- Remove the text of the last edit of a message.
local function forgetEdit(room, target)
  local seq = redis.call('HGET', NOTES, 'e' .. target)
  if seq then
    local old, at, edit = stored(tonumber(seq))
    if old then
      replace(room, tonumber(seq), at, old, cmsgpack.pack({edit[1], '', 2, target, 1}))
    end
    redis.call('HDEL', NOTES, 'e' .. target)
  end
end

-- Add or remove a reaction. Returns a code if it is refused; true if nothing changes.
local function react(target, emoji, name, sender, remove)
  local packed = redis.call('HGET', NOTES, 'r' .. target)
  local others, present = {}, false
  for _, reaction in ipairs(packed and cmsgpack.unpack(packed) or {}) do
    if reaction[1] == emoji and reaction[2] == sender then
      present = true
    else
      others[#others + 1] = reaction
    end
  end
  if present ~= remove then
    return true
  end
  if not remove then
    if #others >= REACTIONS then
      return 'too-many-reactions'
    end
    others[#others + 1] = {emoji, sender, name}
  end
  if #others > 0 then
    redis.call('HSET', NOTES, 'r' .. target, cmsgpack.pack(others))
  else
    redis.call('HDEL', NOTES, 'r' .. target)
  end
  redis.call('PEXPIRE', NOTES, NOTES_LIFETIME)
  return false
end

-- Make a change to a message, which will have the number after the last one. Returns a code if it is
-- refused; true if nothing changes.
local function change(room, item, sender, oldest, lowest)
  local kind, target = item[3], item[4]
  if target < lowest or target > room.seq then
    return 'no-such-message'
  end
  local old, at, message = stored(target)
  if not old or tonumber(at) < oldest or (message[3] or 0) > 1 or message[2] == nil then
    return 'no-such-message'
  end
  if kind == 4 then
    return react(target, item[2], item[1], sender, item[5] == 1)
  end
  forgetEdit(room, target)
  if kind == 2 then
    replace(room, target, at, old, cmsgpack.pack({message[1], item[2], 1, message[4] or '',
      message[5] or 0, 1}))
    redis.call('HSET', NOTES, 'e' .. target, room.seq + 1)
    redis.call('PEXPIRE', NOTES, NOTES_LIFETIME)
  else
    -- A list of the sender and nil.
    replace(room, target, at, old, '\146' .. cmsgpack.pack(message[1]) .. '\192')
    redis.call('HDEL', NOTES, 'r' .. target)
  end
  return false
end

-- Forget the changed contents and the notes of entries before a number.
local function forget(first)
  redis.call('ZREMRANGEBYLEX', CHANGED, '-', '(' .. position(first, 0))
  for _, field in ipairs(redis.call('HKEYS', NOTES)) do
    if tonumber(string.sub(field, 2)) < first then
      redis.call('HDEL', NOTES, field)
    end
  end
end
