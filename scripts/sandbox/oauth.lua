-- The sign-in server's token endpoint: its grants, its limit, and how often it was asked.

local authorize = require "authorize"
local clients = require "clients"
local clock = require "clock"
local device = require "device"
local reply = require "reply"
local settings = require "settings"
local tokens = require "tokens"

local oauth = {}

function oauth.reset()
	oauth.second, oauth.in_second = -1, 0
	oauth.requests, oauth.given = 0, 0
	oauth.by_grant, oauth.by_error = {}, {}
	tokens.reset()
	authorize.reset()
	device.reset()
end

local function count(sums, key)
	sums[key] = (sums[key] or 0) + 1
end

local function is_too_fast()
	local second = clock.now() // 1000
	if second ~= oauth.second then
		oauth.second, oauth.in_second = second, 0
	end
	oauth.in_second = oauth.in_second + 1
	return settings.oauth.per_second and oauth.in_second > settings.oauth.per_second
end

local grants = {}

function grants.authorization_code(req, params)
	local id = clients.id(req, params, authorize.has_challenge(params.code))
	return tokens.issue(authorize.redeem(params, id))
end

function grants.refresh_token(req, params)
	local id = clients.id(req, params, true)
	local grant, why = tokens.use_refresh(params.refresh_token or "", id)
	if not grant then
		clients.refuse(400, "invalid_grant", why)
	end
	return tokens.issue(grant, params.refresh_token)
end

function grants.client_credentials(req, params)
	return tokens.issue {client_id = clients.id(req, params), is_partner = true,
		scope = params.scope or "v3api/general.partner"}
end

grants["urn:ietf:params:oauth:grant-type:device_code"] = function(req, params)
	return tokens.issue(device.redeem(params, clients.id(req, params, true)))
end

local function token(req, allowed)
	local params = clients.params(req)
	local kind = params.grant_type or ""
	count(oauth.by_grant, kind:match("[^:]*$"))
	if is_too_fast() then
		clients.refuse(429, "too_many_requests", "Too many requests for tokens.")
	end
	local grant = grants[kind]
	if not grant or allowed and kind ~= allowed or not allowed and kind == "client_credentials" then
		clients.refuse(400, "unsupported_grant_type", "The grant_type is not supported here.")
	end
	return reply.json(200, grant(req, params), {["Cache-Control"] = "no-store"})
end

-- Each request is counted, also one that is refused.
local function endpoint(allowed)
	return function(req)
		oauth.requests = oauth.requests + 1
		local ok, answer = pcall(token, req, allowed)
		if ok then
			oauth.given = oauth.given + 1
			return answer
		end
		if type(answer) == "table" then
			count(oauth.by_error, answer.body:match('"error":%s*"([%w_]+)"') or "other")
		end
		error(answer, 0)
	end
end

-- What the control interface tells.
function oauth.state()
	local access, refresh = tokens.live()
	return {token_requests = oauth.requests, tokens_given = oauth.given, by_grant = oauth.by_grant,
		by_error = oauth.by_error, access_live = access, refresh_live = refresh}
end

oauth.routes = {
	{"POST", "/oauth2/default/v1/token", endpoint()},
	{"POST", "/partners/oauth2/default/v1/token", endpoint("client_credentials")},
}

oauth.reset()

return oauth
