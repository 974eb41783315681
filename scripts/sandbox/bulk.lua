-- The bulk activities that change contacts, lists, tags and custom fields.

local activities = require "activities"
local check = require "check"
local contact = require "contact"
local fields = require "fields"
local lists = require "lists"
local reply = require "reply"
local source = require "source"
local store = require "store"
local tags = require "tags"

local bulk = {}

local kinds = activities.kinds

local ADD_TO_LISTS = check.words("contact_ids", "list_ids", "tag_ids", "all_active_contacts",
	"segment_id", "engagement_level")
local REMOVE_FROM_LISTS = check.words("contact_ids", "list_ids", "tag_ids", "all_active_contacts",
	"engagement_level")
local TAGGING = check.words("contact_ids", "list_ids", "tag_ids", "all_active_contacts",
	"new_subscriber")
local DELETE = check.words("contact_ids", "list_ids")

local function fail(activity, text, ...)
	table.insert(activity.errors, string.format(text, ...))
end

-- The ids that exist; the others become errors of the activity.
local function existing(activity, ids, what, find)
	local found = {}
	for _, id in ipairs(ids) do
		if find(id) then
			found[#found + 1] = id
		else
			fail(activity, "%s %s was not found", what, id)
		end
	end
	return found
end

local function find_tag(id)
	return store.tags:get(id)
end

local function count_status(total, done, list_count)
	return {items_total_count = total, items_completed_count = done, list_count = list_count}
end

local function add_to_lists(activity, c, list_ids)
	if c.deleted_ms then
		contact.revive(c)
	end
	if c.email and c.email.permission == "unsubscribed" then
		fail(activity, "Contact %s is unsubscribed", c.contact_id)
		return false
	end
	local done = true
	for _, id in ipairs(list_ids) do
		if not contact.add_list(c, id) then
			fail(activity, "Contact %s is on 50 lists", c.contact_id)
			done = false
		end
	end
	contact.touch(c, "Account")
	return done
end

function kinds.add_list_memberships(activity, input)
	local list_ids = existing(activity, input.list_ids, "List", store.list)
	local found, done = source.contacts(activity, input.source), 0
	for _, c in ipairs(found) do
		if add_to_lists(activity, c, list_ids) then
			done = done + 1
		end
	end
	activity.status = count_status(#found, done, #input.list_ids)
end

function kinds.remove_list_memberships(activity, input)
	local list_ids = existing(activity, input.list_ids, "List", store.list)
	local found = source.contacts(activity, input.source)
	for _, c in ipairs(found) do
		for _, id in ipairs(list_ids) do
			if contact.remove_list(c, id) then
				contact.touch(c, "Account")
			end
		end
	end
	activity.status = count_status(#found, #found, #input.list_ids)
end

function kinds.contacts_taggings_add(activity, input)
	local tag_ids = existing(activity, input.tag_ids, "Tag", find_tag)
	local found, done = source.contacts(activity, input.source), 0
	for _, c in ipairs(found) do
		local all = true
		for _, id in ipairs(tag_ids) do
			if not contact.add_tag(c, id) then
				fail(activity, "Contact %s has 50 tags", c.contact_id)
				all = false
			end
		end
		contact.touch(c, "Account")
		done = done + (all and 1 or 0)
	end
	activity.status = count_status(#found, done)
end

function kinds.contacts_taggings_remove(activity, input)
	local tag_ids = existing(activity, input.tag_ids, "Tag", find_tag)
	local found = source.contacts(activity, input.source)
	for _, c in ipairs(found) do
		for _, id in ipairs(tag_ids) do
			if contact.remove_tag(c, id) then
				contact.touch(c, "Account")
			end
		end
	end
	activity.status = count_status(#found, #found)
end

function kinds.contact_delete(activity, input)
	local found = source.contacts(activity, input.source)
	for _, c in ipairs(found) do
		if not c.deleted_ms then
			contact.delete(c)
		end
	end
	local is_lists = input.source.kind == "list_ids"
	activity.status = count_status(#found, #found, is_lists and #input.source.value or 0)
end

function kinds.list_delete(activity, input)
	local count = 0
	for _, id in ipairs(input.list_ids) do
		if lists.remove(id) then
			count = count + 1
		else
			fail(activity, "List %s was not found", id)
		end
	end
	activity.status = {list_count = count}
end

local function delete_tags(activity, input)
	local count = 0
	for _, id in ipairs(input.tag_ids) do
		local contacts_count = tags.remove(id)
		if not contacts_count then
			fail(activity, "Tag %s was not found", id)
		end
		count = count + (contacts_count or 0)
	end
	activity.status = count_status(count, count)
end

kinds.contacts_tags_delete = delete_tags
kinds.tag_delete = delete_tags

function kinds.custom_fields_delete(activity, input)
	for _, id in ipairs(input.custom_field_ids) do
		if not fields.remove(id) then
			fail(activity, "Custom field %s was not found", id)
		end
	end
end

local function start(req, kind, input)
	local activity = activities.add(kind, input)
	req:changed("activity", activity.activity_id)
	local shown = activities.shape(activity)
	if kind == "custom_fields_delete" then
		shown.status = nil
	end
	return reply.json(201, shown)
end

-- A handler for an activity with a "source" and target ids.
local function with_source(kind, allowed, key)
	return function(req)
		local body = req:json()
		check.required(body, "source")
		return start(req, kind, {
			source = source.parse(check.object(body, "source"), body, allowed),
			[key] = check.ids(body, key, 50, 1),
		})
	end
end

-- A handler for an activity that deletes what its ids name.
local function with_ids(kind, key, max)
	return function(req)
		return start(req, kind, {[key] = check.ids(req:json(), key, max, 1)})
	end
end

-- This one has its source at the top of the body.
local function delete_contacts(req)
	local body = req:json()
	return start(req, "contact_delete", {source = source.parse(body, body, DELETE)})
end

bulk.routes = {
	{"POST", "/activities/add_list_memberships",
		with_source("add_list_memberships", ADD_TO_LISTS, "list_ids")},
	{"POST", "/activities/remove_list_memberships",
		with_source("remove_list_memberships", REMOVE_FROM_LISTS, "list_ids")},
	{"POST", "/activities/contacts_taggings_add",
		with_source("contacts_taggings_add", TAGGING, "tag_ids")},
	{"POST", "/activities/contacts_taggings_remove",
		with_source("contacts_taggings_remove", TAGGING, "tag_ids")},
	{"POST", "/activities/contact_delete", delete_contacts},
	{"POST", "/activities/list_delete", with_ids("list_delete", "list_ids", 100)},
	{"POST", "/activities/contacts_tags_delete", with_ids("contacts_tags_delete", "tag_ids", 500)},
	{"POST", "/activities/custom_fields_delete",
		with_ids("custom_fields_delete", "custom_field_ids", 100)},
}

return bulk
