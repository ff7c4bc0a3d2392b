#!lua flags=allow-oom
-- Acknowledges what is pending under a member that has settled it before its group was gone and made again. May be sent twice.
--
-- KEYS[1]  stream     KEYS[2]  attempts: hash, entry id -> "attempt:crashes:firstAt"
-- ARGV     group, member, entry ids
-- Reply    none
--
-- What is somebody else's by now, parked or handed back, was given to him after it was settled: by a redrive, say. The settlement log has
-- the settlement already.
local group, member = ARGV[1], ARGV[2]
for a = 3, #ARGV do
  local owner = redis.pcall('XPENDING', KEYS[1], group, ARGV[a], ARGV[a], 1)
  if owner.err then return not string.find(owner.err, 'NOGROUP', 1, true) and owner or nil end
  if #owner == 1 and owner[1][2] == member then
    redis.call('HDEL', KEYS[2], ARGV[a])
    redis.call('XACK', KEYS[1], group, ARGV[a])
  end
end
