-- Events.

local check = require "check"
local clock = require "clock"
local cursors = require "cursors"
local host = require "host"
local lookup = require "lookup"
local object = require "object"
local reply = require "reply"
local store = require "store"

local events = {}

local STATUS = check.words("ACTIVE", "DRAFT", "COMPLETE", "DELETED", "CANCELLED", "ERROR")
-- What a PATCH can set.
local WRITABLE = {"address", "contact", "currency_type", "default_track", "description",
	"display_contact_flag", "display_end_time_flag", "display_on_calendar_flag",
	"display_time_zone_flag", "event_code", "event_end", "event_metadata", "event_settings",
	"event_start", "event_type", "location_type", "name", "notify_owner_on_reg", "online_meeting",
	"time_zone", "time_zone_abbreviation", "title"}
local SORT = {name = "name", start_time = "event_start", end_time = "event_end",
	created_time = "create_time", updated_time = "last_update_time"}
local HOUR_MS = 3600000
local WEEK_MS = 7 * 24 * HOUR_MS

local function find_name(name, own)
	for _, event in store.events:each() do
		if event ~= own and event.status ~= "DELETED" and event.name == name then
			reply.invalid("the event %s has the name %s already", event.event_id, name)
		end
	end
end

-- A new event in the store with one track; what: its members; ids {event, track} only for seeds.
function events.add(what, ids)
	local now = clock.iso(clock.now())
	local id = ids and ids[1] or host.uuid()
	local event = {
		event_id = id, campaign_id = host.uuid(), status = "DRAFT", title = what.name,
		description = "", event_type = "OTHER", location_type = "PHYSICAL", currency_type = "USD",
		time_zone = "US/Eastern", time_zone_abbreviation = "EST", create_time = now,
		last_update_time = now, registration_url = "https://events.example.com/reg/" .. id:sub(1, 8),
		default_track = {track_id = ids and ids[2] or host.uuid():sub(1, 6), registration_type = "TICKET",
			campaign_activity_id = host.uuid(), create_time = now, last_update_time = now},
	}
	for name, value in pairs(what) do
		event[name] = value
	end
	return store.events:add(event)
end

-- The event of the path. words: the states in which the request is possible, or nil for all.
function events.of_path(req, words)
	local event = lookup.uuid(req, 1, store.events, "event_id")
	if words and not words[event.status] then
		reply.invalid("the event is %s", event.status)
	end
	return event
end

local function instant(params, name, default)
	local ms = params[name] and clock.parse(params[name]) or default
	if params[name] and not clock.parse(params[name]) then
		reply.invalid("%s: %s is not an ISO-8601 date", name, params[name])
	end
	return ms
end

-- All is said in the query; there is no body.
function events.create(req)
	local params, now = req.params, clock.now()
	local start = instant(params, "start_time", now + WEEK_MS)
	local ending = instant(params, "end_time", start + HOUR_MS)
	if ending < start then
		reply.invalid("end_time is before start_time")
	end
	local name = params.name or "My event " .. store.events.last + 1
	find_name(name)
	local event = events.add {name = name, event_start = clock.iso(start),
		event_end = clock.iso(ending), campaign_id = params.placeholder_campaign_id}
	req:changed("event", event.event_id)
	return reply.json(201, event)
end

function events.get(req)
	return reply.json(200, events.of_path(req))
end

local PATCHABLE = check.words("DRAFT", "ACTIVE")

function events.patch(req)
	local event, body = events.of_path(req, PATCHABLE), req:json()
	local name = check.string(body, "name", 255)
	if name then
		find_name(name, event)
	end
	local track = check.object(body, "default_track")
	if track then
		body.default_track = object.merge(object.copy(event.default_track), track, {"items_header",
			"overall_ticket_capacity", "registration_end_time", "reg_manually_closed_flag",
			"registration_type", "restrict_to_single_ticket_flag", "tickets_header", "items",
			"promo_codes", "tickets", "media_assets"})
	end
	object.merge(event, body, WRITABLE)
	event.last_update_time = clock.iso(clock.now())
	req:changed("event", event.event_id)
	return reply.empty(204)
end

local COPYABLE = check.words("DRAFT", "ACTIVE", "COMPLETE", "CANCELLED")

-- Campaign activities that do not exist are named in a 207; the event is copied all the same.
function events.copy(req)
	local event, body = events.of_path(req, COPYABLE), req:json()
	check.required(body, "target_event_name")
	local name = check.string(body, "target_event_name", 255)
	find_name(name)
	local failed = host.array {}
	for _, id in ipairs(check.array(body, "source_campaign_activities") or {}) do
		if not store.mailings:get(id) and id ~= event.default_track.campaign_activity_id then
			failed[#failed + 1] = id
		end
	end
	local what = object.pick(event, WRITABLE)
	what.name, what.default_track = name, nil
	local copied = events.add(what)
	req:changed("event", copied.event_id)
	local shown = object.copy(copied)
	shown.failed_campaign_activities = failed
	return reply.json(#failed > 0 and 207 or 200, shown)
end

local function metrics(event)
	local sums = {registration_count = 0, ticket_sold = 0, item_sold = 0}
	for _, registration in store.registrations:each() do
		if registration.event_id == event.event_id and registration.status == "REGISTERED" then
			sums.registration_count = sums.registration_count + 1
			sums.ticket_sold = sums.ticket_sold + #registration.tickets
		end
	end
	return sums
end

local function listing(event)
	return {
		event_id = event.event_id, title = event.title, description = event.description,
		start_time = event.event_start, end_time = event.event_end, status = event.status,
		registration_url = event.registration_url, name = event.name, event_type = event.event_type,
		location_type = event.location_type, time_zone_type = event.time_zone_abbreviation,
		address = event.address, create_time = event.create_time,
		event_registration_summary_metrics = metrics(event),
	}
end

function events.list(req)
	local params, at = cursors.params(req)
	local status, search, found = params.event_status, params.search_text, {}
	if status and not STATUS[status] or params.sort_by and not SORT[params.sort_by] then
		reply.invalid("event_status or sort_by has no valid value")
	end
	for _, event in store.events:each() do
		local words = (event.name .. " " .. event.title .. " " .. event.description):lower()
		if (not status or event.status == status)
				and (not search or words:find(search:lower(), 1, true)) then
			found[#found + 1] = event
		end
	end
	if params.sort_by then
		cursors.sort(found, params, function(event)
			return event[SORT[params.sort_by]] or ""
		end)
	end
	return cursors.answer("/v3/events", params, at, found, 100, listing)
end

events.routes = {
	{"GET", "/events", events.list},
	{"POST", "/events/default", events.create},
	{"GET", "/events/{}", events.get},
	{"PATCH", "/events/{}", events.patch},
	{"POST", "/events/{}/copy", events.copy},
}

return events
