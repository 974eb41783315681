-- Segments, as far as contacts know them: ids with members, set through the control interface.

local clock = require "clock"
local host = require "host"
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

-- The members as a set of ids, whatever the state of computing; nil for an unknown segment.
function segments.now(id)
	local segment = store.segments[tostring(id)]
	if not segment then
		return nil
	end
	local members = {}
	for _, contact_id in ipairs(segment.contact_ids) do
		members[contact_id] = true
	end
	return members
end

-- The same; nil while the segment is computed, which begins with the first question.
function segments.members(id)
	local segment = store.segments[id]
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

return segments
