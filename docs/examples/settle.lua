-- Settles one delivery of a group: appends its outputs and acknowledges it in one step, and only for the consumer that has it.
--
-- KEYS[1]  the delivery's stream     KEYS[2..]  the stream of each output; all of one partition
-- ARGV     group, consumer, entry id; then for each output how many names and values it has, and these in turn
-- Reply    1; 0 where the delivery is not this consumer's: settled before (a reply was lost), or taken over. Then nothing is written
local group, consumer, id = ARGV[1], ARGV[2], ARGV[3]
local pending = redis.call('XPENDING', KEYS[1], group, id, id, 1)
if #pending == 0 or pending[1][2] ~= consumer then return 0 end
local at = 4
for k = 2, #KEYS do
  local count = tonumber(ARGV[at])
  redis.call('XADD', KEYS[k], '*', unpack(ARGV, at + 1, at + count))
  at = at + 1 + count
end
redis.call('XACK', KEYS[1], group, id) -- last: what is refused above leaves it pending
return 1
