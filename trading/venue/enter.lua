#!lua
-- Enters an order into the simulated exchange's book, once.
-- KEYS  1 hash: order id -> reports (JSON)   2 hash: the totals
-- ARGV  1 order id   2 reports (JSON)   3… pairs: total, what the order adds to it
-- Reply the reports of the order as they were entered first: equal to ARGV[2] only for a new order, or the same one.
-- Order the totals come first: if their key has the wrong type the script stops before the order is entered.

local known = redis.call('HGET', KEYS[1], ARGV[1])
if known then
  return known
end
for i = 3, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[2], ARGV[i], ARGV[i + 1])
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return ARGV[2]
