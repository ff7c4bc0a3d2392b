#!lua flags=allow-oom
-- Hands deliveries that were not started back to the group: any member may take them at once. May be sent twice.
--
-- KEYS[1]  stream     KEYS[2]  attempts: hash, entry id -> "attempt:crashes:firstAt"
-- ARGV     group, member, entry ids
-- Reply    how many were handed back; with the group gone none: whoever makes it again gets them from its saved position
local group, member = ARGV[1], ARGV[2]
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local released = 0
for a = 3, #ARGV do
  local id = ARGV[a]
  local owner = redis.pcall('XPENDING', KEYS[1], group, id, id, 1)
  if owner.err then return string.find(owner.err, 'NOGROUP', 1, true) and released or owner end
  if #owner == 1 and owner[1][2] == member then
    redis.call('HSETNX', KEYS[2], id, '0:0:' .. now) -- it was read but never tried: the next attempt is its first
    redis.call('XCLAIM', KEYS[1], group, 'released', 0, id, 'JUSTID')
    released = released + 1
  end
end
return released
