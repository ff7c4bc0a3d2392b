-- Put before the scripts that are numbered by their sender, so that each has its effect once however often it is sent (scripts.ts).

-- What a number was answered with before; nil where it is new. One that a later number has overtaken in the ring is refused.
local function answerOf(numbers, number, ring, ttl)
  local noted = redis.call('HGET', numbers, tostring(tonumber(number) % ring))
  if not noted then return nil end
  local newline = string.find(noted, '\n', 1, true)
  local notedNumber = string.sub(noted, 1, newline - 1)
  if notedNumber == number then
    redis.call('PEXPIRE', numbers, ttl) -- a write of this connection, which a WAIT after it then covers
    return string.sub(noted, newline + 1)
  end
  if tonumber(notedNumber) > tonumber(number) then
    return redis.error_reply('STALE number ' .. number .. ' was overtaken by ' .. notedNumber)
  end
end

-- All is done by now: what is refused here may not make it look undone.
local function noteAnswer(numbers, number, ring, ttl, answer)
  redis.pcall('HSET', numbers, tostring(tonumber(number) % ring), number .. '\n' .. answer)
  redis.pcall('PEXPIRE', numbers, ttl)
end
