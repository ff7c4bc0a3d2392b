#!lua
-- Redrives dead letters: hands each one's entry back to the group that gave it up, and removes the letter, in one step.
--
-- KEYS[1]  stream     KEYS[2]  attempts: hash, entry id -> "attempt:crashes:firstAt"
-- KEYS[3]  the dead-letter stream of this channel and component
-- KEYS[4]  hash, "reply" -> this very call's reply, by which it is recognised when it is sent twice
-- ARGV     group, the time to live of KEYS[4] in ms, dead-letter ids
-- Reply    one word a letter: "redriven", or why it was left as it is: "gone" (no such letter: redriven or purged before),
--          "trimmed" (the entry is no longer in the stream), "open" (the group has it in hand already),
--          "undelivered" (the group is gone, or stands before the entry and will read it anyway), "unreadable" (names no entry)
--
-- The entry itself is claimed by force to the group's "released" consumer: any member takes it at once, and no other group
-- notices. Its record says that it was never tried, so the next attempt is its first.
-- Order matters, because Redis does not roll back: the right to remove letters is asked for before anything is written, and the
-- letter goes last. What two operators do at once is told apart by the letter being gone.
local group = ARGV[1]
local noted = redis.call('HGET', KEYS[4], 'reply')
if noted then return noted end

local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('XDEL', KEYS[3], '0-0') -- removes nothing; only asks

local delivered = nil
if redis.call('EXISTS', KEYS[1]) == 1 then
  for _, facts in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local named = {}
    for f = 1, #facts, 2 do named[facts[f]] = facts[f + 1] end
    if named['name'] == group then delivered = named['last-delivered-id'] end
  end
end

-- Ids are compared digit by digit: their sequence may be larger than what a number holds exactly.
local function isAfter(a, b)
  local aMs, aSeq = string.match(a, '^(%d+)%-(%d+)$')
  local bMs, bSeq = string.match(b, '^(%d+)%-(%d+)$')
  if aMs ~= bMs then return #aMs > #bMs or (#aMs == #bMs and aMs > bMs) end
  return #aSeq > #bSeq or (#aSeq == #bSeq and aSeq > bSeq)
end

-- The obituary stands at the end; a field of that name before it is the event's own.
local function sourceOf(fields)
  for f = #fields - 1, 1, -2 do
    if fields[f] == 'dead-entry' then return string.match(fields[f + 1], '^%d+%-%d+$') end
  end
end

local function redrive(letterId)
  local letter = redis.call('XRANGE', KEYS[3], letterId, letterId)[1]
  if not letter then return 'gone' end
  local id = sourceOf(letter[2])
  if not id then return 'unreadable' end
  if not delivered or isAfter(id, delivered) then return 'undelivered' end
  if #redis.call('XPENDING', KEYS[1], group, id, id, 1) > 0 then return 'open' end
  local record = redis.call('HGET', KEYS[2], id)
  redis.call('HSET', KEYS[2], id, '0:0:' .. now)
  local claimed = redis.pcall('XCLAIM', KEYS[1], group, 'released', 0, id, 'FORCE', 'JUSTID')
  if claimed.err or #claimed == 0 then
    if record then redis.call('HSET', KEYS[2], id, record) else redis.call('HDEL', KEYS[2], id) end
    if claimed.err then error(claimed) end
    return 'trimmed'
  end
  redis.call('XDEL', KEYS[3], letterId)
  return 'redriven'
end

local outcomes = {}
for a = 3, #ARGV do outcomes[#outcomes + 1] = redrive(ARGV[a]) end
local reply = table.concat(outcomes, '\n')
redis.call('HSET', KEYS[4], 'reply', reply)
redis.call('PEXPIRE', KEYS[4], ARGV[2])
return reply
