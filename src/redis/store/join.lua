#!lua flags=allow-oom
-- Makes a component's groups exist on its channels and registers the member. Changes nothing if a key has a wrong type.
--
-- KEYS[1]  members: sorted set, member -> time of its last heartbeat     KEYS[2]  positions     KEYS[3]  trimmed (see positions.lua)
-- then for each channel: its stream, its attempts hash, its parked set
-- ARGV     group, member, "1" when the member is new, then for each channel: its name, the position at which a group begins that never
--          was, the last id that this member has read or "", how many ids it has in hand, these ids
-- Reply    {"1" when the member is registered, "0" when it must join again under another name, then for each channel "" where its
--          group was there, "new" where it never was, or what became of it and how many entries are known to be lost}:
--   whole n  made again exactly as it was: this is its only member, and says what it has in hand
--   again n  made again at the saved position; what was settled since it was saved is delivered again
--   gone n   the stream itself was gone, and all that is in it now is new
--
-- A group that is gone (FLUSHALL, DEL, XGROUP DESTROY, a failover) is never made again at the end of the stream. Where deliveries come
-- again, all members are removed in the same step: what they have in hand must not be settled as well. Parked and handed-back deliveries
-- are put back from their own records. Runs while memory is full, as whoever trims must start. Sent twice, the groups are there the second time.
local group, member, isNew = ARGV[1], ARGV[2], ARGV[3] == '1'

local function checkType(key, wanted)
  local kind = redis.call('TYPE', key).ok
  if kind == wanted or kind == 'none' then return nil end
  return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. kind .. ', not a ' .. wanted)
end
local wrong = checkType(KEYS[1], 'zset') or checkType(KEYS[2], 'hash')
local channels = {}
local a = 4
for k = 4, #KEYS, 3 do
  wrong = wrong or checkType(KEYS[k], 'stream')
  local hand = {}
  -- Whoever may run any script may send any arguments, and not have the server count to them.
  for h = 1, math.min(tonumber(ARGV[a + 3]), #ARGV) do hand[h] = ARGV[a + 3 + h] end
  channels[#channels + 1] = {
    stream = KEYS[k], attempts = KEYS[k + 1], parked = KEYS[k + 2],
    name = ARGV[a], begin = ARGV[a + 1], lastRead = ARGV[a + 2], hand = hand,
  }
  a = a + 4 + #hand
end
if wrong then return wrong end

local isRegistered = redis.call('ZSCORE', KEYS[1], member)
-- Removed by whoever made the group again, or with everything: what it has in hand is void.
if not isNew and not isRegistered then return { '0' } end
local isAlone = isRegistered and redis.call('ZCARD', KEYS[1]) == 1

-- `read`: how many entries the group counts as read, -1 where that is not known.
local function create(channel, position, read)
  redis.call('XGROUP', 'CREATE', channel.stream, group, position, 'MKSTREAM', 'ENTRIESREAD', string.format('%.0f', read))
end

local function save(channel, place, facts, unread)
  local foreign = facts['entries-added'] - facts['length'] - (redis.call('HGET', KEYS[3], channel.name) or 0)
  redis.call('HSET', KEYS[2], channel.name, string.format('%s %s %.0f %.0f - %.0f', place, place, facts['entries-added'], unread, foreign))
end

-- Puts deliveries back under a consumer. How many are no longer in the stream; their records go.
local function putBack(channel, consumer, ids)
  local missing = 0
  for _, id in ipairs(ids) do
    if #redis.call('XCLAIM', channel.stream, group, consumer, 0, id, 'FORCE', 'JUSTID') == 0 then
      missing = missing + 1
      redis.call('HDEL', channel.attempts, id)
      redis.call('ZREM', channel.parked, id)
    end
  end
  return missing
end

-- What was parked, and what was handed back or taken over and is not in `hand`, up to where the group begins again. What is after that is
-- delivered anew, as a first attempt.
local function putBackRecorded(channel, from, hand)
  local inHand, parked, released = {}, {}, {}
  for _, id in ipairs(hand) do inHand[id] = true end
  for _, id in ipairs(redis.call('HKEYS', channel.attempts)) do
    if isBefore(from, id) then
      redis.call('HDEL', channel.attempts, id)
      redis.call('ZREM', channel.parked, id)
    elseif redis.call('ZSCORE', channel.parked, id) then
      parked[#parked + 1] = id
    elseif not inHand[id] then
      released[#released + 1] = id
    end
  end
  return putBack(channel, 'parked', parked) + putBack(channel, 'released', released)
end

local reply = { '1' }
local comesAgain = false
for c, channel in ipairs(channels) do
  local facts = { ['entries-added'] = 0, length = 0, ['last-generated-id'] = '0-0' }
  local isThere = false
  local streamIsThere = redis.call('EXISTS', channel.stream) == 1
  if streamIsThere then
    facts = named(redis.call('XINFO', 'STREAM', channel.stream))
    for _, row in ipairs(redis.call('XINFO', 'GROUPS', channel.stream)) do isThere = isThere or named(row)['name'] == group end
  end
  local added, last = facts['entries-added'], facts['last-generated-id']
  local saved = redis.call('HGET', KEYS[2], channel.name)
  local state = ''
  if isThere then
    if not saved then save(channel, '0-0', facts, facts['length']) end
  elseif not saved then
    local fromEnd = channel.begin == '$'
    create(channel, channel.begin, fromEnd and added or added - facts['length'])
    save(channel, fromEnd and last or '0-0', facts, fromEnd and 0 or facts['length'])
    state = 'new'
  else
    local position, delivered, savedAdded, unread, holder = string.match(saved, '^(%S+) (%S+) (%S+) (%S+) (%S+)')
    local isAnother = not streamIsThere or added < tonumber(savedAdded) or isBefore(last, delivered)
    if isAnother then
      local parked = redis.call('ZCARD', channel.parked)
      redis.call('DEL', channel.attempts, channel.parked)
      redis.call('HDEL', KEYS[3], channel.name)
      create(channel, '0-0', added - facts['length'])
      save(channel, '0-0', facts, facts['length'])
      state = 'gone ' .. string.format('%.0f', (tonumber(unread) or 0) + parked)
    else
      local isWhole = isAlone and channel.lastRead ~= '' and not isBefore(channel.lastRead, delivered)
        and (holder == '-' or holder == member)
      local from = isWhole and channel.lastRead or position
      create(channel, from, -1)
      local hand = {}
      if isWhole then
        for _, id in ipairs(channel.hand) do
          -- A park that the member has not heard of yet.
          if not redis.call('ZSCORE', channel.parked, id) then hand[#hand + 1] = id end
        end
      else
        comesAgain = true -- the member's hand is void
      end
      local missing = putBackRecorded(channel, from, hand)
      putBack(channel, member, hand)
      state = (isWhole and 'whole ' or 'again ') .. missing
    end
    if string.match(state, ' 0$') == nil then redis.call('HINCRBY', KEYS[2], 'lost:' .. channel.name, string.match(state, '%d+$')) end
  end
  reply[c + 1] = state
end

if comesAgain then redis.call('DEL', KEYS[1]) end
if comesAgain and not isNew then
  reply[1] = '0'
else
  local time = redis.call('TIME')
  redis.call('ZADD', KEYS[1], time[1] * 1000 + math.floor(time[2] / 1000), member)
end
return reply
