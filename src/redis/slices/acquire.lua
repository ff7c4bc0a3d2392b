#!lua flags=allow-oom
-- Takes a slice if its row is as the taker saw it, and makes the component's group on each channel what the row says. May be sent twice: the
-- second time the row has changed. Works while memory is full.
--
-- KEYS[1]  row; then for each channel: its stream, its attempts, its parked set
-- ARGV     group, member, token; epoch, owner, beat and seq as they were seen, all "" where there was no row, beat and seq "" where any will do;
--          the greatest epoch that the taker ever saw, "1" when the owner before is taken for dead, "0" or "$": where a channel is begun that the component
--          never had; then the channels
-- Reply    {"lost", row}, or {"acquired", epoch, deaths, for each channel {position, entries up to there or "", open ids separated by spaces,
--          what became of the group, how many unfinished entries are lost, ids after the position that a dead owner had begun, as far as the
--          group shows them, then id, attempts, starts and in how many ms it is due of each
--          entry that has a count and is not parked}}
--
-- The row is written last: what is refused before it leaves a group that is made again the next time.
local group, member, token = ARGV[1], ARGV[2], ARGV[3]
local seenEpoch, seenOwner, seenBeat, seenSeq = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local highest, isDeath, begin, channelsFrom = tonumber(ARGV[8]), ARGV[9] == '1', ARGV[10], 11

local wrong = wrongType(KEYS[1], 'hash')
for k = 2, #KEYS, 3 do
  wrong = wrong or wrongType(KEYS[k], 'stream') or wrongType(KEYS[k + 1], 'hash') or wrongType(KEYS[k + 2], 'zset')
end
if wrong then return wrong end

local row = rowOf(KEYS[1])
local isAsSeen = row == nil
if seenEpoch ~= '' then
  isAsSeen = isHeldBy(row, seenEpoch, seenOwner) and (seenBeat == '' or seenBeat == beatOf(row)) and (seenSeq == '' or seenSeq == (row[3] or '0'))
end
if not isAsSeen then return { 'lost', shown(row) } end
local now = nowMs()

-- The first of all that may be refused, on each channel before anything else is done.
for k = 2, #KEYS, 3 do
  local refused = errorIn(redis.pcall('XGROUP', 'CREATECONSUMER', KEYS[k], group, member))
  if refused and not isGone(refused) then return refused end
end

-- Calls back with each entry of a group's pending list, and whose it is.
local function eachPending(stream, visit)
  local from = '-'
  repeat
    local page = redis.call('XPENDING', stream, group, from, '+', pageSize)
    for _, entry in ipairs(page) do
      visit(entry[1], entry[2])
      from = '(' .. entry[1]
    end
  until #page < pageSize
end

local function has(stream, id)
  return #redis.call('XRANGE', stream, id, id) > 0
end

-- The group shows what was counted or parked, under whom it stands now, and nothing else.
local function tidy(stream, attempts, parked, own)
  local consumerOf = {}
  for _, id in ipairs(redis.call('HKEYS', attempts)) do consumerOf[id] = member end
  for _, id in ipairs(redis.call('ZRANGE', parked, 0, -1)) do consumerOf[id] = 'parked' end
  local missing = { [member] = {}, parked = {} }
  if own then
    local stale = {}
    eachPending(stream, function(id, consumer)
      if not consumerOf[id] then stale[#stale + 1] = id
      elseif consumerOf[id] == consumer then consumerOf[id] = nil end
    end)
    for first = 1, #stale, pageSize do
      redis.call('XACK', stream, group, unpack(stale, first, math.min(first + pageSize - 1, #stale)))
    end
  end
  for id, consumer in pairs(consumerOf) do table.insert(missing[consumer], id) end
  for consumer, ids in pairs(missing) do
    table.sort(ids, isBefore)
    show(stream, group, consumer, ids)
  end
  for _, facts in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    local name = named(facts)['name']
    if name ~= member and name ~= 'parked' then redis.call('XGROUP', 'DELCONSUMER', stream, group, name) end
  end
end

local nothing = { ['entries-added'] = 0, length = 0, ['last-generated-id'] = '0-0' }

local function startOn(channel, stream, attempts, parked)
  local facts = factsOf(stream)
  local own = facts and groupOf(stream, group)
  facts = facts or nothing
  local saved = redis.call('HMGET', KEYS[1], 'at:' .. channel, 'open:' .. channel)
  local at, open, became, lost = saved[1], {}, 'there', 0
  for id in string.gmatch(saved[2] or '', '[%d-]+') do open[#open + 1] = id end
  local read
  if not at and own then
    at, became = own['last-delivered-id'], 'again'
    eachPending(stream, function(id)
      if not redis.call('ZSCORE', parked, id) then open[#open + 1] = id end
    end)
    table.sort(open, isBefore)
  elseif not at then
    at, read, became = '0-0', digits(facts['entries-added'] - facts['length']), 'new'
    if begin == '$' then at, read = facts['last-generated-id'], nil end
  elseif isBefore(facts['last-generated-id'], at) then
    lost = #open + redis.call('ZCARD', parked)
    redis.call('DEL', attempts)
    redis.call('DEL', parked)
    at, read, open, became = '0-0', digits(facts['entries-added'] - facts['length']), {}, 'gone'
  elseif not own then
    became = 'again'
  end
  read = read or readAt(facts, at, own)

  local begun = {}
  if isDeath and own then
    eachPending(stream, function(id, consumer)
      if consumer ~= 'parked' and isBefore(at, id) then begun[#begun + 1] = id end
    end)
  end
  local isOpen = {}
  for _, id in ipairs(open) do isOpen[id] = true end
  local start = { at, read, table.concat(open, ' '), became, lost, table.concat(begun, ' ') }
  local records = redis.call('HGETALL', attempts)
  for r = 1, #records, 2 do
    local id = records[r]
    if not redis.call('ZSCORE', parked, id) then
      if isOpen[id] or has(stream, id) then
        local attempt, starts, firstAt, due = attemptsIn(records[r + 1])
        -- Whoever has released the slice, or takes it from itself, has outlived what ran there: it has killed nobody.
        if not isDeath and starts ~= '0' then
          starts = '0'
          redis.call('HSET', attempts, id, attempt .. ':0:' .. firstAt .. (due ~= '' and ':' .. due or ''))
        end
        for _, value in ipairs({ id, attempt, starts, dueIn(due, now) }) do start[#start + 1] = value end
      else
        redis.call('HDEL', attempts, id) -- removed before it was reached: nobody will settle anything of it
      end
    end
  end

  if own then
    place(stream, group, at, read)
  else
    makeGroup(stream, group, member, at, read)
  end
  tidy(stream, attempts, parked, own)
  return start
end

-- Deaths count as long as what was the oldest unfinished entry of each channel at the last acquisition, the floor, is so still: what may have
-- killed an owner has not moved then. The oldest open id, or where the unread begins.
local function floorOf(at, open)
  return string.match(open or '', '[%d-]+') or at or '0-0'
end
local noted = redis.call('HMGET', KEYS[1], 'deaths', 'floors')
local deaths = tonumber(noted[1] or 0)
for channel, floor in string.gmatch(noted[2] or '', '(%S+)=(%S+)') do
  local saved = redis.call('HMGET', KEYS[1], 'at:' .. channel, 'open:' .. channel)
  if floorOf(saved[1], saved[2]) ~= floor then deaths = 0 end
end
deaths = digits(deaths + (isDeath and 1 or 0))

local epoch = digits(math.max((row and tonumber(row[1]) or 0) + 1, highest + 1, now))
local write, floors = {}, {}
local reply = { 'acquired', epoch, deaths }
for k = 2, #KEYS, 3 do
  local channel = ARGV[channelsFrom + (k - 2) / 3]
  local start = startOn(channel, KEYS[k], KEYS[k + 1], KEYS[k + 2])
  for _, value in ipairs({ 'at:' .. channel, start[1], 'open:' .. channel, start[3] }) do write[#write + 1] = value end
  floors[#floors + 1] = channel .. '=' .. floorOf(start[1], start[3])
  reply[#reply + 1] = start
end
-- unpack() has no room for the fields of thousands of channels.
for first = 1, #write, 6000 do
  redis.call('HSET', KEYS[1], unpack(write, first, math.min(first + 5999, #write)))
end
-- The replies of the owner before, whose numbers come again.
if row then redis.call('HDEL', KEYS[1], 'reply:0', 'reply:1', 'reply:2') end
local beat = row and beatOf(row) + 1 or 1
redis.call('HSET', KEYS[1], 'epoch', epoch, 'owner', member .. '/' .. token, 'seq', '0', 'wanted', '', 'beat', digits(beat), 'deaths', deaths,
  'floors', table.concat(floors, ' '))
return reply
