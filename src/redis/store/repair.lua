#!lua
-- Repairs a stream that somebody who may append to it has spoiled: by entries whose ids are far ahead of this server's clock, after which
-- ids stand for no time or none is left; or by removing entries, which cannot be undone and is noted, so that it is told no more.
--
-- KEYS[1]  stream     KEYS[2]  trimmed: hash, "accepted:<channel>" -> entries that others than retention have removed, as noted here
-- KEYS[3]  a stream of our own to try something on
-- then for each of its groups: attempts, parked, members
-- ARGV     channel, how far ahead an id may be in ms, most entries that are moved, "1" to build the stream anew in any case, the groups
-- Reply    {entries that have new ids, how many more removed entries are noted, the stream's last id}, or {"again"} when a group is there
--          that is not among those given
--
-- Entries that are ahead are appended anew, in their order, with ids of now; each group stands after as many of them as before. What
-- was pending of them is handed back under its new id; parked ones stay parked. Whoever had some in hand is no member any more: what it
-- has in hand is not settled as well. Sent twice, nothing is ahead the second time.
-- Newer servers do not let a stream's last id be set below the greatest that was ever deleted. There the entries that stay are trimmed
-- away and added again under their ids, as trimming leaves no such mark.
local stream, trimmed, scratch, channel = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local toleranceMs, most, isForced = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local groups, keysOf = {}, {}
for a = 5, #ARGV do
  local k = 4 + 3 * (a - 5)
  keysOf[ARGV[a]] = { attempts = KEYS[k], parked = KEYS[k + 1], members = KEYS[k + 2] }
end
for _, row in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local group = named(row)
  if not keysOf[group['name']] then return { 'again' } end
  groups[#groups + 1] = group
end

local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local now = string.format('%.0f-0', nowMs)
local bound = string.format('%.0f-0', nowMs + toleranceMs) -- ids from here on are ahead
local facts = named(redis.call('XINFO', 'STREAM', stream))

local function refuse(why) return redis.error_reply('REFUSED ' .. why) end

local function addBack(rows)
  for _, row in ipairs(rows) do redis.call('XADD', stream, row[1], unpack(row[2])) end
end

-- Whether this server lets a last id be set below one that was deleted.
local function lowersIds()
  redis.call('XADD', scratch, '1-1', 'a', 'b')
  redis.call('XADD', scratch, '3-1', 'a', 'b')
  redis.call('XDEL', scratch, '3-1')
  local reply = redis.pcall('XSETID', scratch, '2-1', 'ENTRIESADDED', 1, 'MAXDELETEDID', '0-0')
  redis.call('DEL', scratch)
  return not reply.err
end

local function widest(rows)
  local width = 0
  for _, row in ipairs(rows) do width = math.max(width, #row[2]) end
  return width
end

local moved = {}
if not isBefore(facts['last-generated-id'], bound) then
  local ahead = redis.call('XRANGE', stream, bound, '+', 'COUNT', most + 1)
  if #ahead > most then return refuse('more than ' .. most .. ' entries are ahead of the clock') end
  local top = redis.call('XREVRANGE', stream, '(' .. bound, '-', 'COUNT', 1)[1]
  local base = top and isBefore(now, top[1]) and top[1] or now
  local added, deleted = facts['entries-added'] - #ahead, facts['max-deleted-entry-id']
  local isDeletedAhead = not isBefore(deleted, bound)
  if not isForced and lowersIds() then
    if widest(ahead) > 7000 then return refuse('an entry has more fields than a script can append') end
    for _, row in ipairs(ahead) do redis.call('XDEL', stream, row[1]) end
    redis.call('XSETID', stream, base, 'ENTRIESADDED', string.format('%.0f', added), 'MAXDELETEDID', isDeletedAhead and base or deleted)
  else
    local first = redis.call('XRANGE', stream, '-', '(' .. bound, 'COUNT', 1)[1]
    if isDeletedAhead or first and not isBefore(deleted, first[1]) then
      return refuse('this server does not let ids go back behind ' .. deleted .. ', which was deleted')
    end
    local rest = redis.call('XRANGE', stream, '-', '(' .. bound, 'COUNT', most + 1)
    if #rest > most then return refuse('this server can have it built anew only, and it has more than ' .. most .. ' entries') end
    if math.max(widest(ahead), widest(rest)) > 7000 then return refuse('an entry has more fields than a script can append') end
    redis.call('XTRIM', stream, 'MAXLEN', 0)
    redis.call('XSETID', stream, deleted, 'ENTRIESADDED', string.format('%.0f', added - #rest), 'MAXDELETEDID', deleted)
    addBack(rest)
    redis.call('XSETID', stream, base, 'ENTRIESADDED', string.format('%.0f', added), 'MAXDELETEDID', deleted)
  end
  for e, row in ipairs(ahead) do moved[e] = { from = row[1], to = redis.call('XADD', stream, '*', unpack(row[2])) } end

  local newOf = {}
  for _, one in ipairs(moved) do newOf[one.from] = one.to end
  for _, group in ipairs(groups) do
    local name, keys, last, read = group['name'], keysOf[group['name']], group['last-delivered-id'], group['entries-read']
    if not isBefore(last, bound) then
      local place = base
      for _, one in ipairs(moved) do
        if not isBefore(last, one.from) then place = one.to end
      end
      if read then redis.call('XGROUP', 'SETID', stream, name, place, 'ENTRIESREAD', read)
      else redis.call('XGROUP', 'SETID', stream, name, place) end
    end
    local isHeld = false
    for _, row in ipairs(redis.call('XPENDING', stream, name, bound, '+', most + 1)) do
      local from, consumer = row[1], row[2]
      local to = newOf[from]
      local record, due = redis.call('HGET', keys.attempts, from), redis.call('ZSCORE', keys.parked, from)
      redis.call('XACK', stream, name, from)
      redis.call('HDEL', keys.attempts, from)
      redis.call('ZREM', keys.parked, from)
      if to then
        redis.call('HSET', keys.attempts, to, record or '0:0:' .. string.format('%.0f', nowMs))
        if due then redis.call('ZADD', keys.parked, due, to) end
        redis.call('XCLAIM', stream, name, due and 'parked' or 'released', 0, to, 'FORCE', 'JUSTID')
      end
      isHeld = isHeld or consumer ~= 'parked' and consumer ~= 'released'
    end
    if isHeld then redis.call('DEL', keys.members) end
  end
end

facts = named(redis.call('XINFO', 'STREAM', stream))
local removed = facts['entries-added'] - facts['length'] - (redis.call('HGET', trimmed, channel) or 0)
local accepted = tonumber(redis.call('HGET', trimmed, 'accepted:' .. channel) or 0)
local newly = math.max(0, removed - accepted)
if newly > 0 then redis.call('HSET', trimmed, 'accepted:' .. channel, string.format('%.0f', removed)) end
return { #moved, newly, facts['last-generated-id'] }
