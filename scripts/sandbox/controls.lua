-- More of the interface under /_sandbox: counts by operation, sign-ins, what contacts do with mail.

local check = require "check"
local counts = require "counts"
local device = require "device"
local host = require "host"
local oauth = require "oauth"
local reply = require "reply"
local settings = require "settings"
local store = require "store"
local tokens = require "tokens"
local tracking = require "tracking"

local controls = {}

local DAY_MS = 86400000
local MODES = check.words("rotating", "long_lived")
local REVOKE = check.words("access", "refresh", "all")
local DECISIONS = check.words("approve", "deny", "expire")

-- The part of the settings under "oauth": changes what it names.
function controls.set_oauth(body)
	local now = settings.oauth
	local function take(name, value)
		if value ~= nil then
			now[name] = value
		end
	end
	take("token_ms", check.integer(body, "token_ms", 0, 400 * DAY_MS))
	take("code_ms", check.integer(body, "code_ms", 0, DAY_MS))
	take("device_ms", check.integer(body, "device_ms", 0, DAY_MS))
	take("refresh_unused_ms", check.integer(body, "refresh_unused_ms", 0, 400 * DAY_MS))
	take("interval_s", check.integer(body, "interval_s", 0, 3600))
	take("refresh", check.word(body, "refresh", MODES))
	take("required", check.boolean(body, "required"))
	take("auto_approve", check.boolean(body, "auto_approve"))
	take("per_second", check.integer(body, "per_second", 0, 1000))
	take("clients", check.object(body, "clients"))
	for _, name in ipairs {"per_second", "clients"} do
		if body[name] == host.null then
			now[name] = false
		end
	end
end

-- The settings of the sign-in server as the control interface shows them.
function controls.show_oauth()
	local out = {}
	for name, value in pairs(settings.oauth) do
		out[name] = value
	end
	out.per_second, out.clients = out.per_second or host.null, out.clients or host.null
	return out
end

local function revoke(req)
	local body = req:json()
	check.required(body, "what")
	return reply.json(200, {revoked = tokens.revoke(check.word(body, "what", REVOKE))})
end

-- Decides for the person with that user code, or for the newest.
local function decide(req)
	local body = req:json()
	check.required(body, "decision")
	local one = device.find(check.string(body, "user_code", 20))
	if not device.decide(one, check.word(body, "decision", DECISIONS)) then
		reply.missing("no device waits for this decision")
	end
	return reply.json(200, {user_code = one.user_code})
end

local function track(req)
	tracking.note(req:json())
	return reply.empty(204)
end

-- An address of the account is confirmed, as if its link had been clicked.
local function confirm_email(req)
	local body = req:json()
	check.required(body, "email_address")
	local email = store.emails:get(check.string(body, "email_address", 80))
	if not email then
		reply.missing("the account has no such address")
	end
	email.confirmed_ms = email.confirmed_ms or host.now_ms()
	return reply.empty(204)
end

controls.routes = {
	{"GET", "/_sandbox/counts", function() return reply.json(200, {paths = counts.all}) end},
	{"GET", "/_sandbox/oauth", function() return reply.json(200, oauth.state()) end},
	{"POST", "/_sandbox/revoke", revoke},
	{"POST", "/_sandbox/device", decide},
	{"POST", "/_sandbox/track", track},
	{"POST", "/_sandbox/confirm_email", confirm_email},
}

return controls
