#!lua flags=allow-oom
-- Removes a component's groups on channels of one partition, with all that is there to make them again: retention then holds nothing for it.
-- May be sent twice. The header lets it run when memory is full, as what it frees may be wanted then.
--
-- KEYS[1]  row (slices/row.lua); then for each channel: its stream, its attempts, its parked set
-- ARGV     group, "1" when the whole component is retired, the row's beat as it was seen or "", how many members live, these; then the channels
-- Reply    "" when it is done; else a member that lives and would make a group again: where the whole component is retired the owner, whose
--          beat has changed since it was seen, else one that reads in a group. Nothing was removed then
--
-- The members' beats lie in another slot. That none lives was asked before; one that has begun since then has changed the row, or does so
-- after this, as the row that it saw is not there any more.
local row, group, isWhole, seenBeat, liveCount = KEYS[1], ARGV[1], ARGV[2] == '1', ARGV[3], math.min(tonumber(ARGV[4]), #ARGV)
local firstChannel = 5 + liveCount
local owner = redis.call('HMGET', row, 'owner', 'beat')
if isWhole and (owner[2] or '') ~= seenBeat then
  local member = string.match(owner[1] or '', '^[^/]+')
  return member or 'a member that has just left'
end
local live = {}
for a = 5, firstChannel - 1 do live[ARGV[a]] = true end

local groups = {}
for k = 2, #KEYS, 3 do
  local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[k], group)
  local isMissing = consumers.err and (string.find(consumers.err, 'NOGROUP', 1, true) or string.find(consumers.err, 'no such key', 1, true))
  if consumers.err and not isMissing then return consumers end
  groups[k] = not isMissing
  for _, consumer in ipairs(groups[k] and consumers or {}) do
    if live[consumer[2]] then return consumer[2] end
  end
end

for k = 2, #KEYS, 3 do
  -- The group first: were the rest refused, it would be tried again, and what is pending would not be without its records.
  if groups[k] then redis.call('XGROUP', 'DESTROY', KEYS[k], group) end
  redis.call('DEL', KEYS[k + 1])
  redis.call('DEL', KEYS[k + 2]) -- one by one: the user's rules are for each by itself
  local channel = ARGV[firstChannel + (k - 2) / 3]
  redis.call('HDEL', row, 'at:' .. channel, 'read:' .. channel, 'open:' .. channel, 'lost:' .. channel, 'counts:' .. channel)
end
if isWhole then redis.call('DEL', row) end
return ''
