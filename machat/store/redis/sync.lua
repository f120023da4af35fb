-- Read the changes of a room that the caller has missed.
-- ARGV 7-10: the number of changes after the last message that the caller has seen, the number of
-- changes in total that it has seen, or -1; the maximum number of entries; and the version of the
-- claims that it has seen.
-- Returns a list: epoch; the position (two numbers); the ancestors; the name; the entries after what
-- the caller has seen; the number of changes in total; topic, lock, sanctions, listing and key, or
-- nothing if they follow from the entries; the version of the claims; the claims, or nothing if the caller has
-- seen them.
local sub, seen, limit, version = ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10]
local known = seen >= 0
if not known and redis.call('EXISTS', WHO) == 0 then
  unlock()
end
local room = settle()
local entries = {}
if limit > 0 then
  entries = entriesFrom(LOG, CHANGED, '(' .. KNOWN .. '-' .. sub, limit)
end
local record = false
for _, entry in ipairs(entries) do
  if entry[2][1] == 'c' then
    seen = seen + 1
  end
end
if not known or (#entries < limit and seen ~= room.cv) then
  local values = redis.call('HMGET', META, 'topic', 'lock', 'listed', 'key')
  local sanctions = {}
  local all = redis.call('HGETALL', SANCTIONS)
  for index = 1, #all, 2 do
    local ends, payload = string.match(all[index + 1], '^(%S+) (.*)$')
    if tonumber(ends) < now / 1000 then
      redis.call('HDEL', SANCTIONS, all[index])
    else
      sanctions[#sanctions + 1] = payload
    end
  end
  record = {values[1], values[2], sanctions, values[3], values[4]}
end
local current = string.match(redis.call('HGET', WHO, '=') or '- 0', '^%S+ %d+')
local claims = false
if current ~= version then
  claims = redis.call('HGETALL', WHO)
end
local name = redis.call('HGET', META, 'name')
return {room.epoch, room.seq, room.sub, room.anc, name, entries, room.cv, record, current, claims}
