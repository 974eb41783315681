-- The demonstration's events and registrations, social profiles, automation and partner's clients.

local automations = require "automations"
local clock = require "clock"
local events = require "events"
local host = require "host"
local partner = require "partner"
local registrations = require "registrations"
local store = require "store"

local demo_events = {}

local DAY_MS = 86400000
local OPEN_HOUSE = "e0000001-4e3b-41ea-a3b8-5a418fce41f4"
-- Registration's last digits, name, sum, payment, state, ticket's key.
local GUESTS = {
	{"890", "Ada", "Novak", 0.0, nil, "REGISTERED", "a1b2c0"},
	{"891", "Ben", "Okafor", 25.0, "PENDING", "REGISTERED", "a1b2c1"},
	{"892", "Grace", "Mbeki", 25.0, "PAID", "REGISTERED", "a1b2c2"},
	{"893", "Jonas", "Weber", 25.0, "REFUNDED", "CANCELED", "a1b2c3"},
}
local HASHTAGS = {"spring", "prints", "paper", "boston", "craft", "sale", "ink"}

local function add_events()
	local now = clock.now()
	events.add({name = "Open house", title = "Open house at the press", status = "ACTIVE",
		description = "See how prints are made", event_start = clock.iso(now + 10 * DAY_MS),
		event_end = clock.iso(now + 10 * DAY_MS + 7200000), active_time = clock.iso(now)},
		{OPEN_HOUSE, "s8zabc"})
	events.add({name = "Reunion", title = "Class of 2015 reunion", description = "Ten years on",
		event_start = clock.iso(now + 60 * DAY_MS), event_end = clock.iso(now + 61 * DAY_MS)},
		{"e0000002-4e3b-41ea-a3b8-5a418fce41f4", "gqz1gb"})
	for _, row in ipairs(GUESTS) do
		registrations.add {registration_id = "a1b2c3d4-e5f6-7890-abcd-ef1234567" .. row[1],
			event_id = OPEN_HOUSE, track_id = "s8zabc", first_name = row[2], last_name = row[3],
			email = row[2]:lower() .. "@example.com", total = row[4], payment = row[5],
			status = row[6], tickets = {row[7]}}
	end
end

local function add_social()
	for i, network in ipairs {"facebook", "instagram"} do
		store.profiles:add {profile_id = "profile-" .. i, network = network, connected = true,
			handle = "wintersprints", name = "Winters Prints", network_id = "10000" .. i,
			url = "https://" .. network .. ".example.com/wintersprints",
			image_url = "https://www.example.com/logo.png"}
	end
	for i, name in ipairs(HASHTAGS) do
		store.hashtags:add {hashtag_group_id = string.format("b%07d-0000-4000-8000-000000000000", i),
			hashtag_group_name = name, hashtag_names = host.array {"#" .. name, "#winters" .. name}}
	end
end

function demo_events.fill()
	add_events()
	add_social()
	automations.add("Welcome series", {type = "Action", action_name = "list_join",
		unique_by = "list_ids"}, "f1000001-144a-4dcf-b4dc-a1b2c3d4e5f6")
	partner.add("a07e1lxqqqo0", "hank_smith", "Hanks Fresh Fruit", true)
	partner.add("a08e1izvh8t9", "zen1016153", "Zenomatic", false)
	store.subscriptions:add {topic_id = 1, hook_uri = "https://www.example.com/hooks/billing"}
	store.subscriptions:add {topic_id = 2, hook_uri = "https://www.example.com/hooks/billing"}
	store.account.address = {address_line1 = "12 Mill Road", city = "Boston", state_code = "MA",
		postal_code = "02451", country_code = "US"}
end

return demo_events
