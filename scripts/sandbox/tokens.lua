-- Access tokens and refresh tokens: given out, found good or not, ended.

local clock = require "clock"
local host = require "host"
local settings = require "settings"
local text = require "text"

local tokens = {}

function tokens.reset()
	tokens.access, tokens.refresh = {}, {}
end

-- A token as long as real ones, which are JWTs of 1,000 bytes and more; the signature is none.
local function jwt(grant, expires_ms)
	local now = clock.now()
	local head = {alg = "RS256", typ = "JWT", kid = host.uuid():gsub("-", "")}
	local body = {ver = 1, jti = "AT." .. host.uuid(), iss = "https://authz.example.com/oauth2/default",
		aud = "https://api.example.com/v3", iat = now // 1000, exp = expires_ms // 1000,
		cid = grant.client_id, scp = text.items((grant.scope:gsub(" ", ","))),
		sub = grant.is_partner and grant.client_id or "owner@example.com",
		platform_user_id = "5b2f1a50-662a-11eb-af0a-fa163e56c9b0"}
	local sign = {}
	for i = 1, 16 do
		sign[i] = host.uuid():gsub("-", "")
	end
	return table.concat({text.to_base64url(host.json.encode(head)),
		text.to_base64url(host.json.encode(body)), text.to_base64url(table.concat(sign))}, ".")
end

local function new_refresh(grant)
	local token = text.to_base64url(host.uuid() .. host.uuid()):sub(1, 43)
	tokens.refresh[token] = {grant = grant, used_ms = clock.now()}
	return token
end

-- The answer to a good request for a token. grant: {client_id, scope, is_partner}. old: the refresh
-- token that was used, if any; without offline_access none is given out.
function tokens.issue(grant, old)
	local oauth = settings.oauth
	local life_ms = grant.is_partner and math.min(oauth.token_ms, 3600000) or oauth.token_ms
	local expires_ms = clock.now() + life_ms
	local token = jwt(grant, expires_ms)
	tokens.access[token] = {grant = grant, expires_ms = expires_ms}
	local refresh = old
	if old and oauth.refresh == "rotating" then
		tokens.refresh[old].is_dead = true
		refresh = new_refresh(grant)
	elseif not old and (" " .. grant.scope .. " "):find(" offline_access ", 1, true) then
		refresh = new_refresh(grant)
	end
	return {access_token = token, token_type = "Bearer", expires_in = life_ms // 1000,
		scope = grant.scope, refresh_token = refresh}
end

-- The grant of a live refresh token, marked as used now; or nil and why not.
function tokens.use_refresh(token, client_id)
	local found = tokens.refresh[token]
	if not found then
		return nil, "The refresh token is invalid or expired."
	end
	if found.is_dead then
		return nil, "The refresh token was used already or revoked."
	end
	if found.grant.client_id ~= client_id then
		return nil, "The refresh token was given to another client."
	end
	if clock.now() > found.used_ms + settings.oauth.refresh_unused_ms then
		return nil, "The refresh token is invalid or expired."
	end
	found.used_ms = clock.now()
	return found.grant
end

-- Whether the API takes what stands in Authorization. Partners may send the token alone.
function tokens.is_good(header, for_partner)
	header = header or ""
	local token = header:match("^[Bb]earer +(%S+)$") or for_partner and header:match("^%S+$")
	if not token then
		return false
	end
	if settings.token and token == settings.token then
		return true
	end
	if not settings.oauth.required then
		return not settings.token
	end
	local found = tokens.access[token]
	return found ~= nil and not found.is_dead and clock.now() < found.expires_ms
		and (found.grant.is_partner or false) == for_partner
end

local function kill(all)
	local count = 0
	for _, found in pairs(all) do
		count = count + (found.is_dead and 0 or 1)
		found.is_dead = true
	end
	return count
end

-- Ends all live ones of a kind ("access", "refresh" or "all"); how many those were.
function tokens.revoke(kind)
	local count = 0
	if kind ~= "refresh" then
		count = count + kill(tokens.access)
	end
	if kind ~= "access" then
		count = count + kill(tokens.refresh)
	end
	return count
end

-- How many can be used now.
function tokens.live()
	local access, refresh, now = 0, 0, clock.now()
	for _, found in pairs(tokens.access) do
		access = access + ((found.is_dead or now >= found.expires_ms) and 0 or 1)
	end
	for _, found in pairs(tokens.refresh) do
		local is_old = now > found.used_ms + settings.oauth.refresh_unused_ms
		refresh = refresh + ((found.is_dead or is_old) and 0 or 1)
	end
	return access, refresh
end

tokens.reset()

return tokens
