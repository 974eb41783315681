-- The demonstration's letters and what contacts did with them, its segments, landing page and SMS.

local campaigns = require "campaigns"
local clock = require "clock"
local emails = require "emails"
local mailings = require "mailings"
local segments = require "segments"
local sending = require "sending"
local store = require "store"
local tracking = require "tracking"

local demo_mail = {}

local LEADS = "07936f78-662a-11eb-af0a-fa163e56c9b0"
local NEWSLETTER = "2f8c0d3e-662a-11eb-af0a-fa163e56c9b0"
local PAGE = "1a000001-957a-48b5-bc45-3edf7fd5a2d1"
local DAY_MS = 86400000
local SHOP = "https://www.example.com/shop"

local function contact_id(i)
	return string.format("d3e00000-0000-4000-8000-%012d", i)
end

local function ids(n)
	return {string.format("ca%06d-48ef-433a-b836-7ca4f9aa3481", n),
		string.format("ac%06d-957a-48b5-bc45-3edf7fd5a2d1", n),
		string.format("ad%06d-957a-48b5-bc45-3edf7fd5a2d1", n)}
end

local function letter(n, name, lists)
	return campaigns.add(name, {
		format_type = 5, from_name = "Winters Prints", from_email = "letters@example.com",
		reply_to_email = "owner@example.com", subject = "The " .. name:lower(),
		preheader = "News from the press", contact_list_ids = lists and {table.unpack(lists)} or nil,
		html_content = '<html><body>[[trackingImage]]<h1>' .. name .. '</h1><p>Hello!</p>'
			.. '<a href="' .. SHOP .. '">Shop</a> <a href="https://www.example.com/about">About</a>'
			.. "</body></html>",
		physical_address_in_footer = {address_line1 = "12 Mill Road", city = "Boston",
			country_code = "US", organization_name = "Winters Prints", postal_code = "02451",
			state_code = "MA"},
	}, ids(n)).mailings[1]
end

-- Who did what with the letter that was sent: kind of act, contact, what is known beside.
local ACTS = {
	{"em_opens", 1, {device_type = "computer"}}, {"em_opens", 1, {device_type = "mobile"}},
	{"em_opens", 2, {device_type = "mobile"}}, {"em_opens", 7, {device_type = "tablet"}},
	{"em_clicks", 1, {device_type = "computer", url_id = "1100407204171", link_url = SHOP}},
	{"em_clicks", 7, {device_type = "tablet", url_id = "1100407204171", link_url = SHOP}},
	{"em_forwards", 2}, {"em_bounces", 5, {bounce_code = "F"}},
	{"em_optouts", 9, {opt_out_reason = "Too many letters"}},
}
local PAGE_ACTS = {
	{"p_contact_open", 1, {device_type = "computer"}}, {"p_contact_open", 1, {device_type = "mobile"}},
	{"p_contact_open", 3, {device_type = "tablet"}},
	{"p_contact_click", 1, {device_type = "computer", url_id = "1100407204172", link_url = SHOP}},
	{"p_contact_add", 3}, {"p_contact_update", 1}, {"p_contact_sms_optin", 1},
}

local function act(activity_id, rows)
	for _, row in ipairs(rows) do
		tracking.add(activity_id, row[1], contact_id(row[2]), row[3])
	end
end

-- A letter that went out three days ago.
local function send_spring()
	local mailing = letter(1, "Spring letter", {NEWSLETTER})
	for _, i in ipairs {1, 2, 5, 7, 9, 11} do
		tracking.add(mailing.campaign_activity_id, "em_sends", contact_id(i))
	end
	act(mailing.campaign_activity_id, ACTS)
	mailing.history[1] = {send_id = 1, run_date = clock.iso(clock.now()), count = 6,
		send_status = "COMPLETED", reason_code = 0, contact_list_ids = mailing.contact_list_ids}
	mailing.campaign.last_sent_ms = clock.now()
	mailings.set_status(mailing.campaign, "Done")
end

local NOT_OPENED = '{"version":"1.0.0","criteria":{"type":"and","group":[{"source":"tracking",'
	.. '"field":"not_opened","op":"contains-any","const_value":"last-n-campaigns","param":"5"}]}}'
local IN_LEADS = '{"version":"1.0.0","criteria":{"type":"and","group":[{"type":"or","group":['
	.. '{"source":"list_membership","field":"list_uuid","op":"eq","const_value":"' .. LEADS .. '"}]}]}}'

-- Into a store that has the contacts and lists.
function demo_mail.fill()
	emails.add("letters@example.com", true, {"REPLY_TO"})
	emails.add("new@example.com", false)
	local now = clock.now()
	clock.at(now - 3 * DAY_MS, send_spring)
	letter(2, "Summer letter", {NEWSLETTER})
	local autumn = letter(3, "Autumn letter", {LEADS, NEWSLETTER})
	sending.add_resend(autumn, {subject = "Did you see this?", delay_days = 3})
	sending.schedule(autumn, now + 30 * DAY_MS)
	local winter = letter(4, "Winter letter", {LEADS})
	winter.abtest = {alternative_subject = "Something warm", test_size = 30,
		winner_wait_duration = 24}
	segments.add("Not opened lately", NOT_OPENED, nil, 14)
	segments.add("Leads", IN_LEADS, nil, 15)
	store.pages:add {campaign_activity_id = PAGE, name = "Spring sale"}
	clock.at(now - 2 * DAY_MS, act, PAGE, PAGE_ACTS)
	store.sms_campaigns:add {campaign_id = "5e000001-48ef-433a-b836-7ca4f9aa3481",
		name = "Spring sale", sent_ms = now - 2 * DAY_MS,
		counts = {sends = 40, delivers = 38, opens = 0, clicks = 5, optouts = 1}}
end

return demo_mail
