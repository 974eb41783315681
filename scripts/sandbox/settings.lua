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
	lose = 0,                   -- the share of requests to the API whose answers are lost
	random_seed = 1,            -- of the chance that decides about shares
}
-- The sign-in server's.
local OAUTH = {
	required = false,           -- the API takes only tokens that were given out and live
	token_ms = 86400000,        -- an access token's life
	refresh = "rotating",       -- or "long_lived"
	refresh_unused_ms = 180 * 86400000, -- a refresh token dies after so long without use
	code_ms = 300000,           -- a code's life
	device_ms = 600000,         -- a device code's life
	interval_s = 5,             -- between a device's questions
	per_second = false,         -- requests for tokens a second before 429; false: no limit
	auto_approve = false,       -- nobody needs to press a button
	clients = false,            -- id -> {secret, redirect_uris}; false: any id and secret
}

-- Back to the start values and those that the host was configured with.
function settings.reset()
	for name, value in pairs(START) do
		settings[name] = value
	end
	settings.oauth = {}
	for name, value in pairs(OAUTH) do
		settings.oauth[name] = value
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
