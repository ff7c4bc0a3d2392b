-- Put before the scripts that are numbered by their sender, so that each has its effect once however often it is sent (scripts.ts).

-- What a number was answered with before; nil where it is new. One that a later number has overtaken in the ring is refused, and so is one
-- that comes before the call `behind` numbers before it, which was sent first and has not run: its script was missing, say, and is not any
-- more. `places` has four digits: `behind`, 00 where nothing sent before it is unanswered; and how many numbers back its sender's last answered call
-- is, 00 where it does not say.
local function answerOf(numbers, number, places, ring, ttl)
  local behind = string.sub(places, 1, 2)
  local noted = redis.call('HGET', numbers, tostring(tonumber(number) % ring))
  if noted then
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
  if behind == '00' then return nil end
  local before = tonumber(number) - tonumber(behind)
  local ran = redis.call('HGET', numbers, tostring(before % ring))
  if not ran or string.match(ran, '^%d+') ~= tostring(before) then
    return redis.error_reply('OUTOFTURN number ' .. number .. ' comes before ' .. before)
  end
end

-- Whether the server knows nothing of the sender's last answered call: it has gone back, as after a failover. It is noted, so that this is told once.
local function hasGoneBack(numbers, number, places, ring)
  local back = tonumber(string.sub(places, 3, 4)) or 0
  if back == 0 then return false end
  local last = tonumber(number) - back
  local noted = redis.call('HGET', numbers, tostring(last % ring))
  if noted and tonumber(string.match(noted, '^%d+')) >= last then return false end
  redis.pcall('HSET', numbers, tostring(last % ring), last .. '\n')
  return true
end

-- All is done by now: what is refused here may not make it look undone.
local function noteAnswer(numbers, number, ring, ttl, answer)
  redis.pcall('HSET', numbers, tostring(tonumber(number) % ring), number .. '\n' .. answer)
  redis.pcall('PEXPIRE', numbers, ttl)
end
