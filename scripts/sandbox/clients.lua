-- Who asks for tokens: the client's id and proof, and the errors of the sign-in server.

local host = require "host"
local reply = require "reply"
local settings = require "settings"
local text = require "text"

local clients = {}

-- Raises an error in the shape of OAuth.
function clients.refuse(status, key, message)
	error(reply.json(status, {error = key, error_description = message},
		{["Cache-Control"] = "no-store"}), 0)
end

-- The parameters of a request, which may stand in the query or in a form.
function clients.params(req)
	local kind = (req.headers["content-type"] or ""):lower()
	if req.body ~= "" and not kind:find("^application/x%-www%-form%-urlencoded") then
		clients.refuse(400, "invalid_request",
			"The Content-Type must be application/x-www-form-urlencoded.")
	end
	local params = {}
	for name, value in pairs(req.params) do
		params[name] = value
	end
	for name, value in pairs(text.query(req.body)) do
		params[name] = value
	end
	return params
end

-- What the settings know about a client; all are known while they name none.
function clients.known(id)
	local all = settings.oauth.clients
	if not id or id == "" then
		clients.refuse(400, "invalid_request", "client_id is required.")
	end
	local known = not all and {} or host.get(all, id)
	if not known then
		clients.refuse(401, "invalid_client", "Invalid value for 'client_id' parameter.")
	end
	return known
end

local function basic(req)
	local coded = (req.headers.authorization or ""):match("^[Bb]asic +(%S+)$")
	local id, secret = (coded and text.from_base64(coded) or ""):match("^([^:]*):(.*)$")
	return id and text.unescape(id), secret and text.unescape(secret)
end

-- The id of the client that asks, whose secret is checked when it has or needs one.
function clients.id(req, params, is_public)
	local id, secret = basic(req)
	if not id then
		id, secret = params.client_id, params.client_secret
	end
	local known = clients.known(id)
	if secret == nil and not is_public then
		clients.refuse(401, "invalid_client", "The client's secret is missing.")
	end
	if secret ~= nil and host.get(known, "secret") and known.secret ~= secret then
		clients.refuse(401, "invalid_client", "The client's secret is wrong.")
	end
	return id
end

-- Whether the address is one of the client's; the settings may leave that open.
function clients.has_redirect(known, uri)
	local all = host.get(known, "redirect_uris")
	if not all then
		return true
	end
	for _, one in ipairs(all) do
		if one == uri then
			return true
		end
	end
	return false
end

return clients
