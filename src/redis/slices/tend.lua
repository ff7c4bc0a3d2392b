#!lua flags=allow-oom
-- Looks after the groups of an owner: makes those again that are gone, puts right what others did to them, takes out what was removed before it was read
-- again, and shows what is long under way.
-- May be sent twice. Works while memory is full.
--
-- KEYS[1]  row     KEYS[2]  trimmed: hash, channel -> entries that retention has removed
-- then for each channel: its stream, its attempts, its parked set
-- ARGV     epoch, owner, group; then for each channel: its name, the id of the newest entry that was read or "", entries up to there or "", how
--          many ids, ids of entries that are long under way
-- Reply    {"fenced", row}, {"regressed"} where a stream ends before what was read or settled of it; else {"tended", {channels whose group was
--          gone}, {channel, consumer, … that is none of ours; "" where somebody has acknowledged what waits for a retry}, {channel, how many of its
--          entries somebody else than retention has removed before the component had them, "1" when that is exact, else at most so many, …}}
--
-- Retention never removes what a component has not had, so only new removals by others are looked into: the row keeps in
-- `counts:<channel>` "<added> <unread or -> <removed by others>" as the last look found them. What was added after the newest entry that the owner
-- has read, and is not there any more, is lost.
local epoch, owner, group = ARGV[1], ARGV[2], ARGV[3]
local row = rowOf(KEYS[1])
if not isHeldBy(row, epoch, owner) then return { 'fenced', shown(row) } end
local member = string.match(owner, '^[^/]*')

local channels = {}
local a = 4
for k = 3, #KEYS, 3 do
  local count = math.min(tonumber(ARGV[a + 3]), #ARGV) -- whoever may run any script may send any arguments
  local saved = redis.call('HMGET', KEYS[1], 'at:' .. ARGV[a], 'open:' .. ARGV[a])
  local channel = {
    name = ARGV[a], at = saved[1], open = saved[2], late = {},
    newest = ARGV[a + 1], newestRead = ARGV[a + 2], stream = KEYS[k], attempts = KEYS[k + 1], parked = KEYS[k + 2], facts = factsOf(KEYS[k]),
  }
  local last = channel.facts and channel.facts['last-generated-id'] or '0-0'
  if isBefore(last, channel.at or '0-0') or ARGV[a + 1] ~= '' and isBefore(last, ARGV[a + 1]) then return { 'regressed' } end
  for n = 1, count do
    local id = ARGV[a + 3 + n]
    if isUnfinished(channel.at or '0-0', channel.open, id) then channel.late[#channel.late + 1] = id end
  end
  if channel.facts and channel.at then channels[#channels + 1] = channel end
  a = a + 4 + count
end

-- More than these are put right by the next owner alone: each look would take long.
local mostShown = 1000

-- What waited for a retry when its owner began, and was removed before it was read again, has been passed without a settlement.
local function passOver(channel)
  for _, shownAs in ipairs(redis.call('XPENDING', channel.stream, group, '-', channel.at, mostShown, member)) do
    local id = shownAs[1]
    if not isIn(channel.open, id) and #redis.call('XRANGE', channel.stream, id, id) == 0 then
      redis.call('XACK', channel.stream, group, id)
      redis.call('HDEL', channel.attempts, id)
    end
  end
end

-- Others may read and acknowledge in the group. Who does is told, and what it did is undone.
local function putRight(channel, own, strangers)
  local stream = channel.stream
  local isStrange = false
  for _, facts in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    local name = named(facts)['name']
    if name ~= member and name ~= 'parked' then
      isStrange = true
      strangers[#strangers + 1] = channel.name
      strangers[#strangers + 1] = name
      redis.call('XGROUP', 'DELCONSUMER', stream, group, name)
    end
  end
  local read = channel.read
  local counted = own['entries-read'] and digits(own['entries-read']) or ''
  if own['last-delivered-id'] ~= channel.at or counted ~= read then place(stream, group, channel.at, read) end
  local waiting = redis.call('ZCARD', channel.parked)
  local before = redis.call('XPENDING', stream, group)[1]
  if before > waiting then passOver(channel) end
  if waiting == 0 or waiting > mostShown or before >= waiting then return end
  showNoted(stream, group, member, channel.attempts, channel.parked)
  -- An entry that was removed from the stream cannot be shown: nobody has acknowledged that one.
  if not isStrange and redis.call('XPENDING', stream, group)[1] > before then
    strangers[#strangers + 1] = channel.name
    strangers[#strangers + 1] = ''
  end
end

local mostCounted = 500 -- entries counted one by one

-- How many entries the stream holds after the id; nil where that is too many to count.
local function unreadAfter(stream, facts, id)
  if facts['length'] == 0 or not isBefore(id, facts['last-generated-id']) then return 0 end
  if isBefore(id, facts['first-entry'][1]) then return facts['length'] end
  local counted = #redis.call('XRANGE', stream, '(' .. id, '+', 'COUNT', mostCounted)
  return counted < mostCounted and counted or nil
end

local function countLost(channel, losses)
  local facts, added = channel.facts, channel.facts['entries-added']
  local foreign = added - facts['length'] - tonumber(redis.call('HGET', KEYS[2], channel.name) or 0)
  local saved = redis.call('HGET', KEYS[1], 'counts:' .. channel.name) or ''
  local savedAdded, savedUnread, savedForeign = string.match(saved, '^(%S+) (%S+) (%S+)$')
  savedForeign = tonumber(savedForeign or foreign)
  if foreign == savedForeign and saved ~= '' and savedAdded == digits(added) then return end
  -- What the owner has in hand is not lost, although it may be removed: it counts from what it has read.
  local from, read = channel.at, channel.read
  if channel.newest ~= '' and isBefore(channel.at, channel.newest) then from, read = channel.newest, channel.newestRead end
  local unread = unreadAfter(channel.stream, facts, from)
  if foreign > savedForeign then
    local lost, isExact = 0, true
    if read ~= '' and unread then lost = added - read - unread end
    if lost <= 0 then
      -- The position may have passed the gap. What was unread at the last look and is older than everything that is there may have been
      -- read since, or not.
      local readBefore = savedUnread ~= '-' and tonumber(savedAdded) - tonumber(savedUnread) or 0
      lost, isExact = math.min(foreign - savedForeign, added - facts['length'] - readBefore), false
    end
    if lost > 0 then
      if isExact then
        redis.call('HINCRBY', KEYS[1], 'lost:' .. channel.name, lost)
        if channel.read ~= '' then channel.read = digits(channel.read + lost) end -- as if it had passed them: the group's lag is right then
      end
      for _, value in ipairs({ channel.name, digits(lost), isExact and '1' or '0' }) do losses[#losses + 1] = value end
    end
  end
  redis.call('HSET', KEYS[1], 'counts:' .. channel.name, digits(added) .. ' ' .. (unread and digits(unread) or '-') .. ' ' .. digits(foreign))
end

local remade, strangers, losses = {}, {}, {}
for _, channel in ipairs(channels) do
  local own = groupOf(channel.stream, group)
  channel.read = readAt(channel.facts, channel.at, own)
  countLost(channel, losses)
  if own then
    putRight(channel, own, strangers)
  else
    remake(channel.stream, group, member, channel.at, channel.read, channel.attempts, channel.parked)
    remade[#remade + 1] = channel.name
  end
  show(channel.stream, group, member, channel.late)
end
return { 'tended', remade, strangers, losses }
