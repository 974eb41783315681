-- Every request to the API in the order of arrival, so that tests can count effects.

local clock = require "clock"
local host = require "host"
local settings = require "settings"

local log = {}

local KEPT_MAX = 65536 -- bytes kept of a body
local TEXT_MAX = 4096  -- and shown of one that is no JSON

function log.reset()
	log.entries, log.first, log.last, log.changed = {}, 1, 0, 0
end

-- A new entry, to be completed while the request is answered.
function log.add(req)
	log.last = log.last + 1
	local entry = {n = log.last, ms = clock.now(), method = req.method, path = req.path,
		query = req.query, body = #req.body <= KEPT_MAX and req.body or req.body:sub(1, TEXT_MAX),
		content_type = req.headers["content-type"], status = 0, changed = false}
	log.entries[log.last] = entry
	while log.last - log.first >= settings.log_max do
		log.entries[log.first] = nil
		log.first = log.first + 1
	end
	return entry
end

-- Notes that the request changed the object of that kind and id.
function log.mark(entry, kind, id)
	if not entry.changed then
		log.changed = log.changed + 1
	end
	entry.changed = true
	entry.effect = {kind = kind, id = id}
end

local function body_of(entry)
	if entry.body == "" then
		return nil
	end
	if (entry.content_type or ""):find("json", 1, true) then
		local value = host.json.decode(entry.body)
		if value ~= nil then
			return value
		end
	end
	return #entry.body <= TEXT_MAX and entry.body or entry.body:sub(1, TEXT_MAX)
end

local function shape(entry)
	return {
		n = entry.n, at = clock.iso(entry.ms), method = entry.method, path = entry.path,
		query = entry.query ~= "" and entry.query or nil, body = body_of(entry),
		status = entry.status, changed = entry.changed, effect = entry.effect,
		fault = entry.fault, lost = entry.lost,
	}
end

-- The entries after number n, oldest first, at most `limit`.
function log.since(n, limit)
	local out = host.array {}
	for i = math.max(log.first, n + 1), log.last do
		if #out >= limit then
			break
		end
		out[#out + 1] = shape(log.entries[i])
	end
	return out
end

log.reset()

return log
