-- Release claims.
-- ARGV 7: the number of nodes that are dead; their names follow. Then for each claim to release:
-- its id and the key of the name.
-- Returns the published frame.
local nodes = tonumber(ARGV[7])
local dead, any = {}, false

load()
for at = 8, 7 + nodes do
  if redis.call('HEXISTS', WHO, '@' .. ARGV[at]) == 1 then
    dead[ARGV[at]], any = true, true
  end
end
if any then
  local all = redis.call('HGETALL', WHO)
  for index = 1, #all, 2 do
    if string.sub(all[index], 1, 1) == '+' then
      local claims = cmsgpack.unpack(all[index + 1])
      remove(string.sub(all[index], 2), claims, function(claim) return dead[claim[2]] end, 'dead')
    end
  end
end
for at = 8 + nodes, #ARGV, 2 do
  local id, key = ARGV[at], ARGV[at + 1]
  remove(key, held(key), function(claim) return claim[1] == id end, 'left')
end
return save()
