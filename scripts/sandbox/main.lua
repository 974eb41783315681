-- A stand-in of the Constant Contact V3 API that remembers what it was told.
-- luacheck: globals app

local activities = require "activities"
local agenda = require "agenda"
local clock = require "clock"
local control = require "control"
local counts = require "counts"
local faults = require "faults"
local log = require "log"
local partner = require "partner"
local random = require "random"
local rate = require "rate"
local reply = require "reply"
local Request = require "request"
local router = require "router"
local settings = require "settings"
local tokens = require "tokens"

for _, name in ipairs {"bulk", "contacts", "exports", "fields", "imports", "lists", "search",
		"signup", "tags", "xrefs", "activities", "campaigns", "mailings", "sending", "abtest",
		"tracking", "engagement", "stats", "segments", "emails", "account", "events",
		"registrations", "social", "automations", "partner", "webhooks", "expert", "authorize", "device",
		"oauth"} do
	router.add(require(name).routes)
end

app = {}

-- The bulk requests that count against the queue of activities, and the download of exports.
local function is_queued(req, path)
	return req.method == "POST" and path:find("^/activities/") or path:find("^/contact_exports/")
end

local function answer_api(req)
	local path = req.path:sub(4)
	local for_partner = path:find("^/partner/") ~= nil
	local refusal = for_partner and partner.refusal(req)
	if refusal then
		return refusal
	end
	if not tokens.is_good(req.headers.authorization, for_partner) then
		return reply.bare(401, "unauthorized", "Unauthorized")
	end
	refusal = rate.take()
	if refusal then
		return refusal
	end
	if is_queued(req, path) and activities.is_full() then
		return reply.queue_full()
	end
	return router.answer(req, path)
end

local function answer_sign_in(req)
	return router.answer(req, req.path)
end

-- The answer as it leaves; some are lost by chance when the settings say so.
local function finish(req, answer, may_lose)
	local entry = req.entry
	if may_lose and settings.lose > 0 and random.share() < settings.lose then
		entry.fault, answer.drop = "lose_answer", true
	end
	entry.lost, entry.status = answer.drop, answer.status
	counts.add(req)
	return answer
end

-- Decides about faults, acts, and writes the log. A request whose fault delays it before it acts
-- is handed in a second time by the host, then with `resumed` set.
local function handle(req, act, prefix)
	local is_api = act == answer_api
	req.prefix = prefix
	if req.resumed then
		return finish(req, act(req), is_api)
	end
	req.entry = log.add(req)
	local fault = faults.take(req.method, req.path)
	if not fault then
		return finish(req, act(req), is_api)
	end
	req.entry.fault = fault.kind
	if fault.kind == "delay" and not fault.after_acting then
		req.resumed = true
		return {again = true, delay_ms = fault.delay_ms, status = 0}
	end
	return finish(req, faults.answer(fault, fault.after_acting and act(req) or nil))
end

local function dispatch(req)
	if req.path:sub(1, 4) == "/v3/" then
		return handle(req, answer_api, "/v3")
	end
	if req.path:find("^/_sandbox") then
		return router.answer(req, req.path)
	end
	return handle(req, answer_sign_in, "")
end

-- The host calls this for each request. The answer: status, headers, body, and for the host
-- delay_ms (answer later), drop (close without an answer), again (hand in again after delay_ms).
function app.handle(raw)
	local req = raw.resumed and raw or Request.new(raw)
	activities.advance()
	agenda.advance()
	local answer = dispatch(req)
	if clock.offset_ms ~= 0 and answer.headers then
		answer.headers.Date = clock.http(clock.now())
	end
	return answer
end

control.start_over()
