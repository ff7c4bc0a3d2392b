#!lua flags=allow-oom
-- Trims a stream as far as its channel's retention lets it, and never past what some component has not finished. May be sent twice.
--
-- KEYS[1]  stream     KEYS[2]  trimmed: hash, channel -> entries that retention has removed
-- then for each component that is known to consume the channel: its row, its parked set. They are read by names made from the stream's
-- (groups.lua), as those of the groups are that nobody has described.
-- ARGV     channel, greatest age in ms or "", most entries or "", page, then the components
-- Reply    {removed, "1" when calling again would remove more, "1" when something may go but a component has not finished it}
--
-- The floor is taken in the same step as the trim: a group that is made between two looks cannot lose what it has just begun with. A
-- component whose group is gone keeps what its row says. The header lets it run when memory is full: it is what frees it.
local stream, channel, maxAgeMs, maxEntries, page = KEYS[1], ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if redis.call('TYPE', stream).ok ~= 'stream' then return { 0, '0', '0' } end

local last = named(redis.call('XINFO', 'STREAM', stream))['last-generated-id']
local floor
local asked = {}
local function ask(group, own)
  if asked[group] then return end
  asked[group] = true
  local kept = keptBy(stream, group, own, last)
  if kept and (not floor or isBefore(kept, floor)) then floor = kept end
end
for _, row in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local own = named(row)
  ask(own['name'], own)
end
for a = 5, #ARGV do ask(ARGV[a], nil) end

-- What may go is before this id: by age, or the oldest page beyond the count.
local limit = '0-0'
local pages = false
if maxAgeMs ~= '' then
  local time = redis.call('TIME')
  local before = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(maxAgeMs)
  if before > 0 then limit = string.format('%.0f-0', before) end
end
if maxEntries ~= '' then
  local excess = redis.call('XLEN', stream) - tonumber(maxEntries)
  if excess > 0 then
    -- One more than may go: the first that stays.
    local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', math.min(excess, page) + 1)
    local first = oldest[#oldest][1]
    if isBefore(limit, first) then limit = first end
    pages = excess > page
  end
end

local held = '0'
if floor and isBefore(floor, limit) then
  -- The last delivered entry itself is finished; it stays all the same, as the group's place.
  local oldest = redis.call('XRANGE', stream, floor, '(' .. limit, 'COUNT', 2)
  if #oldest > 1 then held = '1' end
  limit = floor
  pages = false
end

-- Whole nodes first, a bounded number of them; what is left of the last node is little.
local removed = redis.call('XTRIM', stream, 'MINID', '~', limit, 'LIMIT', page * 20)
local more = removed > 0 or pages
if not more then removed = redis.call('XTRIM', stream, 'MINID', '=', limit) end
if pages and removed == 0 then removed = redis.call('XTRIM', stream, 'MINID', '=', limit) end
if removed > 0 then redis.call('HINCRBY', KEYS[2], channel, removed) end
return { removed, more and '1' or '0', held }
