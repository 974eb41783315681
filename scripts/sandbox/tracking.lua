-- What contacts did with letters and landing pages, and the lists of it by campaign activity.

local check = require "check"
local clock = require "clock"
local Collection = require "collection"
local contact = require "contact"
local host = require "host"
local lookup = require "lookup"
local page = require "page"
local reply = require "reply"
local store = require "store"

local tracking = {}

tracking.TYPES = check.words("em_sends", "em_opens", "em_clicks", "em_bounces", "em_optouts",
	"em_forwards", "p_contact_open", "p_contact_click", "p_contact_add", "p_contact_update",
	"p_contact_sms_optin")
local BOUNCES = check.words("B", "D", "F", "S", "V", "X", "Z")

-- Notes an act. more: device_type, url_id, link_url, bounce_code, opt_out_reason.
function tracking.add(activity_id, kind, contact_id, more)
	local record = {kind = kind, activity_id = activity_id, contact_id = contact_id, ms = clock.now()}
	for name, value in pairs(more or {}) do
		record[name] = value
	end
	store.tracking[activity_id] = store.tracking[activity_id] or {}
	table.insert(store.tracking[activity_id], record)
	return record
end

-- The records of an activity for which keep(record) is true. unique: each contact's first.
function tracking.records(activity_id, keep, unique)
	local out, seen = {}, {}
	for _, record in ipairs(store.tracking[activity_id] or {}) do
		if keep(record) and not (unique and seen[record.contact_id]) then
			seen[record.contact_id] = true
			out[#out + 1] = record
		end
	end
	return out
end

function tracking.of_kind(kind)
	return function(record)
		return record.kind == kind
	end
end

-- The ids of the contacts that opened it, as a set.
function tracking.openers(activity_id)
	local set = {}
	for _, record in ipairs(store.tracking[activity_id] or {}) do
		if record.kind == "em_opens" then
			set[record.contact_id] = true
		end
	end
	return set
end

local function shape(record, kind)
	local c = store.contacts:get(record.contact_id)
	return {
		contact_id = record.contact_id, campaign_activity_id = record.activity_id,
		tracking_activity_type = kind, created_time = clock.iso(record.ms),
		email_address = c.email and c.email.address or "", first_name = c.first_name,
		last_name = c.last_name, deleted_at = clock.date(c.deleted_ms),
		device_type = record.device_type, url_id = record.url_id, link_url = record.link_url,
		bounce_code = record.bounce_code, opt_out_reason = record.opt_out_reason,
		current_email_address = record.bounce_code and c.email and c.email.address or nil,
	}
end

-- Codes come as a parameter each; a comma list is no code.
local function bounce_codes(req, params)
	for value in req.query:gmatch("bounce_code=([^&]*)") do
		if not BOUNCES[value] then
			reply.invalid("bounce_code: %s is not a valid value", value)
		end
	end
	if not params.bounce_code then
		return nil
	end
	local wanted = {}
	for code in params.bounce_code:gmatch("[^,]+") do
		wanted[code] = true
	end
	return wanted
end

-- Sends to contacts that never opened.
local function unopened(activity_id)
	local opened = tracking.openers(activity_id)
	return tracking.records(activity_id, function(record)
		return record.kind == "em_sends" and not opened[record.contact_id]
	end, true)
end

local function keep_for(kind, req, params)
	local codes = kind == "em_bounces" and bounce_codes(req, params)
	local url_id = kind == "em_clicks" and params.url_id
	return function(record)
		return record.kind == kind and (not codes or codes[record.bounce_code])
			and (not url_id or record.url_id == url_id)
	end
end

-- A handler for one of the lists of a letter's reports.
local function report(name, kind, unique)
	return function(req)
		local mailing = lookup.uuid(req, 1, store.mailings, "campaign_activity_id")
		local id, params = mailing.campaign_activity_id, page.params(req)
		local found = kind == "em_didnotopens" and unopened(id)
			or tracking.records(id, keep_for(kind, req, params), unique)
		return page.answer(req, Collection.of(found), {
			path = "/v3/reports/email_reports/" .. id .. "/tracking/" .. name,
			key = "tracking_activities", default = 500, max = 500,
			shape = function(record)
				return shape(record, kind)
			end,
		})
	end
end

local function meets_filter(record, filter)
	local c = store.contacts:get(record.contact_id)
	for _, value in ipairs {c.first_name or "", c.last_name or "", c.email and c.email.address or ""} do
		if value:lower():find(filter:lower(), 1, true) then
			return true
		end
	end
	return false
end

-- The same for a landing page. shown: the word that the answers have for the kind.
local function page_report(name, kind, shown, unique)
	return function(req)
		local id = lookup.uuid(req, 1, store.pages, "campaign_activity_id").campaign_activity_id
		local filter = page.params(req).contacts_filter
		local found = tracking.records(id, function(record)
			return record.kind == kind and (not filter or meets_filter(record, filter))
		end, unique)
		return page.answer(req, Collection.of(found), {
			path = "/v3/reports/landing_pages/campaign_details/" .. id .. "/" .. name,
			key = "tracking_activities", default = 50, max = 500, null_link = true,
			shape = function(record)
				return shape(record, shown)
			end,
		})
	end
end

-- Notes for tests that a contact did something, as the control interface was told.
function tracking.note(body)
	local kind = check.word(body, "type", tracking.TYPES) or check.required(body, "type")
	local c = contact.by_email(check.string(body, "address", 80) or check.required(body, "address"))
	local id = check.string(body, "campaign_activity_id", 36)
		or check.required(body, "campaign_activity_id")
	if not c or not (store.mailings:get(id) or store.pages:get(id)) then
		reply.missing("there is no such contact or campaign activity")
	end
	tracking.add(id, kind, c.contact_id, {
		url_id = host.get(body, "url_id"), link_url = host.get(body, "link_url"),
		bounce_code = host.get(body, "bounce_code"), device_type = host.get(body, "device_type"),
		opt_out_reason = host.get(body, "opt_out_reason"),
	})
end

local LETTER = "/reports/email_reports/{}/tracking/"
local PAGE = "/reports/landing_pages/campaign_details/{}/"

local function letter_route(name, kind, unique)
	return {"GET", LETTER .. name, report(name, kind, unique)}
end

local function page_route(name, kind, shown, unique)
	return {"GET", PAGE .. name, page_report(name, kind, shown, unique)}
end

tracking.routes = {
	letter_route("sends", "em_sends"),
	letter_route("opens", "em_opens"),
	letter_route("unique_opens", "em_opens", true),
	letter_route("didnotopens", "em_didnotopens"),
	letter_route("clicks", "em_clicks"),
	letter_route("forwards", "em_forwards"),
	letter_route("optouts", "em_optouts"),
	letter_route("bounces", "em_bounces"),
	page_route("p_contact_opens", "p_contact_open", "p_contact_opens"),
	page_route("p_unique_contact_opens", "p_contact_open", "p_contact_opens", true),
	page_route("p_unique_contact_clicks", "p_contact_click", "p_contact_click", true),
	page_route("p_unique_contact_updates", "p_contact_update", "p_contact_updates", true),
	page_route("p_unique_contact_adds", "p_contact_add", "p_contact_adds", true),
	page_route("p_unique_contact_sms_optins", "p_contact_sms_optin", "p_contact_sms_optins", true),
}

return tracking
