-- Claim names.
-- ARGV 7-8: the node and the maximum number of claims. Then for each claim: its id, the key of the
-- name, its spelling, "1" if the user is known, the hash of its secret, the hash of the secret of
-- the claim that it replaces.
-- Returns the published frame, and for each claim: the result, whether it is the only claim of its
-- name, and the number of names or, if the name is taken, its spelling.
local node, most = ARGV[7], tonumber(ARGV[8])
local results = {}

load()
for at = 9, #ARGV, 6 do
  local id, key, spelling, known = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local secret, replaces = ARGV[at + 4], ARGV[at + 5]
  local claims = held(key)
  local mine, others = nil, true
  for _, claim in ipairs(claims) do
    if claim[1] == id then
      mine = claim
    end
    others = others and claim[4] == '1'
  end
  if mine then
    if mine[2] ~= node then
      countNode(mine[2], -1)
      countNode(node, 1)
      mine[2] = node
      hold(key, claims)
      ops[#ops + 1] = {'+', key, id, node, mine[3], mine[6]}
    end
    results[#results + 1] = {'ok', #claims == 1 and 1 or 0, who.names}
  else
    if replaces ~= '' then
      claims = remove(key, claims, function(claim) return claim[5] == replaces end, 'taken')
    end
    if #claims > 0 and not (known == '1' and others) then
      results[#results + 1] = {'taken', 0, claims[1][3]}
    elseif who.claims >= most then
      results[#results + 1] = {'full', 0, who.names}
    else
      add(key, claims, {id, node, spelling, known, secret, 0})
      results[#results + 1] = {'ok', #claims == 1 and 1 or 0, who.names}
    end
  end
end
return {save(), results}
