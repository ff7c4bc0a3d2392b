#!lua
-- Sets the state of a replay's run, unless the run is in a state that forbids it. The check and the write are one step, so that a run
-- that is cancelled while a worker takes it, or while it ends, stays cancelled. May be sent twice.
--
-- KEYS[1]  the run's notes: hash: request, state, entries, unreadable, error, seenAt
-- ARGV     the state; the one that forbids it, or ""; then fields and values, which are written together with the state
-- Reply    the state before; empty where there is no such run
local before = redis.call('HGET', KEYS[1], 'state')
if not before then return '' end
if before ~= ARGV[2] then redis.call('HSET', KEYS[1], 'state', ARGV[1], unpack(ARGV, 3)) end
return before
