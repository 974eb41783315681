-- What a handler sees of a request, and how it says that it changed something.

local host = require "host"
local log = require "log"
local reply = require "reply"
local text = require "text"

local Request = {}
Request.__index = Request

-- raw: the host's table {method, path, query, headers, body}.
function Request.new(raw)
	raw.params = text.query(raw.query)
	raw.ids = {}
	return setmetatable(raw, Request)
end

-- The body as a table. any: an array may stand at the top.
function Request:json(any)
	local kind = self.headers["content-type"] or ""
	if not kind:lower():find("^application/json") then
		reply.wrong_type("Content-Type must be application/json")
	end
	local value, wrong = host.json.decode(self.body)
	if type(value) ~= "table" or host.is_array(value) and not any then
		reply.invalid("The JSON is malformed: %s", wrong or "expected an object")
	end
	return value
end

-- Called by a handler exactly when it has changed the account.
function Request:changed(kind, id)
	if self.entry then
		log.mark(self.entry, kind, id)
	end
end

return Request
