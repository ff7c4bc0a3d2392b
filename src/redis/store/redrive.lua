#!lua
-- Redrives dead letters: gives each one's entry back to the component that gave it up, and removes the letter, in one step.
--
-- KEYS[1]  stream     KEYS[2]  attempts (slices/attempts.lua)     KEYS[3]  parked: entry id -> due time     KEYS[4]  row (slices/row.lua)
-- KEYS[5]  the dead-letter stream of this channel and component
-- KEYS[6]  hash, "reply" -> this very call's reply, by which it is recognised when it is sent twice
-- ARGV     channel, group, the time to live of KEYS[6] in ms, dead-letter ids
-- Reply    one word a letter: "redriven", or why it was left as it is: "gone" (no such letter: redriven or purged before),
--          "trimmed" (the entry is no longer in the stream), "open" (the component has not finished it),
--          "undelivered" (the component never stood there, or stands before the entry and will read it anyway), "unreadable" (names no entry)
--
-- The entry itself is parked, and due: the owner, whoever it is, finds it when it next looks for what is due, and no other component notices.
-- Its record says that it was never tried, so the next attempt is its first. The group's pending list shows it.
-- Order matters, because Redis does not roll back: the right to remove letters is asked for before anything is written, and the
-- letter goes last. What two operators do at once is told apart by the letter being gone.
local channel, group = ARGV[1], ARGV[2]
local noted = redis.call('HGET', KEYS[6], 'reply')
if noted then return noted end

local now = nowMs()
redis.call('XDEL', KEYS[5], '0-0') -- removes nothing; only asks

local saved = redis.call('HMGET', KEYS[4], 'at:' .. channel, 'open:' .. channel)
local position, hasGroup = saved[1], false
if redis.call('EXISTS', KEYS[1]) == 1 then
  for _, facts in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local own = named(facts)
    if own['name'] == group then
      hasGroup = true
      position = position or own['last-delivered-id']
    end
  end
end

-- The obituary stands at the end; a field of that name before it is the event's own.
local function sourceOf(fields)
  for f = #fields - 1, 1, -2 do
    if fields[f] == 'dead-entry' then return string.match(fields[f + 1], '^%d+%-%d+$') end
  end
end

local function isOpen(id)
  if redis.call('ZSCORE', KEYS[3], id) or isIn(saved[2], id) then return true end
  return not saved[1] and #redis.call('XPENDING', KEYS[1], group, id, id, 1) > 0 -- no owner has been there yet
end

local function redrive(letterId)
  local letter = redis.call('XRANGE', KEYS[5], letterId, letterId)[1]
  if not letter then return 'gone' end
  local id = sourceOf(letter[2])
  if not id then return 'unreadable' end
  if not position or isBefore(position, id) then return 'undelivered' end
  if isOpen(id) then return 'open' end
  if #redis.call('XRANGE', KEYS[1], id, id) == 0 then return 'trimmed' end
  local record = redis.call('HGET', KEYS[2], id)
  redis.call('HSET', KEYS[2], id, '0:0:' .. digits(now))
  local parked = redis.pcall('ZADD', KEYS[3], digits(now), id)
  local shown = type(parked) == 'number' and hasGroup and redis.pcall('XCLAIM', KEYS[1], group, 'parked', 0, id, 'FORCE', 'JUSTID') or parked
  if type(shown) == 'table' and shown.err then
    if type(parked) == 'number' then redis.call('ZREM', KEYS[3], id) end
    if record then redis.call('HSET', KEYS[2], id, record) else redis.call('HDEL', KEYS[2], id) end
    error(shown)
  end
  redis.call('XDEL', KEYS[5], letterId)
  return 'redriven'
end

local outcomes = {}
for a = 4, #ARGV do outcomes[#outcomes + 1] = redrive(ARGV[a]) end
local reply = table.concat(outcomes, '\n')
redis.call('HSET', KEYS[6], 'reply', reply)
redis.call('PEXPIRE', KEYS[6], ARGV[3])
return reply
