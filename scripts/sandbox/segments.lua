-- Segments: made through the API out of criteria, or set through the control interface as lists of
-- members.

local check = require "check"
local clock = require "clock"
local Collection = require "collection"
local contact = require "contact"
local criteria = require "criteria"
local host = require "host"
local page = require "page"
local reply = require "reply"
local settings = require "settings"
local store = require "store"

local segments = {}

-- contact ids by segment id as text; replaces what was there.
function segments.set(all)
	store.segments = {}
	for id, contact_ids in pairs(all) do
		store.segments[id] = {contact_ids = contact_ids}
	end
end

-- The ids as they were set.
function segments.get()
	local out = {}
	for id, segment in pairs(store.segments) do
		out[id] = segment.contact_ids
	end
	return out
end

-- A segment of the API that is not deleted, by its id as number or text.
local function made(id)
	local segment = store.criteria:get(math.tointeger(tonumber(id)) or 0)
	return segment and not segment.deleted_ms and segment or nil
end

-- The members as a set of ids, whatever the state of computing; nil for an unknown segment.
function segments.now(id)
	local members, segment = {}, store.segments[tostring(id)]
	if segment then
		for _, contact_id in ipairs(segment.contact_ids) do
			members[contact_id] = true
		end
		return members
	end
	segment = made(id)
	if not segment then
		return nil
	end
	for _, c in store.contacts:each() do
		if contact.status(c) == "active" and criteria.meets(c, segment.parsed) then
			members[c.contact_id] = true
		end
	end
	return members
end

-- The same; nil while the segment is computed, which begins with the first question.
function segments.members(id)
	local segment = store.segments[id] or made(id)
	if not segment then
		reply.missing("segment_id %s was not found.", id)
	end
	segment.asked_ms = segment.asked_ms or clock.now()
	if clock.now() < segment.asked_ms + settings.activity_ms then
		return nil
	end
	return segments.now(id)
end

function segments.is_valid(all)
	if type(all) ~= "table" or host.is_array(all) then
		return false
	end
	for _, contact_ids in pairs(all) do
		if not host.is_array(contact_ids) then
			return false
		end
	end
	return true
end

local function shape(segment, whole)
	return {
		segment_id = segment.segment_id, name = segment.name,
		segment_criteria = whole and segment.text or nil,
		created_at = clock.iso(segment.created_ms), edited_at = clock.iso(segment.edited_ms),
	}
end

local function name_of(body, own)
	check.required(body, "name")
	local name = check.string(body, "name", 255)
	for _, segment in store.criteria:each() do
		if segment ~= own and not segment.deleted_ms and segment.name == name then
			reply.conflict("Validation failed: Segment name already exists for segment %d.",
				segment.segment_id)
		end
	end
	return name
end

local function criteria_of(body)
	check.required(body, "segment_criteria")
	local text = check.string(body, "segment_criteria", 20000)
	return text, criteria.parse(text)
end

-- A new segment in the store; id only for seeds.
function segments.add(name, text, parsed, id)
	local now = clock.now()
	store.segment_id = math.max(store.segment_id + 1, id or 0)
	return store.criteria:add {segment_id = id or store.segment_id, name = name, text = text,
		parsed = parsed or criteria.parse(text), created_ms = now, edited_ms = now}
end

-- Deleted segments can still be read by id. may_be_deleted: for that.
local function of_path(req, may_be_deleted)
	local id = math.tointeger(tonumber(req.ids[1]))
	if not id then
		reply.invalid("segment_id: %s is not a number", req.ids[1])
	end
	local segment = store.criteria:get(id)
	if not segment or segment.deleted_ms and not may_be_deleted then
		reply.missing("segment_id %s was not found.", req.ids[1])
	end
	return segment
end

function segments.create(req)
	local body = req:json()
	local segment = segments.add(name_of(body), criteria_of(body))
	req:changed("segment", segment.segment_id)
	return reply.json(201, shape(segment, true))
end

function segments.read(req)
	return reply.json(200, shape(of_path(req, true), true))
end

local function edited(req, segment)
	segment.edited_ms, segment.asked_ms = clock.now(), nil
	req:changed("segment", segment.segment_id)
	return reply.json(200, shape(segment, true))
end

function segments.update(req)
	local segment, body = of_path(req), req:json()
	local name = name_of(body, segment)
	segment.text, segment.parsed = criteria_of(body)
	segment.name = name
	return edited(req, segment)
end

function segments.rename(req)
	local segment = of_path(req)
	segment.name = name_of(req:json(), segment)
	return edited(req, segment)
end

local function is_used(segment)
	for _, mailing in store.mailings:each() do
		if mailing.schedule and mailing.segment_ids
				and mailing.segment_ids[1] == segment.segment_id then
			return true
		end
	end
	return false
end

function segments.delete(req)
	local segment = of_path(req)
	if is_used(segment) then
		reply.invalid("segment %d is used by a scheduled campaign", segment.segment_id)
	end
	segment.deleted_ms = clock.now()
	req:changed("segment", segment.segment_id)
	return reply.empty(204)
end

-- By name, or by date with the newest first.
function segments.list(req)
	local sort_by, all = page.params(req).sort_by or "date", {}
	if sort_by ~= "name" and sort_by ~= "date" then
		reply.invalid("sort_by: %s is not a valid value", sort_by)
	end
	for _, segment in store.criteria:each(nil, true) do
		if not segment.deleted_ms then
			all[#all + 1] = segment
		end
	end
	if sort_by == "name" then
		table.sort(all, function(a, b)
			return a.name < b.name
		end)
	end
	return page.answer(req, Collection.of(all), {
		path = "/v3/segments", key = "segments", default = 1000, max = 1000, null_link = true,
		shape = function(segment)
			return shape(segment)
		end,
	})
end

segments.routes = {
	{"GET", "/segments", segments.list},
	{"POST", "/segments", segments.create},
	{"GET", "/segments/{}", segments.read},
	{"PUT", "/segments/{}", segments.update},
	{"DELETE", "/segments/{}", segments.delete},
	{"PATCH", "/segments/{}/name", segments.rename},
}

return segments
