#!lua flags=allow-oom
-- Saves where a component stands on its channels, and finds what was removed before it was delivered. May be sent twice.
--
-- KEYS[1]  positions: hash, channel -> "<position> <last delivered> <added> <unread or -> <holder> <foreign>", "lost:<channel>" -> count
-- KEYS[2]  trimmed: hash, channel -> entries that retention has removed     KEYS[3..] the streams
-- ARGV     group, then the channel of each stream
-- Reply    {how many channels have no such group, then for each channel that has lost entries: its name, how many, "1" when that is
--          exact, else at most so many}
--
-- `position`: a group that is made again there gets everything that was not settled, but for what is parked or handed back, which have
-- records of their own. `holder`: the one member that holds deliveries, "-" where none does, "*" where several do. `foreign`: entries
-- that somebody else than retention has removed.
-- Retention never removes what a group has not been given, so only new foreign removals are looked into. What was added after the
-- group's place and is not there any more is lost; the group's counter is then put right, as Redis leaves it behind.
local group = ARGV[1]
local most = 500 -- entries counted one by one

-- An id's predecessor, as XGROUP CREATE delivers what is after its id.
local function before(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  if seq ~= '0' then return string.format('%s-%.0f', ms, tonumber(seq) - 1) end
  if ms == '0' then return '0-0' end
  return string.format('%.0f-18446744073709551615', tonumber(ms) - 1)
end

-- How many entries the stream holds after the id; nil where that is too many to count.
local function unreadAfter(stream, facts, id)
  if facts['length'] == 0 or not isBefore(id, facts['last-generated-id']) then return 0 end
  if isBefore(id, facts['first-entry'][1]) then return facts['length'] end
  local counted = #redis.call('XRANGE', stream, '(' .. id, '+', 'COUNT', most)
  return counted < most and counted or nil
end

local reply = { 0 }
for k = 3, #KEYS do
  local stream, channel = KEYS[k], ARGV[k - 1]
  local own = nil
  if redis.call('TYPE', stream).ok == 'stream' then
    for _, row in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
      local one = named(row)
      if one['name'] == group then own = one end
    end
  end
  if own then
    local facts = named(redis.call('XINFO', 'STREAM', stream))
    local added, delivered, read = facts['entries-added'], own['last-delivered-id'], own['entries-read']
    local foreign = added - facts['length'] - tonumber(redis.call('HGET', KEYS[2], channel) or 0)

    local saved = redis.call('HGET', KEYS[1], channel) or ''
    local _, _, savedAdded, savedUnread, _, savedForeign = string.match(saved, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$')
    savedForeign = tonumber(savedForeign or foreign)
    local lost, isExact = 0, true
    if foreign > savedForeign then
      local unread = unreadAfter(stream, facts, delivered)
      if read and unread then lost = added - read - unread end
      if lost <= 0 then
        -- The counter knows of no loss; but a newer server sets it right itself when the group reads past the gap. What was unread at the
        -- last look and is older than everything that is there may have been read since, or not.
        local firstPlace = added - facts['length']
        local readBefore = savedUnread ~= '-' and tonumber(savedAdded) - tonumber(savedUnread) or 0
        lost, isExact = math.min(foreign - savedForeign, firstPlace - readBefore), false
      end
      if lost > 0 then
        if isExact then redis.call('HINCRBY', KEYS[1], 'lost:' .. channel, lost) end
        reply[#reply + 1] = channel
        reply[#reply + 1] = lost
        reply[#reply + 1] = isExact and '1' or '0'
      end
      read = nil
    end
    if not read then
      local unread = unreadAfter(stream, facts, delivered)
      if unread then
        read = added - unread
        redis.pcall('XGROUP', 'SETID', stream, group, delivered, 'ENTRIESREAD', read)
      end
    end

    local position, holder = delivered, '-'
    local pending = redis.call('XPENDING', stream, group)
    for _, consumer in ipairs(pending[1] > 0 and pending[4] or {}) do
      local name = consumer[1]
      if name ~= 'parked' and name ~= 'released' then
        holder = holder == '-' and name or '*'
        local oldest = redis.call('XPENDING', stream, group, '-', '+', 1, name)[1]
        if oldest and not isBefore(position, oldest[1]) then position = before(oldest[1]) end
      end
    end
    local now = string.format('%s %s %.0f %s %s %.0f', position, delivered, added, read and string.format('%.0f', added - read) or '-', holder, foreign)
    if now ~= saved then redis.call('HSET', KEYS[1], channel, now) end
  else
    reply[1] = reply[1] + 1
  end
end
return reply
