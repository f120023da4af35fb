-- Number and store a batch.
-- KEYS 7-: the ids of each sender. ARGV 7-15: the writer and the number of its batch, the number of
-- messages and of changes, the limits of the log (messages, bytes, age in ms) and of the ids
-- (lifetime in ms, number for a sender). Then for each message: its stored form, its id or an
-- empty string, the index of the key with the ids of its sender. Then for each change: its stored
-- form, and its effect: a command, a field and a value.
-- Returns the epoch, the position before the batch (two numbers), the time, the duplicates as
-- "index=number" and the refused entries as "index!code", and the number of changes that the room has
-- had.
local writer, batch = ARGV[7], tonumber(ARGV[8])
local count, changeCount = tonumber(ARGV[9]), tonumber(ARGV[10])
local most, mostBytes, age = tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
local remembered, receipts = tonumber(ARGV[14]), tonumber(ARGV[15])

-- The size of an entry without its payload, in bytes: measured.
local OVERHEAD = 50
-- The results of writers that have not written for so long are forgotten.
local FORGOTTEN = 600000

-- Remember an id. Beyond the limit, forget the oldest ids of this sender, several at once.
local function remember(key, id, seq)
  redis.call('HSET', key, id, seq)
  redis.call('PEXPIRE', key, remembered)
  local excess = redis.call('HLEN', key) - receipts
  if excess > math.floor(receipts / 8) then
    local all, numbers = redis.call('HGETALL', key), {}
    for index = 2, #all, 2 do
      numbers[#numbers + 1] = tonumber(all[index])
    end
    table.sort(numbers)
    for index = 2, #all, 2 do
      if tonumber(all[index]) <= numbers[excess] then
        redis.call('HDEL', key, all[index - 1])
      end
    end
  end
end

-- Delete the oldest entries that exceed a limit, and some more, so that this is not necessary for
-- every batch. A reader skips the messages above the first limit.
local function trim(room)
  local lowest = room.seq - most + 1
  if room.first + math.floor(most / 16) >= lowest and room.bytes <= mostBytes
      and room.oldest >= now - age then
    return
  end
  local target = mostBytes - math.floor(mostBytes / 16)
  local from, done = '-', false
  while not done do
    local entries = entriesFrom(LOG, CHANGED, from, 64)
    for _, entry in ipairs(entries) do
      local seq = tonumber(string.match(entry[1], '^%d+'))
      local at = tonumber(entry[2][4])
      if seq >= lowest and room.bytes <= target and at >= now - age then
        room.first, room.oldest, done = seq, at, true
        break
      end
      room.bytes = math.max(0, room.bytes - #entry[2][2] - OVERHEAD)
      from = '(' .. entry[1]
    end
    if not done and #entries < 64 then
      room.first, room.oldest, room.bytes, done = room.seq + 1, now, 0, true
    end
  end
  redis.call('XTRIM', LOG, 'MINID', room.first)
  forget(room.first)
  redis.call('HSET', META, 'first', room.first, 'oldest', room.oldest)
end

local function forgetWriters()
  local fields = redis.call('HGETALL', META)
  for index = 1, #fields, 2 do
    if string.sub(fields[index], 1, 2) == 'w:' then
      local at = tonumber(string.match(fields[index + 1], '^%d+ %d+ %d+ (%d+)'))
      if at < now - FORGOTTEN then
        redis.call('HDEL', META, fields[index])
      end
    end
  end
end

local room = settle(writer)
if room.last then
  local number, seq, sub, at, dups, cv = string.match(room.last, '(%d+) (%d+) (%d+) (%d+) (%S*) (%d+)')
  if tonumber(number) == batch then
    return {room.epoch, tonumber(seq), tonumber(sub), tonumber(at), dups, tonumber(cv)}
  elseif tonumber(number) > batch then
    return redis.error_reply('LATE a later batch of this writer is stored')
  end
else
  forgetWriters()
end

local seq, sub = room.seq, room.sub
local messages, changes, dups = {}, {}, {}
local at = 16
for index = 1, count do
  local payload, id, key = ARGV[at], ARGV[at + 1], KEYS[tonumber(ARGV[at + 2])]
  at = at + 3
  local old = id ~= '' and redis.call('HGET', key, id)
  local refusal = false
  if not old and string.byte(payload) > 146 then
    local item = cmsgpack.unpack(payload)
    if item[3] > 1 then
      refusal = change(room, item, key, now - age, room.seq - most + 1)
      old = refusal == true and item[4]
    end
  end
  if old then
    dups[#dups + 1] = (index - 1) .. '=' .. old
  elseif refusal then
    dups[#dups + 1] = (index - 1) .. '!' .. refusal
  else
    room.seq, room.sub = room.seq + 1, 0
    redis.call('XADD', LOG, room.seq .. '-0', 'd', payload, 't', now)
    room.bytes = room.bytes + #payload + OVERHEAD
    messages[#messages + 1] = payload
    if id ~= '' then
      remember(key, id, room.seq)
    end
  end
end
for index = 1, changeCount do
  local payload, command, field, value = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  at = at + 4
  addChange(room, payload, writer .. ' ' .. batch .. ' ' .. (index - 1))
  room.bytes = room.bytes + #payload + OVERHEAD
  changes[index] = payload
  if command == 'impose' then
    redis.call('HSET', SANCTIONS, field, value)
    redis.call('PEXPIRE', SANCTIONS, LIFETIME)
  elseif command == 'lift' then
    redis.call('HDEL', SANCTIONS, field)
  elseif command == 'set' then
    redis.call('HSET', META, field, value)
  elseif command == 'unset' then
    redis.call('HDEL', META, field)
  end
end
local result = {room.epoch, seq, sub, now, table.concat(dups, ','), room.cv}
trim(room)
redis.call('HSET', META, 'seq', room.seq, 'sub', room.sub, 'bytes', room.bytes, 'cv', room.cv,
  'w:' .. writer, batch .. ' ' .. table.concat(result, ' ', 2))
if #messages + #changes > 0 then
  redis.call('PEXPIRE', LOG, LIFETIME)
  publish(room, seq, sub, messages, changes, writer, batch)
end
return result
