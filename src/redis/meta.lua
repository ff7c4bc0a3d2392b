#!lua
-- Opens a namespace: creates its description on first use, compares it ever after. Writes nothing if it is another's.
--
-- KEYS[1]  meta: hash
-- ARGV     format, partitions
-- Reply    {type of the key, format, partitions} as they stand now
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then return { kind, '', '' } end
local format = redis.call('HGET', KEYS[1], 'format')
if format and format ~= ARGV[1] then return { 'hash', format, redis.call('HGET', KEYS[1], 'partitions') or '' } end
redis.call('HSETNX', KEYS[1], 'format', ARGV[1])
redis.call('HSETNX', KEYS[1], 'partitions', ARGV[2])
return { 'hash', redis.call('HGET', KEYS[1], 'format'), redis.call('HGET', KEYS[1], 'partitions') }
