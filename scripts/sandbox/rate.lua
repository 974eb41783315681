-- The limits of requests a second and a day, when they are switched on.

local clock = require "clock"
local reply = require "reply"
local settings = require "settings"

local rate = {}

function rate.reset()
	rate.second, rate.in_second, rate.day, rate.in_day = -1, 0, -1, 0
end

-- Counts one request; the answer that refuses it, or nil.
function rate.take()
	local now = clock.now()
	local second, day = now // 1000, clock.day(now)
	if second ~= rate.second then
		rate.second, rate.in_second = second, 0
	end
	if day ~= rate.day then
		rate.day, rate.in_day = day, 0
	end
	if settings.per_day and rate.in_day >= settings.per_day then
		return reply.quota_exceeded()
	end
	if settings.per_second and rate.in_second >= settings.per_second then
		return reply.throttled()
	end
	rate.in_second, rate.in_day = rate.in_second + 1, rate.in_day + 1
	return nil
end

rate.reset()

return rate
