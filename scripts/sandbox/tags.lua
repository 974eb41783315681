-- Contact tags.

local activities = require "activities"
local check = require "check"
local clock = require "clock"
local contact = require "contact"
local host = require "host"
local page = require "page"
local reply = require "reply"
local store = require "store"

local tags = {}

local function counts_for(params)
	if params.include_count ~= "true" then
		return nil
	end
	local counts = {}
	for _, c in store.contacts:each() do
		for _, id in ipairs(c.deleted_ms and {} or c.taggings) do
			counts[id] = (counts[id] or 0) + 1
		end
	end
	return counts
end

local function shape(tag, counts)
	return {
		tag_id = tag.tag_id, name = tag.name, tag_source = tag.tag_source,
		created_at = clock.iso(tag.created_ms), updated_at = clock.iso(tag.updated_ms),
		contacts_count = counts and (counts[tag.tag_id] or 0) or nil,
	}
end

local function of_path(req)
	if not check.is_id(req.ids[1]) then
		reply.missing("tag_id is in an invalid format.")
	end
	local tag = store.tags:get(req.ids[1]:lower())
	if not tag then
		reply.missing("tag_id %s was not found.", req.ids[1])
	end
	return tag
end

local function name_of(body, own)
	check.required(body, "name")
	local name = check.string(body, "name", 255)
	if name == "" then
		reply.invalid("#/name: expected minLength: 1, actual: 0")
	end
	for _, tag in store.tags:each() do
		if tag ~= own and tag.name:lower() == name:lower() then
			reply.conflict("Validation failed: Tag name already exists for tag %s.", tag.tag_id)
		end
	end
	return name
end

-- A new tag in the store; id only for seeds.
function tags.add(name, source, id)
	local now = clock.now()
	return store.tags:add {tag_id = id or host.uuid(), name = name, tag_source = source or "Contact",
		created_ms = now, updated_ms = now}
end

function tags.create(req)
	local body = req:json()
	local tag = tags.add(name_of(body), check.string(body, "tag_source", 255))
	req:changed("tag", tag.tag_id)
	return reply.json(201, shape(tag))
end

function tags.get(req)
	local tag = of_path(req)
	return reply.json(200, shape(tag, counts_for(req.params)))
end

function tags.update(req)
	local tag = of_path(req)
	tag.name = name_of(req:json(), tag)
	tag.updated_ms = clock.now()
	req:changed("tag", tag.tag_id)
	return reply.json(200, shape(tag))
end

function tags.delete(req)
	local tag = of_path(req)
	local activity = activities.add("tag_delete", {tag_ids = {tag.tag_id}})
	req:changed("activity", activity.activity_id)
	return reply.json(202, activities.shape(activity))
end

-- Takes the tag off all contacts and forgets it; the number of contacts, or nil without such a tag.
function tags.remove(id)
	if not store.tags:get(id) then
		return nil
	end
	local count = 0
	for _, c in store.contacts:each() do
		if contact.remove_tag(c, id) then
			count = count + 1
		end
	end
	store.tags:remove(id)
	return count
end

function tags.list(req)
	local counts = counts_for(page.params(req))
	return page.answer(req, store.tags, {
		path = "/v3/contact_tags", key = "tags", default = 50, max = 500,
		shape = function(tag)
			return shape(tag, counts)
		end,
	})
end

tags.routes = {
	{"GET", "/contact_tags", tags.list},
	{"POST", "/contact_tags", tags.create},
	{"GET", "/contact_tags/{}", tags.get},
	{"PUT", "/contact_tags/{}", tags.update},
	{"DELETE", "/contact_tags/{}", tags.delete},
}

return tags
