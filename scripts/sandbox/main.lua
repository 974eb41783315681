-- A stand-in of the Constant Contact V3 API that remembers what it was told.
-- luacheck: globals app

local activities = require "activities"
local control = require "control"
local faults = require "faults"
local log = require "log"
local rate = require "rate"
local reply = require "reply"
local Request = require "request"
local router = require "router"
local settings = require "settings"

for _, name in ipairs {"bulk", "contacts", "exports", "fields", "imports", "lists", "search",
		"signup", "tags", "xrefs", "activities"} do
	router.add(require(name).routes)
end

app = {}

-- Runs a handler; an answer that was raised is an answer too, anything else is our own fault.
local function run(handler, req)
	local ok, answer = pcall(handler, req)
	if not ok and type(answer) ~= "table" then
		return reply.text(500, "text/plain; charset=utf-8", tostring(answer))
	end
	return answer
end

local function route(req, path)
	local handler, found = router.find(req.method, path)
	if not handler then
		if found then
			return reply.error(405, "contacts.api.method_not_allowed",
				req.method .. " is not supported here")
		end
		return reply.error(404, "contacts.api.not_found", "The requested resource was not found.")
	end
	req.ids = found
	return run(handler, req)
end

local function is_authorized(req)
	local token = (req.headers.authorization or ""):match("^[Bb]earer +(%S+)$")
	return token and (not settings.token or token == settings.token)
end

-- The bulk requests that count against the queue of activities, and the download of exports.
local function is_queued(req, path)
	return req.method == "POST" and path:find("^/activities/") or path:find("^/contact_exports/")
end

local function answer_api(req)
	local path = req.path:sub(4)
	if not is_authorized(req) then
		return reply.bare(401, "unauthorized", "Unauthorized")
	end
	local refusal = rate.take()
	if refusal then
		return refusal
	end
	if is_queued(req, path) and activities.is_full() then
		return reply.queue_full()
	end
	return route(req, path)
end

-- Decides about faults, acts, and writes the log. A request whose fault delays it before it acts
-- is handed in a second time by the host, then with `resumed` set.
local function handle_api(req)
	if req.resumed then
		local answer = answer_api(req)
		req.entry.status = answer.status
		return answer
	end
	req.entry = log.add(req)
	local fault = faults.take(req.method, req.path)
	if not fault then
		local answer = answer_api(req)
		req.entry.status = answer.status
		return answer
	end
	req.entry.fault = fault.kind
	if fault.kind == "delay" and not fault.after_acting then
		req.resumed = true
		return {again = true, delay_ms = fault.delay_ms, status = 0}
	end
	local answer = faults.answer(fault, fault.after_acting and answer_api(req) or nil)
	req.entry.lost = answer.drop
	req.entry.status = answer.status
	return answer
end

-- The host calls this for each request. The answer: status, headers, body, and for the host
-- delay_ms (answer later), drop (close without an answer), again (hand in again after delay_ms).
function app.handle(raw)
	local req = raw.resumed and raw or Request.new(raw)
	activities.advance()
	if req.path:sub(1, 4) == "/v3/" then
		return handle_api(req)
	end
	return route(req, req.path)
end

control.start_over()
