-- GET /contacts with its filters, and the counts by consent.

local check = require "check"
local clock = require "clock"
local contact = require "contact"
local contacts = require "contacts"
local host = require "host"
local page = require "page"
local reply = require "reply"
local segments = require "segments"
local sms = require "sms"
local store = require "store"
local text = require "text"

local search = {}

local STATUS = check.words("all", "active", "deleted", "not_set", "pending_confirmation",
	"temp_hold", "unsubscribed")
local SMS_STATUS = check.words("all", "explicit", "unsubscribed", "pending_confirmation", "not_set")
local NEW_MS = 30 * 86400000

local function words(params, name, known)
	local items = text.items(params[name])
	for _, item in ipairs(items) do
		if not known[item] then
			reply.invalid("%s: %s is not a valid value", name, item)
		end
	end
	return #items > 0 and check.words(table.unpack(items)) or nil
end

local function ids(params, name, max)
	local items = text.items(params[name])
	if #items > max then
		reply.invalid("%s: at most %d ids", name, max)
	end
	for i, item in ipairs(items) do
		if not check.is_id(item) then
			reply.invalid("%s: %s is not a valid uuid", name, item)
		end
		items[i] = item:lower()
	end
	return #items > 0 and check.words(table.unpack(items)) or nil
end

local function instant(params, name)
	local value = params[name]
	if not value then
		return nil
	end
	local ms = clock.parse(value)
	if not ms then
		reply.invalid("%s: %s is not an ISO-8601 date", name, value)
	end
	return ms
end

local function has_any(have, wanted)
	for _, id in ipairs(have) do
		if wanted[id] then
			return true
		end
	end
	return false
end

local function within(ms, after, before)
	return (not after or ms and ms > after) and (not before or ms and ms < before)
end

-- A function that says of a contact whether it meets all filters.
local function filter_of(params)
	local status = words(params, "status", STATUS)
	local sms_status = words(params, "sms_status", SMS_STATUS)
	local lists, tags = ids(params, "lists", 25), ids(params, "tags", 50)
	local email = params.email and params.email:lower()
	local range = {}
	for _, what in ipairs {"updated", "created", "optout"} do
		range[what] = {instant(params, what .. "_after"), instant(params, what .. "_before")}
	end
	return function(c)
		if status then
			if not status.all and not status[contact.status(c)] then
				return false
			end
		elseif c.deleted_ms then
			return false
		end
		local out_ms = c.email and c.email.opt_out_ms
		return (not email or c.email and c.email.address:lower() == email)
			and (not lists or has_any(c.list_memberships, lists))
			and (not tags or has_any(c.taggings, tags))
			and (not sms_status or sms_status.all or sms_status[sms.status(c)])
			and within(c.updated_ms, range.updated[1], range.updated[2])
			and within(c.created_ms, range.created[1], range.created[2])
			and within(out_ms, range.optout[1], range.optout[2])
	end
end

local function check_alone(params)
	for name in pairs(params) do
		if name ~= "segment_id" and name ~= "limit" then
			reply.invalid("segment_id can only be combined with limit")
		end
	end
end

-- The one contact with an address, without a walk over all.
local function by_email(req, keep, include)
	local c = contact.by_email(req.params.email)
	local body = {contacts = host.array {}}
	if c and keep(c) then
		body.contacts[1] = contact.shape(c, include)
	end
	if req.params.include_count == "true" then
		body.contacts_count = #body.contacts
	end
	return reply.json(200, body)
end

function search.list(req)
	local params = page.params(req)
	local include, keep = contacts.include(params), filter_of(params)
	if params.segment_id then
		check_alone(params)
		local members = segments.members(params.segment_id)
		if not members then
			return reply.json(202, {status = "processing"})
		end
		keep = function(c)
			return members[c.contact_id] and not c.deleted_ms
		end
	elseif params.email and not params.limit and not req.params.cursor then
		return by_email(req, keep, include)
	end
	return page.answer(req, store.contacts, {
		path = "/v3/contacts", key = "contacts", count_key = "contacts_count",
		default = 50, max = 500, keep = keep,
		shape = function(c)
			return contact.shape(c, include)
		end,
	})
end

function search.is_new(c)
	return c.created_ms > clock.now() - NEW_MS
end

function search.counts(req)
	local counts = {total = 0, explicit = 0, implicit = 0, pending = 0, unsubscribed = 0}
	local include = req.params.include
	local fresh = 0
	for _, c in store.contacts:each() do
		if not c.deleted_ms then
			local permission = c.email and c.email.permission or "not_set"
			local name = permission == "pending_confirmation" and "pending" or permission
			counts.total = counts.total + 1
			if counts[name] then
				counts[name] = counts[name] + 1
			end
			if contact.status(c) == "active" and search.is_new(c) then
				fresh = fresh + 1
			end
		end
	end
	if include == "new_subscriber" or include == "new_subscribers" then
		counts.new_subscriber = fresh
	elseif include then
		reply.invalid("include: %s is not a valid value", include)
	end
	return reply.json(200, counts)
end

search.routes = {
	{"GET", "/contacts", search.list},
	{"GET", "/contacts/counts", search.counts},
}

return search
