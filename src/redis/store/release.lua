#!lua flags=allow-oom
-- Hands deliveries back to the group: any member may take them at once. May be sent twice.
--
-- KEYS[1]  stream     KEYS[2]  attempts: hash, entry id -> "attempt:crashes:firstAt"
-- ARGV     group, member, "1" when an attempt at them has begun, which then does not count, entry ids
-- Reply    1, or 0 when the group is gone
local group, member, isStarted = ARGV[1], ARGV[2], ARGV[3] == '1'
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
for a = 4, #ARGV do
  local id = ARGV[a]
  local owner = redis.pcall('XPENDING', KEYS[1], group, id, id, 1)
  if owner.err then return string.find(owner.err, 'NOGROUP', 1, true) and 0 or owner end
  if #owner == 1 and owner[1][2] == member then
    local attempt, crashes, firstAt
    if isStarted then attempt, crashes, firstAt = string.match(redis.call('HGET', KEYS[2], id) or '', '^(%d+):(%d+):(%d+)$') end
    if attempt then
      redis.call('HSET', KEYS[2], id, string.format('%d:%d:%s', math.max(attempt - 1, 0), math.max(crashes - 1, 0), firstAt))
    else
      redis.call('HSETNX', KEYS[2], id, '0:0:' .. now) -- no attempt of it counts: the next one is its first
    end
    redis.call('XCLAIM', KEYS[1], group, 'released', 0, id, 'JUSTID')
  end
end
return 1
