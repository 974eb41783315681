-- The sandbox's own interface under /_sandbox: settings, reset, faults, log, counts, contacts' acts.

local account = require "account"
local activities = require "activities"
local agenda = require "agenda"
local check = require "check"
local clock = require "clock"
local contact = require "contact"
local controls = require "controls"
local counts = require "counts"
local demo = require "demo"
local faults = require "faults"
local host = require "host"
local log = require "log"
local oauth = require "oauth"
local random = require "random"
local rate = require "rate"
local reply = require "reply"
local router = require "router"
local segments = require "segments"
local settings = require "settings"
local signup = require "signup"
local store = require "store"

local control = {}

local DAY_MS = 86400000
local SEEDS = check.words("none", "demo")

local function show()
	return reply.json(200, {
		activity_ms = settings.activity_ms, token = settings.token or host.null,
		rate = {per_second = settings.per_second or host.null, per_day = settings.per_day or host.null},
		confirmed_opt_in = settings.confirmed_opt_in, log_max = settings.log_max,
		queue_max = settings.queue_max, now_offset_ms = clock.offset_ms, now = clock.iso(clock.now()),
		segments = segments.get(), lose = settings.lose, random_seed = settings.random_seed,
		oauth = controls.show_oauth(),
	})
end

-- A limit: a number, or null for none; absent leaves it.
local function limit(object, key)
	if object[key] == host.null then
		settings[key] = false
	else
		settings[key] = check.integer(object, key, 0, 1 << 31) or settings[key]
	end
end

function control.set(req)
	local body = req:json()
	local all = body.segments
	if all ~= nil and not segments.is_valid(all) then
		reply.invalid("#/segments: must be an object of arrays of contact ids")
	end
	settings.activity_ms = check.integer(body, "activity_ms", 0, DAY_MS) or settings.activity_ms
	settings.log_max = check.integer(body, "log_max", 1, 1000000) or settings.log_max
	settings.queue_max = check.integer(body, "queue_max", 0, 1000000) or settings.queue_max
	clock.offset_ms = check.integer(body, "now_offset_ms", -1 << 42, 1 << 42) or clock.offset_ms
	settings.lose = check.share(body, "lose") or settings.lose
	local seed = check.integer(body, "random_seed", 0, 1 << 31)
	if seed then
		settings.random_seed = seed
		random.reset(seed)
	end
	local confirmed = check.boolean(body, "confirmed_opt_in")
	if confirmed ~= nil then
		settings.confirmed_opt_in = confirmed
	end
	if body.token == host.null then
		settings.token = false
	else
		settings.token = check.string(body, "token", 4096) or settings.token
	end
	local limits = check.object(body, "rate")
	if limits then
		limit(limits, "per_second")
		limit(limits, "per_day")
	end
	local sign_in = check.object(body, "oauth")
	if sign_in then
		controls.set_oauth(sign_in)
	end
	if all then
		segments.set(all)
	end
	activities.look_again()
	return show()
end

-- Empties everything. seed: "none" or "demo"; without one, that of the start.
function control.start_over(seed)
	settings.reset()
	store.reset()
	faults.reset()
	rate.reset()
	log.reset()
	counts.reset()
	agenda.reset()
	oauth.reset()
	random.reset(settings.random_seed)
	clock.offset_ms = 0
	account.reset()
	activities.look_again()
	seed = seed or host.get(host.config, "seed") or "none"
	if seed == "demo" then
		demo.fill()
	elseif seed ~= "none" then
		error("no such seed: " .. tostring(seed))
	end
end

local function reset(req)
	local seed
	if req.body ~= "" then
		seed = check.word(req:json(), "seed", SEEDS)
	end
	control.start_over(seed)
	return show()
end

local function list_faults(status)
	local out = host.array {}
	for i, fault in ipairs(faults.list) do
		out[i] = faults.shape(fault)
	end
	return reply.json(status, {faults = out})
end

local function add_faults(req)
	local body = req:json(true)
	local specs = host.is_array(body) and body or {body}
	for _, spec in ipairs(specs) do
		if type(spec) ~= "table" then
			reply.invalid("a fault must be an object")
		end
		faults.add(spec)
	end
	return list_faults(201)
end

local function clear_faults()
	faults.reset()
	return reply.empty(204)
end

local function number(params, name, default)
	return math.tointeger(tonumber(params[name] or default))
		or reply.invalid("%s: must be a whole number", name)
end

local function show_log(req)
	local entries = log.since(number(req.params, "since", 0), number(req.params, "limit", 10000))
	return reply.json(200, {last = log.last, first = log.first, changed = log.changed,
		entries = entries})
end

local function state()
	local deleted, live_lists, completed = 0, 0, 0
	for _, c in store.contacts:each() do
		deleted = deleted + (c.deleted_ms and 1 or 0)
	end
	for _, list in store.lists:each() do
		live_lists = live_lists + (list.deleted_ms and 0 or 1)
	end
	for _, activity in store.activities:each() do
		completed = completed + (activity.completed_ms and 1 or 0)
	end
	return reply.json(200, {
		contacts = store.contacts.count - deleted, contacts_deleted = deleted, lists = live_lists,
		tags = store.tags.count, custom_fields = store.fields.count,
		activities = store.activities.count, activities_completed = completed,
		activities_pending = #store.pending, confirmations = store.confirmations,
		campaigns = store.campaigns.count, test_sends = store.test_sends, events = store.events.count,
		segments = store.criteria.count, posts = store.posts.count,
		automations = store.automations.count, webhook_tests = store.webhook_tests,
		requests = log.last, changed = log.changed,
	})
end

-- A contact acts: {"address": ..} names it.
local function act(work)
	return function(req)
		local body = req:json()
		check.required(body, "address")
		local c = contact.by_email(check.string(body, "address", 80))
		if not c then
			reply.missing("no contact has this address")
		end
		if not work(c, check.string(body, "reason", 255)) then
			reply.conflict("There is nothing that contact %s could do.", c.contact_id)
		end
		return reply.empty(204)
	end
end

control.routes = {
	{"GET", "/_sandbox", show},
	{"PUT", "/_sandbox", control.set},
	{"POST", "/_sandbox/reset", reset},
	{"GET", "/_sandbox/faults", function() return list_faults(200) end},
	{"POST", "/_sandbox/faults", add_faults},
	{"DELETE", "/_sandbox/faults", clear_faults},
	{"GET", "/_sandbox/log", show_log},
	{"GET", "/_sandbox/state", state},
	{"POST", "/_sandbox/opt_out", act(signup.opt_out)},
	{"POST", "/_sandbox/confirm", act(signup.confirm)},
}

router.add(control.routes)
router.add(controls.routes)

return control
