-- Which contacts a bulk activity is about: its "source" and what it excludes.

local check = require "check"
local contact = require "contact"
local host = require "host"
local reply = require "reply"
local search = require "search"
local segments = require "segments"
local store = require "store"

local source = {}

local KINDS = {"contact_ids", "list_ids", "tag_ids", "all_active_contacts", "segment_id",
	"new_subscriber", "engagement_level"}
local EXCLUDABLE = check.words("all_active_contacts", "list_ids", "everything")
local LEVELS = check.words("unqualified", "low", "medium", "high")

-- How each kind reads its value from the body.
local parse = {
	contact_ids = function(body)
		return check.ids(body, "contact_ids", 500, 1)
	end,
	list_ids = function(body)
		return check.ids(body, "list_ids", 50, 1)
	end,
	tag_ids = function(body)
		return check.ids(body, "tag_ids", 50, 1)
	end,
	segment_id = function(body)
		return check.integer(body, "segment_id", 1, 2147483647)
	end,
	all_active_contacts = function(body)
		return check.boolean(body, "all_active_contacts")
	end,
	new_subscriber = function(body)
		return check.boolean(body, "new_subscriber")
	end,
	engagement_level = function(body)
		return check.word(body, "engagement_level", LEVELS)
	end,
}

-- The one source in `from`, out of the allowed kinds. optional: without any it is everything.
function source.parse(from, body, allowed, optional)
	local kind, value
	for _, name in ipairs(KINDS) do
		local given = host.get(from, name)
		if given ~= nil and given ~= false and not (host.is_array(given) and #given == 0) then
			if kind then
				reply.invalid("#/source: %s and %s exclude each other", kind, name)
			end
			if not allowed[name] then
				reply.invalid("#/source: %s is not allowed here", name)
			end
			kind, value = name, parse[name](from)
		end
	end
	if not kind and not optional then
		reply.invalid("#/source: exactly one source is required")
	end
	kind = kind or "everything"
	if kind == "segment_id" and not segments.now(value) then
		reply.missing("segment_id %d was not found.", value)
	end
	local exclude = check.object(body, "exclude")
	local excluded = exclude and check.ids(exclude, "contact_ids", 500) or {}
	if #excluded > 0 and not EXCLUDABLE[kind] then
		reply.invalid("#/exclude: cannot be combined with %s", kind)
	end
	return {kind = kind, value = value, excluded = check.words(table.unpack(excluded))}
end

local function has_any(have, wanted)
	for _, id in ipairs(have) do
		if wanted[id] then
			return true
		end
	end
	return false
end

-- How each kind decides about a contact that is not deleted.
local meets = {
	list_ids = function(c, wanted)
		return has_any(c.list_memberships, wanted)
	end,
	tag_ids = function(c, wanted)
		return has_any(c.taggings, wanted)
	end,
	segment_id = function(c, wanted)
		return wanted[c.contact_id]
	end,
	all_active_contacts = function(c)
		return contact.status(c) == "active"
	end,
	new_subscriber = function(c)
		return contact.status(c) == "active" and search.is_new(c)
	end,
	-- Nobody ever opened a mail here: all active contacts are unqualified.
	engagement_level = function(c, level)
		return level == "unqualified" and contact.status(c) == "active"
	end,
	everything = function()
		return true
	end,
}

local function by_ids(activity, ids)
	local found = {}
	for _, id in ipairs(ids) do
		local c = store.contacts:get(id)
		if c then
			found[#found + 1] = c
		else
			table.insert(activity.errors, "Contact " .. id .. " was not found")
		end
	end
	return found
end

-- The contacts as of now; ids that do not exist become errors of the activity.
function source.contacts(activity, src)
	if src.kind == "contact_ids" then
		return by_ids(activity, src.value)
	end
	local wanted = src.value
	if src.kind == "segment_id" then
		wanted = segments.now(src.value) or {}
	elseif type(src.value) == "table" then
		wanted = check.words(table.unpack(src.value))
	end
	local found = {}
	for _, c in store.contacts:each() do
		if not c.deleted_ms and not src.excluded[c.contact_id] and meets[src.kind](c, wanted) then
			found[#found + 1] = c
		end
	end
	return found
end

return source
