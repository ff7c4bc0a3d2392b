#!lua flags=allow-oom
-- Removes dead letters for good. Works when memory is full: it gives some back.
--
-- KEYS[1]  the dead-letter stream of a channel and component
-- KEYS[2]  hash, "reply" -> this very call's reply, by which it is recognised when it is sent twice
-- ARGV     the time to live of KEYS[2] in ms, dead-letter ids
-- Reply    one word a letter: "purged", or "gone" when it was redriven or purged before
local noted = redis.call('HGET', KEYS[2], 'reply')
if noted then return noted end
local outcomes = {}
for a = 2, #ARGV do
  outcomes[#outcomes + 1] = redis.call('XDEL', KEYS[1], ARGV[a]) == 1 and 'purged' or 'gone'
end
local reply = table.concat(outcomes, '\n')
redis.call('HSET', KEYS[2], 'reply', reply)
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return reply
