-- End the lease of a node, which has released its claims.
-- KEYS: the leases of all nodes. ARGV: the node.
local time = redis.call('TIME')
return redis.call('HSET', KEYS[1], ARGV[1], 'x' .. time[1] * 1000)
