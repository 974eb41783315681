-- Trouble on demand: which requests meet it, how often, and what happens to them.

local check = require "check"
local host = require "host"
local random = require "random"
local reply = require "reply"

local faults = {list = {}, last = 0}

local KINDS = check.words("lose_answer", "status", "throttled", "quota_exceeded", "queue_full",
	"delay")
local DEFAULT_MESSAGE = {
	[401] = {"unauthorized", "Unauthorized"}, [403] = {"forbidden", "Forbidden"},
	[404] = {"contacts.api.not_found", "The requested resource was not found."},
	[409] = {"contacts.api.conflict", "The resource was changed at the same time."},
	[500] = {"contacts.api.internal_error", "There was a problem with our internal service."},
	[503] = {"contacts.api.unavailable", "Our internal service is temporarily unavailable."},
}

function faults.reset()
	faults.list, faults.last = {}, 0
end

-- "/v3/contacts/{id}", "/v3/*" or a plain prefix as a Lua pattern.
local function pattern_of(path)
	local is_pattern = path:find("[*{]")
	local pattern = path:gsub("[%^$()%%.%[%]+%-?]", "%%%0")
	pattern = pattern:gsub("{[^}]*}", "[^/]+"):gsub("%*", ".*")
	return "^" .. pattern .. (is_pattern and "$" or "")
end

-- Adds one, as the control interface was given it; raises a 400.
function faults.add(spec)
	local kind = check.word(spec, "kind", KINDS) or check.required(spec, "kind")
	local path = check.string(spec, "path", 1000) or "/v3/"
	local fault = {
		kind = kind, path = path, pattern = pattern_of(path),
		method = check.string(spec, "method", 10), times = check.integer(spec, "times", 0, 1 << 31) or 1,
		skip = check.integer(spec, "skip", 0, 1 << 31) or 0, hits = 0,
		status = check.integer(spec, "status", 400, 599) or 500,
		delay_ms = check.integer(spec, "delay_ms", 0, 3600000) or (kind == "delay" and 1000 or 0),
		after_acting = check.boolean(spec, "after_acting"),
		share = check.share(spec, "share"),
		error_key = check.string(spec, "error_key", 200), body = host.get(spec, "body"),
		error_message = check.string(spec, "error_message", 1000),
	}
	if fault.after_acting == nil then
		fault.after_acting = kind == "lose_answer" or kind == "delay"
	end
	faults.last = faults.last + 1
	fault.id = faults.last
	table.insert(faults.list, fault)
	return fault
end

local function fits(fault, method, path)
	return (not fault.method or fault.method == "*" or fault.method == method)
		and path:find(fault.pattern) and (not fault.share or random.share() < fault.share)
end

-- The first fault that this request meets, counted as met; times 0 means always.
function faults.take(method, path)
	for i, fault in ipairs(faults.list) do
		if fits(fault, method, path) then
			if fault.skip > 0 then
				fault.skip = fault.skip - 1
			else
				fault.hits = fault.hits + 1
				if fault.hits == fault.times then
					table.remove(faults.list, i)
				end
				return fault
			end
		end
	end
	return nil
end

local function status_answer(fault)
	if fault.body ~= nil then
		return reply.json(fault.status, fault.body)
	end
	local known = DEFAULT_MESSAGE[fault.status] or {"contacts.api.error", "The request failed."}
	local key, message = fault.error_key or known[1], fault.error_message or known[2]
	if fault.status == 401 or fault.status == 429 then
		return reply.bare(fault.status, key, message)
	end
	return reply.error(fault.status, key, message)
end

-- What the client gets instead of the true answer (nil when the request did not act).
function faults.answer(fault, answer)
	local kind = fault.kind
	if kind == "throttled" then
		answer = reply.throttled()
	elseif kind == "quota_exceeded" then
		answer = reply.quota_exceeded()
	elseif kind == "queue_full" then
		answer = reply.queue_full()
	elseif kind == "status" then
		answer = status_answer(fault)
	elseif kind == "lose_answer" then
		answer = answer or reply.empty(503)
		answer.drop = true
	end
	answer.delay_ms = fault.delay_ms > 0 and fault.delay_ms or nil
	return answer
end

function faults.shape(fault)
	return {
		id = fault.id, kind = fault.kind, path = fault.path, method = fault.method,
		times = fault.times, share = fault.share, skip = fault.skip, hits = fault.hits, after_acting = fault.after_acting,
		status = fault.kind == "status" and fault.status or nil,
		delay_ms = fault.delay_ms > 0 and fault.delay_ms or nil,
	}
end

return faults
