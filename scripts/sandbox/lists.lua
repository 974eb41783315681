-- Contact lists and how many contacts are on them.

local activities = require "activities"
local check = require "check"
local clock = require "clock"
local contact = require "contact"
local host = require "host"
local page = require "page"
local reply = require "reply"
local store = require "store"
local text = require "text"

local lists = {}

local COUNTS = check.words("all", "active")
local STATUS = check.words("all", "active", "deleted")
local CHANNELS = check.words("email", "sms")

-- The number of members of each list, by list id, in one walk over the contacts.
local function membership_counts(kind)
	local counts = {}
	for _, c in store.contacts:each() do
		if kind == "all" or contact.status(c) == "active" then
			for _, id in ipairs(c.list_memberships) do
				counts[id] = (counts[id] or 0) + 1
			end
		end
	end
	return counts
end

local function counts_for(params)
	local kind = params.include_membership_count
	if not kind then
		return nil
	end
	if not COUNTS[kind] then
		reply.invalid("include_membership_count: %s is not a valid value", kind)
	end
	return membership_counts(kind)
end

local function shape(list, counts)
	return {
		list_id = list.list_id, name = list.name, description = list.description,
		favorite = list.favorite, created_at = clock.iso(list.created_ms),
		updated_at = clock.iso(list.updated_ms), deleted_at = clock.iso(list.deleted_ms),
		membership_count = counts and (counts[list.list_id] or 0) or nil,
	}
end

local function of_path(req)
	if not check.is_id(req.ids[1]) then
		reply.missing("list_id is in an invalid format.")
	end
	local list = store.list(req.ids[1]:lower())
	if not list then
		reply.missing("list_id %s was not found.", req.ids[1])
	end
	return list
end

-- A body's properties; the name must not be another list's.
local function parse(body, own)
	check.required(body, "name")
	local name = check.string(body, "name", 255)
	if name == "" then
		reply.invalid("#/name: expected minLength: 1, actual: 0")
	end
	for _, list in store.lists:each() do
		if not list.deleted_ms and list ~= own and list.name == name then
			reply.conflict("Validation failed: List name already exists for list %s.", list.list_id)
		end
	end
	return {name = name, description = check.string(body, "description", 255),
		favorite = check.boolean(body, "favorite") or false}
end

-- A new list in the store; id and now_ms only for seeds.
function lists.add(parsed, id)
	local now = clock.now()
	parsed.list_id = id or host.uuid()
	parsed.created_ms, parsed.updated_ms = now, now
	return store.lists:add(parsed)
end

function lists.create(req)
	local list = lists.add(parse(req:json()))
	req:changed("list", list.list_id)
	return reply.json(201, shape(list))
end

function lists.get(req)
	local list = of_path(req)
	return reply.json(200, shape(list, counts_for(req.params)))
end

function lists.update(req)
	local list = of_path(req)
	local parsed = parse(req:json(), list)
	list.name, list.description, list.favorite = parsed.name, parsed.description, parsed.favorite
	list.updated_ms = clock.now()
	req:changed("list", list.list_id)
	return reply.json(200, shape(list))
end

function lists.delete(req)
	local list = of_path(req)
	local activity = activities.add("list_delete", {list_ids = {list.list_id}})
	req:changed("activity", activity.activity_id)
	local shown = activities.shape(activity)
	shown.status = nil
	return reply.json(202, shown, {Location = shown._links.self.href})
end

-- Marks a list deleted and takes all contacts off it; false when there is none.
function lists.remove(id)
	local list = store.list(id)
	if not list then
		return false
	end
	list.deleted_ms = clock.now()
	list.updated_ms = list.deleted_ms
	for _, c in store.contacts:each() do
		contact.remove_list(c, id)
	end
	return true
end

local function statuses(params)
	local set = {}
	for _, word in ipairs(text.items(params.status or "active")) do
		if not STATUS[word] then
			reply.invalid("status: %s is not a valid value", word)
		end
		set[word] = true
	end
	return set
end

-- Lists with at least one member that has an SMS channel.
local function sms_lists()
	local set = {}
	for _, c in store.contacts:each() do
		for _, id in ipairs(c.sms_channel and c.list_memberships or {}) do
			set[id] = true
		end
	end
	return set
end

function lists.list(req)
	local params = page.params(req)
	local status, counts = statuses(params), counts_for(params)
	local channel = params.channel_type or "email"
	if not CHANNELS[channel] then
		reply.invalid("channel_type: %s is not a valid value", channel)
	end
	local with_sms = channel == "sms" and sms_lists()
	return page.answer(req, store.lists, {
		path = "/v3/contact_lists", key = "lists", count_key = "lists_count",
		default = 50, max = 1000,
		keep = function(list)
			return (status.all or status[list.deleted_ms and "deleted" or "active"])
				and (not params.name or list.name == params.name)
				and (not with_sms or with_sms[list.list_id])
		end,
		shape = function(list)
			return shape(list, counts)
		end,
	})
end

lists.routes = {
	{"GET", "/contact_lists", lists.list},
	{"POST", "/contact_lists", lists.create},
	{"GET", "/contact_lists/{}", lists.get},
	{"PUT", "/contact_lists/{}", lists.update},
	{"DELETE", "/contact_lists/{}", lists.delete},
}

return lists
