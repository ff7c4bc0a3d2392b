#!lua flags=allow-oom
-- Looks after the groups of an owner: makes those again that are gone, puts right what others did to them, and shows what is long under way.
-- May be sent twice. Works while memory is full.
--
-- KEYS[1]  row; then for each channel: its stream, its attempts, its parked set
-- ARGV     epoch, owner, group; then for each channel: its name, the id of the newest entry that was read or "", how many ids, ids of entries
--          that are long under way
-- Reply    {"fenced", row}, {"regressed"} where a stream ends before what was read or settled of it; else {"tended", {channels whose group was
--          gone}, {channel, consumer, … that is none of ours; "" where somebody has acknowledged what waits for a retry}}
local epoch, owner, group = ARGV[1], ARGV[2], ARGV[3]
local row = rowOf(KEYS[1])
if not isHeldBy(row, epoch, owner) then return { 'fenced', shown(row) } end
local member = string.match(owner, '^[^/]*')

local channels = {}
local a = 4
for k = 2, #KEYS, 3 do
  local count = math.min(tonumber(ARGV[a + 2]), #ARGV) -- whoever may run any script may send any arguments
  local saved = redis.call('HMGET', KEYS[1], 'at:' .. ARGV[a], 'open:' .. ARGV[a])
  local channel = {
    name = ARGV[a], at = saved[1], open = saved[2], late = {},
    stream = KEYS[k], attempts = KEYS[k + 1], parked = KEYS[k + 2], facts = factsOf(KEYS[k]),
  }
  local last = channel.facts and channel.facts['last-generated-id'] or '0-0'
  if isBefore(last, channel.at or '0-0') or ARGV[a + 1] ~= '' and isBefore(last, ARGV[a + 1]) then return { 'regressed' } end
  for n = 1, count do
    local id = ARGV[a + 2 + n]
    if isUnfinished(channel.at or '0-0', channel.open, id) then channel.late[#channel.late + 1] = id end
  end
  if channel.facts and channel.at then channels[#channels + 1] = channel end
  a = a + 3 + count
end

-- More than these are put right by the next owner alone: each look would take long.
local mostShown = 1000

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
  local read = readAt(channel.facts, channel.at, own)
  local counted = own['entries-read'] and digits(own['entries-read']) or ''
  if own['last-delivered-id'] ~= channel.at or counted ~= read then place(stream, group, channel.at, read) end
  local waiting = redis.call('ZCARD', channel.parked)
  if waiting == 0 or waiting > mostShown then return end
  if redis.call('XPENDING', stream, group)[1] >= waiting then return end
  showNoted(stream, group, member, channel.attempts, channel.parked)
  if not isStrange then
    strangers[#strangers + 1] = channel.name
    strangers[#strangers + 1] = ''
  end
end

local remade, strangers = {}, {}
for _, channel in ipairs(channels) do
  local own = groupOf(channel.stream, group)
  if own then
    putRight(channel, own, strangers)
  else
    remake(channel.stream, group, member, channel.at, readAt(channel.facts, channel.at), channel.attempts, channel.parked)
    remade[#remade + 1] = channel.name
  end
  show(channel.stream, group, member, channel.late)
end
return { 'tended', remade, strangers }
