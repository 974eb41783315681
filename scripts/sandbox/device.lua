-- The sign-in of programs without a browser: a code that a person types in elsewhere.

local authorize = require "authorize"
local clients = require "clients"
local clock = require "clock"
local host = require "host"
local reply = require "reply"
local settings = require "settings"
local text = require "text"

local device = {all = {}}

local LETTERS = "BCDFGHJKLMNPQRSTVWXZ" -- none that form words

function device.reset()
	device.all = {}
end

local function user_code()
	local out = {}
	for pair in host.uuid():gsub("-", ""):sub(1, 16):gmatch("%x%x") do
		local at = tonumber(pair, 16) % #LETTERS + 1
		out[#out + 1] = LETTERS:sub(at, at)
	end
	return table.concat(out, "", 1, 4) .. "-" .. table.concat(out, "", 5, 8)
end

-- By the code for a person, in either case; without one the newest.
function device.find(code)
	local found
	for _, one in pairs(device.all) do
		if code and one.user_code == code:upper() then
			return one
		end
		if not code and (not found or one.order > found.order) then
			found = one
		end
	end
	return found
end

local function start(req)
	local params, oauth = clients.params(req), settings.oauth
	clients.known(params.client_id)
	if not params.scope or params.scope == "" then
		clients.refuse(400, "invalid_scope", "The 'scope' parameter is required.")
	end
	device.last = (device.last or 0) + 1
	local one = {device_code = host.uuid(), user_code = user_code(), client_id = params.client_id,
		scope = params.scope, expires_ms = clock.now() + oauth.device_ms, state = "pending",
		interval_ms = oauth.interval_s * 1000, order = device.last, polls = 0}
	device.all[one.device_code] = one
	local uri = "http://" .. (req.headers.host or "localhost") .. "/activate"
	return reply.json(200, {
		device_code = one.device_code, user_code = one.user_code, verification_uri = uri,
		verification_uri_complete = uri .. "?user_code=" .. one.user_code,
		expires_in = oauth.device_ms // 1000, interval = oauth.interval_s,
	})
end

-- Asked too early costs five more seconds between questions.
local function check_pace(one)
	local now, last = clock.now(), one.polled_ms
	one.polled_ms, one.polls = now, one.polls + 1
	if last and now - last < one.interval_ms then
		one.interval_ms = one.interval_ms + 5000
		clients.refuse(400, "slow_down", "You are polling too fast.")
	end
end

-- Turns a device code into a grant once the person has agreed.
function device.redeem(params, client_id)
	local one = device.all[params.device_code or ""]
	if not one or one.client_id ~= client_id or one.state == "used" then
		clients.refuse(400, "invalid_grant", "The device code is invalid.")
	end
	if clock.now() >= one.expires_ms or one.state == "expired" then
		clients.refuse(400, "expired_token", "The device code has expired.")
	end
	check_pace(one)
	if settings.oauth.auto_approve and one.polls > 1 and one.state == "pending" then
		one.state = "approved"
	end
	if one.state == "denied" then
		clients.refuse(400, "access_denied", "The resource owner refused.")
	elseif one.state == "pending" then
		clients.refuse(400, "authorization_pending", "The device authorization is pending.")
	end
	one.state = "used"
	return {client_id = client_id, scope = one.scope}
end

local DECISIONS = {approve = "approved", deny = "denied", expire = "expired"}

-- What the person decided: "approve", "deny"; or time did: "expire". False when it is too late.
function device.decide(one, decision)
	if not one or one.state ~= "pending" or not DECISIONS[decision] then
		return false
	end
	one.state = DECISIONS[decision]
	return true
end

local HTML = "text/html; charset=utf-8"

local function show(req)
	if not device.find(req.params.user_code or "") then
		return reply.text(200, HTML, '<!doctype html><title>Sign in</title><form action="/activate">'
			.. 'Code <input name="user_code"> <button>Go on</button></form>')
	end
	return authorize.page("/activate", "May the device with the code " .. req.params.user_code
		.. " act for this account?", {"user_code"}, req.params)
end

local function press(req)
	local params = clients.params(req)
	if not device.decide(device.find(params.user_code or ""), params.decision) then
		return reply.text(404, HTML, "<!doctype html><p>There is no such code, or it is too late.")
	end
	return reply.text(200, HTML, "<!doctype html><p>Done: " .. text.html(params.decision)
		.. ". You can close this page.")
end

device.routes = {
	{"POST", "/oauth2/default/v1/device/authorize", start},
	{"GET", "/activate", show},
	{"POST", "/activate", press},
}

return device
