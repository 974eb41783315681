-- Bulk activities: queued by a request, ended by time, read by those who wait.

local check = require "check"
local clock = require "clock"
local host = require "host"
local page = require "page"
local reply = require "reply"
local settings = require "settings"
local store = require "store"

local activities = {}

local KEPT_MS = 10 * 86400000
local STATES = check.words("processing", "completed", "cancelled", "failed", "timed_out")

-- What a kind of activity does at its end; filled by the modules that know.
-- work(activity, input): changes the data; sets activity.status, adds to activity.errors.
activities.kinds = {}

-- When the next pending activity ends, so that most requests need not look.
local next_due = math.huge

-- Queues one. input: what the kind's work needs. file: the name of an imported file or nil.
function activities.add(kind, input, file)
	local now = clock.now()
	local activity = {
		activity_id = host.uuid(), kind = kind, input = input, file = file, errors = host.array {},
		created_ms = now, due_ms = now + settings.activity_ms,
		started_ms = now + settings.activity_ms // 3,
		order = store.activities.last + 1,
	}
	store.activities:add(activity)
	table.insert(store.pending, activity)
	next_due = math.min(next_due, activity.due_ms)
	return activity
end

function activities.is_full()
	return #store.pending >= settings.queue_max
end

local function finish(activity)
	local work = assert(activities.kinds[activity.kind], "no such kind of activity")
	activity.completed_ms = activity.due_ms
	clock.at(activity.due_ms, work, activity, activity.input)
	activity.input = nil
end

local function forget_old(now)
	for _, activity in store.activities:each() do
		if not activity.completed_ms or activity.completed_ms > now - KEPT_MS then
			break
		end
		store.exports[activity.activity_id] = nil
		store.activities:remove(activity.activity_id)
	end
end

-- Ends what is due by now, in the order of the ends. To be called before anything is read.
function activities.advance()
	local now = clock.now()
	if now < next_due then
		return
	end
	table.sort(store.pending, function(a, b)
		return a.due_ms < b.due_ms or a.due_ms == b.due_ms and a.order < b.order
	end)
	while store.pending[1] and store.pending[1].due_ms <= now do
		finish(table.remove(store.pending, 1))
	end
	next_due = store.pending[1] and store.pending[1].due_ms or math.huge
end

-- After a reset or a change of the clock's offset.
function activities.look_again()
	next_due = 0
end

local function state_of(activity, now)
	if activity.completed_ms then
		return "completed", 100
	end
	if now < activity.started_ms then
		return "initialized", 1
	end
	local whole = math.max(1, activity.due_ms - activity.created_ms)
	return "processing", math.min(99, math.max(1, (now - activity.created_ms) * 100 // whole))
end

local function errors_of(activity)
	if activity.kind ~= "tag_delete" then
		return activity.errors
	end
	local out = host.array {}
	for i, message in ipairs(activity.errors) do
		out[i] = {message = message}
	end
	return out
end

-- The object that the POST, the GET by id, and the list show.
function activities.shape(activity)
	local now = clock.now()
	local state, percent = state_of(activity, now)
	local running = state ~= "initialized"
	local links = {self = {href = "/v3/activities/" .. activity.activity_id}}
	if activity.kind == "contact_exports" then
		links.results = {href = "/v3/contact_exports/" .. activity.activity_id}
	end
	return {
		activity_id = activity.activity_id, state = state, percent_done = percent,
		created_at = clock.iso(activity.created_ms),
		updated_at = clock.iso(activity.completed_ms or running and now or activity.created_ms),
		started_at = running and clock.iso(activity.started_ms) or nil,
		completed_at = clock.iso(activity.completed_ms),
		source_file_name = activity.file, activity_errors = errors_of(activity),
		status = activity.status or {}, _links = links,
	}
end

function activities.get(req)
	forget_old(clock.now())
	local id = req.ids[1]
	local activity = store.activities:get(id:lower())
	if not activity then
		reply.missing("activity_id %s was not found.", id)
	end
	return reply.json(200, activities.shape(activity))
end

function activities.list(req)
	local now = clock.now()
	forget_old(now)
	local state = page.params(req).state
	if state and not STATES[state] then
		reply.invalid("state: %s is not a valid value", state)
	end
	return page.answer(req, store.activities, {
		path = "/v3/activities", key = "activities", default = 50, max = 500, down = true,
		keep = function(activity)
			return not state or state_of(activity, now) == state
		end,
		shape = activities.shape,
	})
end

activities.routes = {
	{"GET", "/activities", activities.list},
	{"GET", "/activities/{}", activities.get},
}

return activities
