-- The page on which a person lets a program in, and the codes that come of it.

local clients = require "clients"
local clock = require "clock"
local host = require "host"
local reply = require "reply"
local settings = require "settings"
local sha256 = require "sha256"
local text = require "text"

local authorize = {codes = {}}

local HTML = "text/html; charset=utf-8"
local ASKED = {"client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge",
	"code_challenge_method"}

function authorize.reset()
	authorize.codes = {}
end

-- A page with one form of hidden values and two buttons.
function authorize.page(action, question, hidden, fields)
	local lines = {"<!doctype html><title>Sign in</title><h1>Sign in</h1><p>", text.html(question),
		'<form method="post" action="', action, '">'}
	for _, name in ipairs(hidden) do
		if fields[name] then
			lines[#lines + 1] = string.format('<input type="hidden" name="%s" value="%s">', name,
				text.html(fields[name]))
		end
	end
	lines[#lines + 1] = '<button name="decision" value="approve">Allow</button> '
		.. '<button name="decision" value="deny">Refuse</button></form>'
	return reply.text(200, HTML, table.concat(lines))
end

local function redirect(params, answer)
	answer.state = params.state
	local mark = params.redirect_uri:find("?", 1, true) and "&" or "?"
	local location = params.redirect_uri .. mark .. text.to_query(answer)
	return {status = 302, headers = {Location = location}, body = ""}
end

-- Faults of the request that must not be sent to an address which nobody vouched for, as a page;
-- others go back to the program.
local function fault_of(params)
	local known = clients.known(params.client_id)
	if not params.redirect_uri or not params.redirect_uri:find("^https?://[^%s]+$")
			or not clients.has_redirect(known, params.redirect_uri) then
		clients.refuse(400, "invalid_request",
			"The 'redirect_uri' parameter must be an address in the client's settings.")
	end
	if params.response_type ~= "code" then
		return "unsupported_response_type"
	end
	local method = params.code_challenge_method
	if params.code_challenge and (method ~= "S256" or #params.code_challenge ~= 43) then
		return "invalid_request"
	end
	if not params.scope or params.scope == "" then
		return "invalid_scope"
	end
	return nil
end

local function decide(params, decision)
	if decision ~= "approve" then
		return redirect(params, {error = "access_denied",
			error_description = "The resource owner refused."})
	end
	local code = text.to_base64url(host.uuid()):sub(1, 43)
	authorize.codes[code] = {
		client_id = params.client_id, redirect_uri = params.redirect_uri, scope = params.scope,
		challenge = params.code_challenge, expires_ms = clock.now() + settings.oauth.code_ms,
	}
	return redirect(params, {code = code})
end

local function show(req)
	local params = req.params
	local fault = fault_of(params)
	if fault then
		return redirect(params, {error = fault})
	end
	if settings.oauth.auto_approve then
		return decide(params, "approve")
	end
	return authorize.page("/oauth2/default/v1/authorize", string.format(
		"May %s act for this account (%s)?", params.client_id, params.scope), ASKED, params)
end

local function press(req)
	local params = clients.params(req)
	local fault = fault_of(params)
	if fault then
		return redirect(params, {error = fault})
	end
	return decide(params, params.decision)
end

local function is_verifier(verifier)
	return verifier and #verifier >= 43 and #verifier <= 128
		and not verifier:find("[^%w%-._~]")
end

-- Turns a code into a grant; a code works once, for its client, address and verifier.
function authorize.redeem(params, client_id)
	local code = authorize.codes[params.code or ""]
	local function refuse(message)
		clients.refuse(400, "invalid_grant", message)
	end
	if not code or code.is_used or clock.now() >= code.expires_ms then
		refuse("The authorization code is invalid or has expired.")
	end
	code.is_used = true
	if code.client_id ~= client_id or code.redirect_uri ~= params.redirect_uri then
		refuse("The 'client_id' or 'redirect_uri' is not that of the authorization code.")
	end
	if code.challenge and not (is_verifier(params.code_verifier)
			and text.to_base64url(sha256(params.code_verifier)) == code.challenge) then
		refuse("PKCE verification failed.")
	end
	return {client_id = client_id, scope = code.scope}
end

-- Whether the code was asked for with PKCE, which stands for a secret.
function authorize.has_challenge(code)
	local found = authorize.codes[code or ""]
	return found ~= nil and found.challenge ~= nil
end

authorize.routes = {
	{"GET", "/oauth2/default/v1/authorize", show},
	{"POST", "/oauth2/default/v1/authorize", press},
}

return authorize
