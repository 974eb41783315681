-- The demonstration's account: always the same ids.

local contact = require "contact"
local demo_events = require "demo_events"
local demo_mail = require "demo_mail"
local fields = require "fields"
local host = require "host"
local lists = require "lists"
local store = require "store"
local tags = require "tags"

local demo = {}

local LISTS = {
	{"07936f78-662a-11eb-af0a-fa163e56c9b0", "Leads", "People who asked for an offer"},
	{"1c2f1a50-662a-11eb-af0a-fa163e56c9b0", "Customers", "People who bought something"},
	{"2f8c0d3e-662a-11eb-af0a-fa163e56c9b0", "Newsletter", "The monthly letter"},
}
local TAGS = {
	{"5eb4b9ab-1cd8-4fd4-8ea0-2b6a2a3b0c11", "hot"},
	{"6a1d2c3b-1cd8-4fd4-8ea0-2b6a2a3b0c12", "webinar"},
	{"7b2e3d4c-1cd8-4fd4-8ea0-2b6a2a3b0c13", "vip"},
	{"8c3f4e5d-1cd8-4fd4-8ea0-2b6a2a3b0c14", "needs call"},
}
local FIELDS = {
	{"c0de0001-4752-41e9-9c8a-fa163e6b01c1", {label = "Favourite product", type = "string"}},
	{"c0de0002-4752-41e9-9c8a-fa163e6b01c1", {label = "Plan", type = "single_select"},
		{"Free", "Team", "Enterprise"}},
}
-- First name, last name, company, permission, lists, tags (places in the tables above).
local CONTACTS = {
	{"Ada", "Novak", "Novak Prints", "explicit", {1, 3}, {1}},
	{"Ben", "Okafor", "Okafor & Sons", "explicit", {2, 3}, {3}},
	{"Carla", "Ruiz", "Panaderia Sol", "implicit", {1}, {}},
	{"Deniz", "Yilmaz", "Yilmaz Tours", "implicit", {1, 2}, {2}},
	{"Elsa", "Lindqvist", "Lindqvist AB", "explicit", {3}, {}},
	{"Farid", "Haddad", "Haddad Optics", "implicit", {2}, {3, 4}},
	{"Grace", "Mbeki", "Green Roofs", "explicit", {1, 2, 3}, {1, 2}},
	{"Hugo", "Martin", "Atelier Martin", "pending_confirmation", {3}, {}},
	{"Ines", "Costa", "Costa Viva", "unsubscribed", {}, {}},
	{"Jonas", "Weber", "Weber Metall", "implicit", {2}, {4}},
	{"Kiri", "Tane", "Tane Surf", "explicit", {1, 3}, {2}},
	{"Liam", "Byrne", "Byrne Books", "not_set", {}, {}},
}

local function pick(places, rows)
	local out = host.array {}
	for i, place in ipairs(places) do
		out[i] = rows[place][1]
	end
	return out
end

local function add_contact(i, row)
	local id = string.format("d3e00000-0000-4000-8000-%012d", i)
	local c = contact.create("Account", id)
	c.first_name, c.last_name, c.company_name = row[1], row[2], row[3]
	contact.set_address(c, row[1]:lower() .. "@example.com")
	contact.set_permission(c, row[4], "Account")
	c.list_memberships, c.taggings = pick(row[5], LISTS), pick(row[6], TAGS)
	if i % 3 == 1 then
		c.custom_fields[1] = {custom_field_id = FIELDS[1][1], value = "Postcards"}
	end
end

-- Fills an empty store.
function demo.fill()
	assert(store.contacts.count == 0, "the store is not empty")
	for _, row in ipairs(LISTS) do
		lists.add({name = row[2], description = row[3], favorite = false}, row[1])
	end
	for _, row in ipairs(TAGS) do
		tags.add(row[2], nil, row[1])
	end
	for _, row in ipairs(FIELDS) do
		local body = {label = row[2].label, type = row[2].type}
		if row[3] then
			body.choices = host.array {}
			for i, label in ipairs(row[3]) do
				body.choices[i] = {choice_label = label, display_order = i}
			end
		end
		fields.add(body, row[1])
	end
	for i, row in ipairs(CONTACTS) do
		add_contact(i, row)
	end
	demo_mail.fill()
	demo_events.fill()
end

return demo
