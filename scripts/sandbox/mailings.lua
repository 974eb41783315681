-- The activities of an e-mail campaign: the letter, to whom it goes, how it looks.

local check = require "check"
local clock = require "clock"
local emails = require "emails"
local host = require "host"
local lookup = require "lookup"
local object = require "object"
local reply = require "reply"
local segments = require "segments"
local store = require "store"
local text = require "text"

local mailings = {}

-- Left as they are when a PUT does not have them, and shown only when ?include= asks.
local SUBRESOURCES = {"physical_address_in_footer", "document_properties", "html_content",
	"permalink_url"}
local INCLUDES = check.words(table.unpack(SUBRESOURCES))
local PLAIN = {"from_email", "from_name", "reply_to_email", "subject", "preheader",
	"contact_list_ids", "segment_ids"}
local TEST_MAX = 50 -- recipients of test letters a day

function mailings.add(mailing)
	mailing.status = mailing.status or "DRAFT"
	mailing.document_id = mailing.document_id or host.uuid()
	mailing.history, mailing.resends = host.array {}, {}
	return store.mailings:add(mailing)
end

-- Status words of a campaign are capitalised, those of its activities upper case.
function mailings.set_status(campaign, status)
	campaign.status, campaign.updated_ms = status, clock.now()
	campaign.mailings[1].status = status:upper()
	if status == "Removed" then
		campaign.mailings[2].status = "REMOVED"
	end
end

-- The activity of the path; removed ones cannot be read. primary: it must be the letter itself.
function mailings.of_path(req, primary)
	local mailing = lookup.uuid(req, 1, store.mailings, "campaign_activity_id")
	if mailing.status == "REMOVED" then
		reply.missing("campaign_activity_id %s was not found.", req.ids[1])
	end
	if primary and mailing.role ~= "primary_email" then
		reply.invalid("campaign_activity_id %s is not a primary_email", req.ids[1])
	end
	return mailing
end

local function check_words(letter)
	for _, name in ipairs {"from_name", "from_email", "reply_to_email", "subject"} do
		check.required(letter, name)
	end
	check.string(letter, "from_name", 100)
	check.string(letter, "subject", 200)
	check.string(letter, "preheader", 250)
	for _, name in ipairs {"from_email", "reply_to_email"} do
		if not check.is_email(check.string(letter, name, 80)) then
			reply.invalid("#/%s: is not a valid email address", name)
		end
	end
end

local function check_html(letter, format)
	local html = check.string(letter, "html_content", 150000)
	if html and format == 5 and not html:find("[[trackingImage]]", 1, true) then
		reply.invalid("#/html_content: [[trackingImage]] is required")
	end
	local footer = check.object(letter, "physical_address_in_footer")
	if footer then
		for _, name in ipairs {"address_line1", "country_code", "organization_name"} do
			check.required(footer, name)
		end
	end
	check.object(letter, "document_properties")
end

local function check_audience(letter)
	local lists = check.ids(letter, "contact_list_ids") or {}
	local chosen = check.array(letter, "segment_ids", 1) or {}
	if #lists > 0 and #chosen > 0 then
		reply.invalid("#: contact_list_ids and segment_ids exclude each other")
	end
	for _, id in ipairs(lists) do
		if not store.list(id) then
			reply.invalid("#/contact_list_ids: list %s was not found", id)
		end
	end
	for _, id in ipairs(chosen) do
		if not segments.now(id) then
			reply.invalid("#/segment_ids: segment %s was not found", tostring(id))
		end
	end
	return #lists > 0 and lists or nil
end

-- A letter out of a body, checked. format: that of the activity which is changed.
function mailings.parse(letter, format)
	check_words(letter)
	check_html(letter, format or letter.format_type)
	local lists = check_audience(letter)
	local mailing = object.pick(letter, PLAIN)
	mailing.contact_list_ids = lists
	return object.merge(mailing, letter, SUBRESOURCES)
end

local function shape(mailing, include)
	local out = object.pick(mailing, PLAIN)
	out.campaign_activity_id, out.role = mailing.campaign_activity_id, mailing.role
	out.campaign_id, out.document_id = mailing.campaign.campaign_id, mailing.document_id
	out.current_status, out.format_type = mailing.status, mailing.format_type
	if mailing.role == "primary_email" then
		out.contact_list_ids = mailing.contact_list_ids or host.array {}
		out.segment_ids = mailing.segment_ids or host.array {}
	end
	for name in pairs(include) do
		out[name] = mailing[name]
	end
	if include.permalink_url and not out.permalink_url then
		out.permalink_url = "https://conta.cc/" .. mailing.document_id:sub(1, 8)
	end
	return out
end

function mailings.get(req)
	local include = {}
	for _, name in ipairs(text.items(req.params.include)) do
		if not INCLUDES[name] then
			reply.invalid("include: %s is not a valid value", name)
		end
		include[name] = true
	end
	return reply.json(200, shape(mailings.of_path(req), include))
end

function mailings.update(req)
	local mailing = mailings.of_path(req, true)
	if mailing.status ~= "DRAFT" and mailing.status ~= "DONE" then
		reply.invalid("an activity that is %s cannot be changed", mailing.status)
	end
	local body = req:json()
	local letter = mailings.parse(body, mailing.format_type)
	emails.check_confirmed(letter.from_email, letter.reply_to_email)
	for _, name in ipairs(PLAIN) do
		mailing[name] = letter[name]
	end
	object.merge(mailing, body, SUBRESOURCES)
	mailing.campaign.updated_ms = clock.now()
	req:changed("mailing", mailing.campaign_activity_id)
	return reply.json(200, shape(mailing, INCLUDES))
end

function mailings.preview(req)
	local mailing = mailings.of_path(req)
	local html = (mailing.html_content or ""):gsub("%[%[trackingImage%]%]", "")
	local plain = html:gsub("<[^>]*>", " "):gsub("%s+", " "):match("^%s*(.-)%s*$")
	return reply.json(200, {
		campaign_activity_id = mailing.campaign_activity_id, from_email = mailing.from_email,
		from_name = mailing.from_name, reply_to_email = mailing.reply_to_email,
		subject = mailing.subject, preheader = mailing.preheader, preview_html_content = html,
		preview_text_content = plain,
	})
end

function mailings.test(req)
	local mailing, body = mailings.of_path(req), req:json()
	check.required(body, "email_addresses")
	local addresses = check.array(body, "email_addresses", 5)
	check.string(body, "personal_message", 300)
	if #addresses == 0 then
		reply.invalid("#/email_addresses: expected minimum item count: 1, found: 0")
	end
	for i, address in ipairs(addresses) do
		if type(address) ~= "string" or not check.is_email(address) then
			reply.invalid("#/email_addresses/%d: is not a valid email address", i - 1)
		end
	end
	local today = clock.day(clock.now())
	if store.test_day ~= today then
		store.test_day, store.tests_today = today, 0
	end
	if store.tests_today + #addresses > TEST_MAX then
		reply.invalid("at most %d test letters can be sent a day", TEST_MAX)
	end
	store.tests_today = store.tests_today + #addresses
	store.test_sends = store.test_sends + #addresses
	req:changed("test_send", mailing.campaign_activity_id)
	return reply.empty(204)
end

mailings.routes = {
	{"GET", "/emails/activities/{}", mailings.get},
	{"PUT", "/emails/activities/{}", mailings.update},
	{"GET", "/emails/activities/{}/previews", mailings.preview},
	{"POST", "/emails/activities/{}/tests", mailings.test},
}

return mailings
