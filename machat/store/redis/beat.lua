-- Renew the lease of a node, and publish an echo on its own channel.
-- KEYS: the leases of all nodes. ARGV: the node, the length of the lease in ms, "new" if the node is
-- new, "1" if it may declare others dead, its channel, and the echo.
-- Returns whether the node is still alive, the time in ms, the life of the engine, and the names of
-- all nodes that are alive and of those that are dead.
local NODES, node, lease = KEYS[1], ARGV[1], tonumber(ARGV[2])
-- A dead node is forgotten after an hour.
local FORGOTTEN = 3600000
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local life = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
local own = redis.call('HGET', NODES, node)
local alive = ARGV[3] == 'new' or (own and string.sub(own, 1, 1) ~= 'x')
if alive then
  redis.call('HSET', NODES, node, now + lease)
end
local nodes, dead = {}, {}
local all = redis.call('HGETALL', NODES)
for index = 1, #all, 2 do
  local name, value = all[index], all[index + 1]
  if string.sub(value, 1, 1) == 'x' then
    dead[#dead + 1] = name
    if tonumber(string.sub(value, 2)) < now - FORGOTTEN then
      redis.call('HDEL', NODES, name)
    end
  elseif tonumber(value) < now and ARGV[4] == '1' then
    redis.call('HSET', NODES, name, 'x' .. now)
    dead[#dead + 1] = name
  else
    nodes[#nodes + 1] = name
  end
end
redis.call('PUBLISH', ARGV[5], ARGV[6])
return {alive and 1 or 0, now, life, nodes, dead}
