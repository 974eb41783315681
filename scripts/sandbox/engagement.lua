-- Reports about one contact: what it did with the letters that it got.

local check = require "check"
local clock = require "clock"
local Collection = require "collection"
local contacts = require "contacts"
local host = require "host"
local page = require "page"
local reply = require "reply"
local store = require "store"
local text = require "text"
local tracking = require "tracking"

local engagement = {}

local FIVE_YEARS_MS = 5 * 366 * 86400000
local CAMPAIGNS_MAX = 200
-- The counts of a summary, by the kind of act.
local COUNTS = {em_sends = "em_sends", em_opens = "em_opens", em_clicks = "em_clicks",
	em_bounces = "em_bounces", em_forwards = "em_forwards", em_optouts = "em_unsubscribes"}

-- start and end, both required.
local function range(req)
	local from, to = clock.parse(req.params.start or ""), clock.parse(req.params["end"] or "")
	if not from or not to then
		reply.invalid("start and end are required, as in 2019-01-01T00:00:00-0500")
	end
	if to < from or to - from > FIVE_YEARS_MS then
		reply.invalid("start and end must be in order and at most five years apart")
	end
	return from, to
end

-- All records of a contact, the newest first.
local function records_of(c, keep)
	local found = {}
	for _, list in pairs(store.tracking) do
		for _, record in ipairs(list) do
			if record.contact_id == c.contact_id and keep(record) then
				found[#found + 1] = record
			end
		end
	end
	table.sort(found, function(a, b)
		if a.ms ~= b.ms then
			return a.ms > b.ms
		end
		return a.activity_id .. a.kind < b.activity_id .. b.kind
	end)
	return found
end

-- Campaign activities that were sent to the contact in that time, the newest first, with counts.
local function activities_of(c, from, to)
	local by_id, order = {}, {}
	for _, record in ipairs(records_of(c, tracking.of_kind("em_sends"))) do
		if record.ms >= from and record.ms <= to and not by_id[record.activity_id] then
			by_id[record.activity_id] = {campaign_activity_id = record.activity_id,
				start_on = clock.iso(record.ms)}
			for _, name in pairs(COUNTS) do
				by_id[record.activity_id][name] = 0
			end
			order[#order + 1] = by_id[record.activity_id]
		end
	end
	for _, record in ipairs(records_of(c, function(r) return COUNTS[r.kind] end)) do
		local sums, name = by_id[record.activity_id], COUNTS[record.kind]
		if sums then
			sums[name] = sums[name] + 1
		end
	end
	return order
end

function engagement.summary(req)
	local c = contacts.of_path(req)
	local found, out = activities_of(c, range(req)), host.array {}
	table.move(found, 1, math.min(#found, CAMPAIGNS_MAX), 1, out)
	return reply.json(200, {contact_id = c.contact_id, campaign_activities = out})
end

function engagement.rates(req)
	local c = contacts.of_path(req)
	local found, opens, clicks = activities_of(c, range(req)), 0, 0
	for _, sums in ipairs(found) do
		opens = opens + (sums.em_opens > 0 and 1 or 0)
		clicks = clicks + (sums.em_clicks > 0 and 1 or 0)
	end
	local n = math.max(1, #found)
	return reply.json(200, {contact_id = c.contact_id, included_activities_count = #found,
		average_open_rate = opens / n, average_click_rate = clicks / n})
end

function engagement.details(req)
	local c, params = contacts.of_path(req), page.params(req)
	local list, single = params.tracking_activities_list, params.tracking_activity_type
	if (list == nil) == (single == nil) then
		reply.invalid("one of tracking_activities_list, tracking_activity_type is required")
	end
	local wanted = check.words(table.unpack(text.items(list or single)))
	for kind in pairs(wanted) do
		if not tracking.TYPES[kind] then
			reply.invalid("%s is not a type of tracking activity", kind)
		end
	end
	local found = records_of(c, function(record)
		return wanted[record.kind]
	end)
	return page.answer(req, Collection.of(found), {
		path = "/v3/reports/contact_reports/" .. c.contact_id .. "/activity_details",
		key = "tracking_activities", default = 100, max = 100,
		shape = function(record)
			local mailing = store.mailings:get(record.activity_id)
			local named = params.include_campaign_activity_names == "true" and mailing
			return {contact_id = c.contact_id, campaign_activity_id = record.activity_id,
				created_time = clock.iso(record.ms), tracking_activity_type = record.kind,
				campaign_activity_name = named and mailing.campaign.name or nil}
		end,
	})
end

engagement.routes = {
	{"GET", "/reports/contact_reports/{}/activity_details", engagement.details},
	{"GET", "/reports/contact_reports/{}/open_and_click_rates", engagement.rates},
	{"GET", "/reports/contact_reports/{}/activity_summary", engagement.summary},
}

return engagement
