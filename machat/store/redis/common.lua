-- The beginning of every script about a room. Scripts are atomic: see https://redis.io/docs/latest/develop/programmability/eval-intro/
-- KEYS 1-6: the keys of the room. ARGV 1-6: the life of the engine, an unused epoch, the number of
-- the last message that the caller has seen, the channel of the room, the lifetime of its keys in
-- ms, and its name as the caller spells it.
local META, LOG, WHO, SANCTIONS, CHANGED, NOTES = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local LIFE, FRESH, KNOWN = ARGV[1], ARGV[2], tonumber(ARGV[3])
local CHANNEL, LIFETIME, NAME = ARGV[4], tonumber(ARGV[5]), ARGV[6]
-- The changed contents must not expire before the stream.
local NOTES_LIFETIME = LIFETIME + math.ceil(LIFETIME / 8)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Extend the lifetime of the keys, from time to time.
local function touch(touched)
  if now - touched > LIFETIME / 16 then
    redis.call('HSET', META, 'touched', now)
    for index = 1, 4 do
      redis.call('PEXPIRE', KEYS[index], LIFETIME)
    end
    redis.call('PEXPIRE', CHANGED, NOTES_LIFETIME)
    redis.call('PEXPIRE', NOTES, NOTES_LIFETIME)
  end
end

-- The earlier epochs, each with its last surviving number: at most 64, and only those from which a
-- client could still recover.
local function ancestors(text, epoch, seq, first)
  local kept = {}
  for name, last in string.gmatch(text, '(%S+) (%d+)') do
    if tonumber(last) >= first - 1 then
      kept[#kept + 1] = name .. ' ' .. last
    end
  end
  kept[#kept + 1] = epoch .. ' ' .. seq
  return table.concat(kept, ' ', math.max(1, #kept - 63))
end

-- Read the state of the room, and begin a new epoch if the engine has a new life, or has lost what
-- the caller has seen. The numbers continue.
local function settle(writer)
  local v = redis.call('HMGET', META, 'epoch', 'seq', 'sub', 'life', 'anc', 'first', 'bytes',
    'oldest', 'cv', 'touched', 'w:' .. (writer or ''))
  if not v[1] then
    redis.call('DEL', LOG, CHANGED, NOTES)
    redis.call('HSET', META, 'epoch', FRESH, 'seq', KNOWN, 'sub', 0, 'life', LIFE, 'anc', '',
      'first', KNOWN + 1, 'bytes', 0, 'oldest', now, 'cv', 0, 'name', NAME)
    touch(0)
    return {epoch = FRESH, seq = KNOWN, sub = 0, anc = '', first = KNOWN + 1, bytes = 0,
      oldest = now, cv = 0, last = false}
  end
  local room = {epoch = v[1], seq = tonumber(v[2]), sub = tonumber(v[3]), anc = v[5],
    first = tonumber(v[6]), bytes = tonumber(v[7]), oldest = tonumber(v[8]),
    cv = tonumber(v[9]), last = v[11]}
  if v[4] ~= LIFE or KNOWN > room.seq then
    room.anc = ancestors(room.anc, room.epoch, room.seq, room.first)
    room.epoch = FRESH
    if KNOWN > room.seq then
      room.seq, room.sub = KNOWN, 0
    end
    redis.call('HSET', META, 'epoch', FRESH, 'seq', room.seq, 'sub', room.sub, 'life', LIFE,
      'anc', room.anc)
  end
  touch(tonumber(v[10]) or 0)
  return room
end

-- Store a change after the last message. The caller stores the new state of the room.
local function addChange(room, payload, tag)
  room.sub = room.sub + 1
  room.cv = room.cv + 1
  redis.call('XADD', LOG, room.seq .. '-' .. room.sub, 'c', payload, 't', now, 'w', tag)
end

-- Publish a frame of messages and changes, which follow this position.
local function publish(room, seq, sub, messages, changes, writer, batch)
  local body = table.concat(messages)
  redis.call('PUBLISH', CHANNEL, table.concat({'m', room.epoch, seq, sub, #messages, #changes, now,
    writer, batch, room.cv, #body}, ' ') .. '\n' .. body .. table.concat(changes))
end

-- The stored form of LockSet(False), see machat.records.
local UNLOCKED = '\146\164lock\194'

-- End the lock of a room without claims.
local function unlock()
  if redis.call('HGET', META, 'lock') == '1' then
    local room = settle()
    local seq, sub = room.seq, room.sub
    redis.call('HDEL', META, 'lock')
    addChange(room, UNLOCKED, '- 0 0')
    redis.call('HSET', META, 'sub', room.sub, 'cv', room.cv)
    publish(room, seq, sub, {}, {UNLOCKED}, '-', 0)
  end
end
