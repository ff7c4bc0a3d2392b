#!lua
-- Repairs a stream that somebody who may append to it has spoiled: by entries whose ids are far ahead of this server's clock, after which
-- ids stand for no time or none is left; or by removing entries, which cannot be undone and is noted, so that it is told no more.
--
-- KEYS[1]  stream     KEYS[2]  trimmed: hash, "accepted:<channel>" -> entries that others than retention have removed, as noted here
-- KEYS[3]  a stream of our own to try something on
-- then for each component: attempts, parked, row (slices/row.lua)
-- ARGV     channel, how far ahead an id may be in ms, most entries that are moved, "1" to build the stream anew in any case, the components
-- Reply    {entries that have new ids, how many more removed entries are noted, the stream's last id}, or {"again"} when a group is there
--          that is not among those given
--
-- Entries that are ahead are appended anew, in their order, with ids of now; each component stands after as many of them as before, and has
-- under their new ids what it had open, parked or counted. Its partition is taken from whoever owns it: what that owner has in hand would be
-- settled under the old ids. Sent twice, nothing is ahead the second time.
-- Newer servers do not let a stream's last id be set below the greatest that was ever deleted. There the entries that stay are trimmed
-- away and added again under their ids, as trimming leaves no such mark.
local stream, trimmed, scratch, channel = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local toleranceMs, most, isForced = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local components, groups = {}, {}
for a = 5, #ARGV do
  local k = 4 + 3 * (a - 5)
  components[ARGV[a]] = { attempts = KEYS[k], parked = KEYS[k + 1], row = KEYS[k + 2] }
end
for _, row in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local group = named(row)
  if not components[group['name']] then return { 'again' } end
  groups[group['name']] = group
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

  -- The position after as many of the moved entries as before.
  local function placeAfter(last)
    local place = base
    for _, one in ipairs(moved) do
      if not isBefore(last, one.from) then place = one.to end
    end
    return place
  end

  -- What is open before the position, under its new ids.
  local function openNow(open)
    local ids = {}
    for mark, id in string.gmatch(open, '(!?)([%d-]+)') do
      local to = isBefore(id, bound) and id or newOf[id]
      if to then ids[#ids + 1] = mark .. to end
    end
    return table.concat(ids, ' ')
  end

  local function moveRow(row)
    local saved = redis.call('HMGET', row, 'epoch', 'beat', 'at:' .. channel, 'open:' .. channel)
    if not saved[1] or not saved[3] then return nil end
    redis.call('HSET', row, 'epoch', string.format('%.0f', math.max(saved[1] + 1, nowMs)), 'owner', '',
      'beat', string.format('%.0f', (saved[2] or 0) + 1), 'wanted', '', 'open:' .. channel, openNow(saved[4] or ''))
    if isBefore(saved[3], bound) then return saved[3] end
    redis.call('HSET', row, 'at:' .. channel, placeAfter(saved[3]))
    return placeAfter(saved[3])
  end

  local function moveRecords(keys)
    for _, from in ipairs(redis.call('HKEYS', keys.attempts)) do
      if not isBefore(from, bound) then
        local record = redis.call('HGET', keys.attempts, from)
        redis.call('HDEL', keys.attempts, from)
        if newOf[from] then redis.call('HSET', keys.attempts, newOf[from], record) end
      end
    end
    for _, from in ipairs(redis.call('ZRANGE', keys.parked, 0, -1)) do
      if not isBefore(from, bound) then
        local due = redis.call('ZSCORE', keys.parked, from)
        redis.call('ZREM', keys.parked, from)
        if newOf[from] then redis.call('ZADD', keys.parked, due, newOf[from]) end
      end
    end
  end

  local function moveGroup(name, group, place)
    local read = group['entries-read']
    if not place and not isBefore(group['last-delivered-id'], bound) then place = placeAfter(group['last-delivered-id']) end
    if place and read then redis.call('XGROUP', 'SETID', stream, name, place, 'ENTRIESREAD', read)
    elseif place then redis.call('XGROUP', 'SETID', stream, name, place) end
    for _, row in ipairs(redis.call('XPENDING', stream, name, bound, '+', most + 1)) do
      redis.call('XACK', stream, name, row[1])
      if newOf[row[1]] then redis.call('XCLAIM', stream, name, row[2], 0, newOf[row[1]], 'FORCE', 'JUSTID') end
    end
  end

  for name, keys in pairs(components) do
    local place = moveRow(keys.row)
    moveRecords(keys)
    if groups[name] then moveGroup(name, groups[name], place) end
  end
end

facts = named(redis.call('XINFO', 'STREAM', stream))
local removed = facts['entries-added'] - facts['length'] - (redis.call('HGET', trimmed, channel) or 0)
local accepted = tonumber(redis.call('HGET', trimmed, 'accepted:' .. channel) or 0)
local newly = math.max(0, removed - accepted)
if newly > 0 then redis.call('HSET', trimmed, 'accepted:' .. channel, string.format('%.0f', removed)) end
return { #moved, newly, facts['last-generated-id'] }
