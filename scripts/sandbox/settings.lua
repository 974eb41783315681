-- What the control interface can adjust, and where it starts.

local host = require "host"

local settings = {}

local START = {
	activity_ms = 3000,         -- how long a bulk activity takes from its request to its end
	per_second = false,         -- requests a second before 429 throttled; false: no limit
	per_day = false,            -- requests a UTC day before 429 quota_exceeded; false: no limit
	token = false,              -- the one bearer token that is taken; false: any
	confirmed_opt_in = false,   -- the sign-up form asks contacts to confirm
	log_max = 100000,           -- entries kept in the log
	queue_max = 1000,           -- bulk activities under way before 429
}

-- Back to the start values and those that the host was configured with.
function settings.reset()
	for name, value in pairs(START) do
		settings[name] = value
	end
	for name in pairs(START) do
		local value = host.config[name]
		if value ~= nil and value ~= host.null then
			settings[name] = value
		end
	end
end

settings.reset()

return settings
