-- Forgets the messages that all readers of a topic have acknowledged. Run it every
-- few minutes:
--
--   redis-cli -r -1 -i 60 EVAL "$(cat components/redis/forget.lua)" 0
--
-- The streams then hold what is still to be done, and not what streamTTL (72 h) keeps.
-- It answers how many messages it forgot. It also makes room in a Redis that is full,
-- where nothing can be published and so nothing expires.

-- The consumer groups that read a topic: "{appID}-<component>". Until each of them has
-- come for the first time, its topic keeps everything.
-- generated from topology.yaml: begin
local readers = {
  ['orders-from-web'] = {'order-commandbus'},
  ['orders-from-order'] = {'order-commandbus'},
  ['orders-from-registration-process'] = {'order-commandbus'},
  ['orders-from-query'] = {'order-commandbus'},
  ['orders-from-conference'] = {'order-commandbus'},
  ['seats-from-registration-process'] = {'seats-commandbus'},
  ['seats-from-query'] = {'seats-commandbus'},
  ['seats-from-conference'] = {'seats-commandbus'},
  ['conferences-from-web'] = {'conference-commandbus'},
  ['conferences-from-registration-process'] = {'conference-commandbus'},
  ['conferences-from-query'] = {'conference-commandbus'},
  ['payments-from-web'] = {'payments-commandbus'},
  ['payments-from-registration-process'] = {'payments-commandbus'},
  ['payments-from-query'] = {'payments-commandbus'},
  ['payments-from-payments'] = {'payments-commandbus'},
  ['events-from-order'] = {'registration-process-eventbus', 'query-eventbus'},
  ['events-from-seats'] = {'registration-process-eventbus', 'query-eventbus'},
  ['events-from-query'] = {'registration-process-eventbus', 'query-eventbus'},
  ['events-from-conference'] = {'registration-process-eventbus', 'query-eventbus'},
  ['events-from-payments'] = {'registration-process-eventbus', 'query-eventbus'},
  ['deadletters-from-order'] = {'query-deadletters'},
  ['deadletters-from-seats'] = {'query-deadletters'},
  ['deadletters-from-registration-process'] = {'query-deadletters'},
  ['deadletters-from-query'] = {'query-deadletters'},
  ['deadletters-from-conference'] = {'query-deadletters'},
  ['deadletters-from-payments'] = {'query-deadletters'},
}
-- generated from topology.yaml: end

-- By group, the oldest message that it may still need: the first that it holds and has
-- not acknowledged, or the last that it was given.
local function needed(topic)
  local of = {}
  for _, fields in ipairs(redis.call('XINFO', 'GROUPS', topic)) do
    local group = {}
    for i = 1, #fields, 2 do
      group[fields[i]] = fields[i + 1]
    end
    local held = redis.call('XPENDING', topic, group.name)
    of[group.name] = held[1] > 0 and held[2] or group['last-delivered-id']
  end
  return of
end

local function before(a, b)
  local at, n = a:match('(%d+)-(%d+)')
  local bt, m = b:match('(%d+)-(%d+)')
  at, n, bt, m = tonumber(at), tonumber(n), tonumber(bt), tonumber(m)
  return at < bt or at == bt and n < m
end

local forgotten = 0
for topic, groups in pairs(readers) do
  if redis.call('EXISTS', topic) == 1 then
    local of, oldest = needed(topic), nil
    for _, name in ipairs(groups) do
      local id = of[name] or '0-0'
      if not oldest or before(id, oldest) then
        oldest = id
      end
    end
    forgotten = forgotten + redis.call('XTRIM', topic, 'MINID', oldest)
  end
end
return forgotten
