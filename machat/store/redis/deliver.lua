-- Claim the deliveries of a room, or record one.
-- KEYS: the state of the room, and the claim. ARGV: the process, the length of a claim in ms, and the
-- number of the last message that was delivered, or '' to claim; then "1" if the claim continues.
-- Returns the number of the last message that was delivered; nothing if another process delivers.
local STATE, CLAIM = KEYS[1], KEYS[2]
local process, length, seq = ARGV[1], ARGV[2], ARGV[3]
local holder = redis.call('GET', CLAIM)
if holder and holder ~= process then
  return false
end
if seq ~= '' then
  if holder and redis.call('EXISTS', STATE) == 1 then
    redis.call('HSET', STATE, 'delivered', seq)
  end
  if ARGV[4] ~= '1' then
    redis.call('DEL', CLAIM)
    return tonumber(seq)
  end
end
redis.call('SET', CLAIM, process, 'PX', length)
return tonumber(redis.call('HGET', STATE, 'delivered') or '0')
