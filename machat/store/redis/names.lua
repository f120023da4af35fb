-- The claims of a room: the second part of the scripts that change them.
-- The hash has a field "+KEY" for each name with the list of its claims, "@NODE" with the number of
-- claims of each node, and "=": the generation of this hash, its version, the number of names, the
-- number of claims and the number of the last claim.
-- A claim is a list: id, node, spelling, whether its user is known, secret, its number.
local who = {}
local ops = {}

local function load()
  local text = redis.call('HGET', WHO, '=')
  if text then
    local generation, version, names, claims, last =
      string.match(text, '(%S+) (%d+) (%d+) (%d+) (%d+)')
    who = {generation = generation, version = tonumber(version), before = text,
      names = tonumber(names), claims = tonumber(claims), last = tonumber(last)}
  else
    who = {generation = FRESH, version = 0, names = 0, claims = 0, last = 0}
  end
  who.previous = who.version
end

local function held(key)
  local packed = redis.call('HGET', WHO, '+' .. key)
  return packed and cmsgpack.unpack(packed) or {}
end

local function hold(key, claims)
  if #claims == 0 then
    redis.call('HDEL', WHO, '+' .. key)
  else
    redis.call('HSET', WHO, '+' .. key, cmsgpack.pack(claims))
  end
end

local function countNode(node, more)
  if redis.call('HINCRBY', WHO, '@' .. node, more) <= 0 then
    redis.call('HDEL', WHO, '@' .. node)
  end
end

-- Remove the claims of a name that a function selects.
-- Returns the other claims of the name.
local function remove(key, claims, selected, why)
  local kept = {}
  for _, claim in ipairs(claims) do
    if selected(claim) then
      who.claims = who.claims - 1
      countNode(claim[2], -1)
      ops[#ops + 1] = {'-', key, claim[1], claim[2], why, 0}
    else
      kept[#kept + 1] = claim
    end
  end
  if #kept < #claims then
    hold(key, kept)
    if #kept == 0 then
      who.names = who.names - 1
    end
  end
  return kept
end

local function add(key, claims, claim)
  who.last = who.last + 1
  who.claims = who.claims + 1
  claim[6] = who.last
  if #claims == 0 then
    who.names = who.names + 1
  end
  claims[#claims + 1] = claim
  hold(key, claims)
  countNode(claim[2], 1)
  ops[#ops + 1] = {'+', key, claim[1], claim[2], claim[3], claim[6]}
end

-- Publish the changes of the claims. A lock ends with the last claim.
-- Returns the published frame, or an empty string.
local function save()
  if #ops == 0 then
    return ''
  end
  who.version = who.version + 1
  if who.claims > 0 then
    redis.call('HSET', WHO, '=', table.concat({who.generation, who.version, who.names, who.claims,
      who.last}, ' '))
    if who.previous == 0 then
      redis.call('PEXPIRE', WHO, LIFETIME)
    end
  else
    redis.call('DEL', WHO)
    unlock()
  end
  local frame = table.concat({'p', who.generation, who.previous, who.version}, ' ') .. '\n'
    .. cmsgpack.pack(ops)
  redis.call('PUBLISH', CHANNEL, frame)
  return frame
end
