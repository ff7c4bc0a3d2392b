#!lua flags=no-writes
-- Lists parked entries whose next attempt is due, those of each channel by their due time.
--
-- KEYS     for each channel: its attempts, its parked set
-- ARGV     the longest time that anything is parked for in ms, how many of a channel at most
-- Reply    {{place of the channel from 1, entry id, in how many ms it is due (below 0: since so many), attempts, starts}, …}
--
-- What is due later than anything is ever parked for was parked before this server's clock was set back, and is due.
local longestMs, max = tonumber(ARGV[1]), tonumber(ARGV[2])
local now = nowMs()
local reply = {}
local function list(k, from, to)
  local rows = redis.call('ZRANGEBYSCORE', KEYS[k + 1], from, to, 'WITHSCORES', 'LIMIT', 0, max)
  for r = 1, #rows, 2 do
    local attempt, starts = attemptsIn(redis.call('HGET', KEYS[k], rows[r]))
    reply[#reply + 1] = { (k + 1) / 2, rows[r], digits(rows[r + 1] - now), attempt, starts }
  end
end
for k = 1, #KEYS, 2 do
  list(k, '-inf', digits(now))
  list(k, '(' .. digits(now + longestMs), '+inf')
end
return reply
