#!lua
-- Writes a dead letter and acknowledges, in one step: the original fields verbatim, then why it died.
--
-- KEYS[1]  stream     KEYS[2]  attempts     KEYS[3]  the dead-letter stream of this channel and component
-- KEYS[4]  the settlement log     KEYS[5]  the answer of this member's burial of this entry, kept for a while
-- ARGV     group, member, channel, entry id, error code, error text, attempts, traceparent of the failing span,
--          "1" to note it in the settlement log, how long the answer is kept in ms
-- Reply    the dead letter's entry id, the same when it is sent twice; nil when the delivery is not this member's;
--          "" when the entry itself is gone and only the acknowledgement was left to do
--
-- The dead letter is appended before the acknowledgement, and Redis does not roll back: so the right to acknowledge is asked for
-- first, or each new try would append another letter.
local group, member, id = ARGV[1], ARGV[2], ARGV[4]
local owner = redis.call('XPENDING', KEYS[1], group, id, id, 1)
if #owner == 0 or owner[1][2] ~= member then return redis.call('GET', KEYS[5]) end
local kind = redis.call('TYPE', KEYS[3]).ok
if kind ~= 'stream' and kind ~= 'none' then
  return redis.error_reply('WRONGTYPE ' .. KEYS[3] .. ' is a ' .. kind .. ', not a stream')
end
local allowed = redis.pcall('XACK', KEYS[1], group, '0-0') -- acknowledges nothing; only asks
if type(allowed) == 'table' and allowed.err then return allowed end

local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
local deadId = ''
if entry then
  local time = redis.call('TIME')
  local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
  local firstAt = string.match(redis.call('HGET', KEYS[2], id) or '', ':(%d+)$') or now
  local fields = entry[2]
  -- unpack() has room for some 7,000 values; what a hand-written entry has beyond that is counted, not kept.
  local kept = math.min(#fields, 6000)
  local letter = {}
  for f = 1, kept do letter[f] = fields[f] end
  local obituary = {
    'dead-channel', ARGV[3], 'dead-entry', id, 'dead-component', group, 'dead-code', ARGV[5], 'dead-error', ARGV[6],
    'dead-attempts', ARGV[7], 'dead-first', firstAt, 'dead-at', now, 'dead-traceparent', ARGV[8],
    'dead-fields-cut', tostring((#fields - kept) / 2),
  }
  for o = 1, #obituary do letter[kept + o] = obituary[o] end
  deadId = redis.call('XADD', KEYS[3], '*', unpack(letter))
end
redis.call('XACK', KEYS[1], group, id)
redis.pcall('SET', KEYS[5], deadId, 'PX', ARGV[10])
redis.pcall('HDEL', KEYS[2], id)
if ARGV[9] == '1' and entry then redis.pcall('XADD', KEYS[4], '*', 'buried', ARGV[3] .. ' ' .. id) end
return deadId
