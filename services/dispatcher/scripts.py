"""The Lua scripts: what must happen in Redis at once. Keys of each share one hash slot.

They are sent whole with EVAL instead of by digest: a Redis that was wiped or failed over knows no
digests, and the text costs less than finding that out.
"""

from __future__ import annotations

from typing import Final

# KEYS owner; ARGV dispatcher, ttl_ms → fence (text), or nil when another one owns it. The fence is
# Redis's time in µs, hence higher at each hand-over.
ACQUIRE: Final = """
local now = redis.call('TIME')
local fence = now[1] * 1000000 + now[2]
local held = redis.call('GET', KEYS[1])
if held then
  local id, old = string.match(held, '^(.*):(%d+)$')
  if id ~= ARGV[1] then return false end
  fence = math.max(fence, tonumber(old) + 1)
end
local text = string.format('%.0f', fence)
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. text, 'PX', ARGV[2])
return text
"""

# KEYS owner; ARGV value, ttl_ms → 1 while it is still ours
RENEW: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

# KEYS lock; ARGV value → 1 when it was ours
RELEASE: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""

# KEYS dispatchers; ARGV id, dead_after_ms → ids of the living
HEARTBEAT: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
return redis.call('ZRANGE', KEYS[1], 0, -1)
"""

# KEYS owner, events; ARGV value, group, entry id... → how many were pending, -1: not the owner
ACK: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
return redis.call('XACK', KEYS[2], ARGV[2], unpack(ARGV, 3))
"""

# KEYS owner, events, dead; ARGV value, group, entry id, reason, maxlen → 1, or -1: not the owner
BURY_ENTRY: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local found = redis.call('XRANGE', KEYS[2], ARGV[3], ARGV[3])
local fields = found[1] and found[1][2] or {}
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[5], '*',
  'entry', ARGV[3], 'reason', ARGV[4], unpack(fields))
redis.call('XACK', KEYS[2], ARGV[2], ARGV[3])
return 1
"""

# KEYS owner, events; ARGV value, group, idle_ms, count
# → {pending, lag, trimmed, {{entry id, consumer, idle_ms, times delivered}...}}, -1: not the owner.
# Trims what is confirmed: below the oldest pending entry, or the last one handed out.
UPKEEP: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local pending = redis.call('XPENDING', KEYS[2], ARGV[2])
local keep = pending[2]
local lag = false
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[2])) do
  local info = {}
  for i = 1, #group, 2 do info[group[i]] = group[i + 1] end
  if info['name'] == ARGV[2] then
    keep = keep or info['last-delivered-id']
    lag = info['lag']
  end
end
local trimmed = redis.call('XTRIM', KEYS[2], 'MINID', keep)
-- Redis before 7 does not tell the lag; what is left after trimming is pending or unread.
if not lag then lag = math.max(redis.call('XLEN', KEYS[2]) - math.max(pending[1], 1), 0) end
local idle = redis.call('XPENDING', KEYS[2], ARGV[2], 'IDLE', ARGV[3], '-', '+', ARGV[4])
return {pending[1], lag, trimmed, idle}
"""

# KEYS out, roster; ARGV last entry id seen → 1 when buried, 0 when there is a later entry
BURY_GATEWAY: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  if #redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', 1) > 0 then return 0 end
end
redis.call('DEL', KEYS[1], KEYS[2])
return 1
"""
