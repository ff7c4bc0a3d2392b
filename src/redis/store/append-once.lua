#!lua
-- Appends one entry once, however often it is sent: for producers in other languages (docs/reference/wire-format.md).
--
-- KEYS[1]  numbers: hash of one producer session, number modulo 64 -> "<number>\n<entry id>"     KEYS[2]  stream
-- ARGV     number, from 1, a higher one for each new entry; the numbers' time to live in ms; then the entry's names and values in turn
-- Reply    the entry id, the first one's where the number was answered before; an error STALE where 64 newer numbers have overtaken it
--
-- Order matters, as Redis does not roll back: the number is looked at before anything is appended, and noted after it is.
local numbers, stream, number, ttl = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local slot = tostring(tonumber(number) % 64)
local noted, id = string.match(redis.call('HGET', numbers, slot) or '', '^(%d+)\n(.*)$')
if noted == number then return id end
if noted and tonumber(noted) > tonumber(number) then
  return redis.error_reply('STALE number ' .. number .. ' was overtaken by ' .. noted)
end
id = redis.call('XADD', stream, '*', unpack(ARGV, 3))
redis.pcall('HSET', numbers, slot, number .. '\n' .. id)
redis.pcall('PEXPIRE', numbers, ttl)
return id
