#!lua flags=allow-oom
-- Takes a component's records of format 1 in one partition over into format 2, where no member of it lives any more. Its groups, what they
-- have pending, attempts, parked retries and state stay as they are: the next owner begins from them. May be sent twice.
--
-- KEYS[1]  row     KEYS[2]  positions of format 1: hash, channel -> "<position> …", "lost:<channel>" -> count
-- KEYS[3]  members of format 1: sorted set, member -> time of its last heartbeat, ms on this server's clock     KEYS[4..] streams
-- ARGV     group, how long a member may be silent and still lives in ms, the channels of the streams
-- Reply    members that live: then nothing was written
--
-- A group that is gone was made again where it stood by its saved position: so it is here, by the row.
local group, liveMs = ARGV[1], tonumber(ARGV[2])
local wrong = wrongType(KEYS[1], 'hash') or wrongType(KEYS[2], 'hash') or wrongType(KEYS[3], 'zset')
if wrong then return wrong end
local now = nowMs()
local living = redis.call('ZRANGEBYSCORE', KEYS[3], now - liveMs, now + liveMs)
if #living > 0 then return living end

for k = 4, #KEYS do
  local channel = ARGV[k - 1]
  local lost = redis.call('HGET', KEYS[2], 'lost:' .. channel)
  if lost then redis.call('HSET', KEYS[1], 'lost:' .. channel, lost) end
  local position = string.match(redis.call('HGET', KEYS[2], channel) or '', '^(%S+)')
  local groups = redis.call('EXISTS', KEYS[k]) == 1 and redis.call('XINFO', 'GROUPS', KEYS[k]) or {}
  local isThere = false
  for _, row in ipairs(groups) do isThere = isThere or named(row)['name'] == group end
  if position and not isThere then redis.call('HSETNX', KEYS[1], 'at:' .. channel, position) end
end
redis.call('DEL', KEYS[2])
redis.call('DEL', KEYS[3])
return {}
