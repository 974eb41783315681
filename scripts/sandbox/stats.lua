-- Sums over what contacts did: statistics by id, summaries of all campaigns, clicks by link.

local check = require "check"
local clock = require "clock"
local Collection = require "collection"
local host = require "host"
local lookup = require "lookup"
local page = require "page"
local reply = require "reply"
local store = require "store"
local text = require "text"
local tracking = require "tracking"

local stats = {}

local DEVICES = {"computer", "mobile", "tablet", "other", "none"}
local BOUNCES = {B = "nonexistent_address", D = "undeliverable", F = "mailbox_full", S = "suspended",
	V = "vacation", X = "other", Z = "blocked"}

local function count(id, kind, unique)
	return #tracking.records(id, tracking.of_kind(kind), unique)
end

-- The numbers of one activity by their names.
local function numbers(id)
	local out = {em_sends = count(id, "em_sends"), em_bounces = count(id, "em_bounces"),
		em_opens = count(id, "em_opens", true), em_opens_all = count(id, "em_opens"),
		em_clicks = count(id, "em_clicks", true), em_clicks_all = count(id, "em_clicks"),
		em_forwards = count(id, "em_forwards"), em_optouts = count(id, "em_optouts")}
	out.em_not_opened = math.max(0, out.em_sends - out.em_bounces - out.em_opens)
	for _, device in ipairs(DEVICES) do
		for _, kind in ipairs {"em_opens", "em_clicks"} do
			out[kind .. "_all_" .. device] = #tracking.records(id, function(record)
				return record.kind == kind and (record.device_type or "none") == device
			end)
		end
	end
	return out
end

-- Without digits behind the point.
local function percent(part, whole)
	return whole > 0 and math.floor(part * 100 / whole + 0.5) or 0
end

local function percents(n)
	local clicks, opens = n.em_clicks_all, n.em_opens_all
	return {
		bounce = percent(n.em_bounces, n.em_sends), open = percent(n.em_opens, n.em_sends),
		click = percent(n.em_clicks, n.em_sends), did_not_open = percent(n.em_not_opened, n.em_sends),
		unsubscribe = percent(n.em_optouts, n.em_sends),
		desktop_open = percent(n.em_opens_all_computer, opens),
		mobile_open = percent(n.em_opens_all_mobile, opens),
		desktop_click = percent(n.em_clicks_all_computer, clicks),
		mobile_click = percent(n.em_clicks_all_mobile, clicks),
	}
end

local function add_bounces(n, id)
	for code, name in pairs(BOUNCES) do
		n["em_bounces_" .. name] = #tracking.records(id, function(record)
			return record.kind == "em_bounces" and record.bounce_code == code
		end)
	end
	n.em_abuse = 0
	return n
end

-- The ids in the path; a malformed one spoils all.
local function ids_of(req, max)
	local ids = text.items(text.unescape(req.ids[1]))
	if #ids > max then
		reply.invalid("at most %d ids", max)
	end
	for i, id in ipairs(ids) do
		if not check.is_id(id) then
			error(reply.json(404, {errors = host.array {{
				error_key = "reportingsvc.not_found.invalid_path_param",
				error_message = "Could not find any campaign stats for " .. id}},
				results = host.array {}}), 0)
		end
		ids[i] = id:lower()
	end
	return ids
end

-- find(id): the result for an id, or nil, which becomes an error beside the results.
local function answer(ids, find)
	local results, errors = host.array {}, host.array {}
	for _, id in ipairs(ids) do
		local result = find(id)
		if result then
			result.last_refresh_time = clock.iso(clock.now())
			results[#results + 1] = result
		else
			errors[#errors + 1] = {error_key = "reportingsvc.not_found.campaign_stats",
				error_message = "Could not find any campaign stats for " .. id}
		end
	end
	return reply.json(200, {results = results, errors = errors})
end

function stats.campaigns(req)
	return answer(ids_of(req, 150), function(id)
		local campaign = store.campaigns:get(id)
		local n = campaign and numbers(campaign.mailings[1].campaign_activity_id)
		return n and {campaign_id = id, stats = n, percents = percents(n)}
	end)
end

function stats.activities(req)
	return answer(ids_of(req, 10), function(id)
		local mailing = store.mailings:get(id)
		return mailing and {campaign_activity_id = id, stats = add_bounces(numbers(id), id),
			campaign_id = mailing.campaign.campaign_id}
	end)
end

-- Clicks by link: those that were clicked, and with no_clicks=true the others of the letter too.
function stats.links(req)
	local mailing = lookup.uuid(req, 1, store.mailings, "campaign_activity_id")
	local id, links, by_url = mailing.campaign_activity_id, host.array {}, {}
	local function link(url, url_id)
		if not by_url[url] then
			by_url[url] = {link_url = url, url_id = url_id, unique_clicks = 0}
			table.insert(links, by_url[url])
		end
		return by_url[url]
	end
	local seen = {}
	for _, record in ipairs(tracking.records(id, tracking.of_kind("em_clicks"))) do
		local found = link(record.link_url or "", record.url_id)
		local key = record.contact_id .. found.link_url
		if not seen[key] then
			seen[key] = true
			found.unique_clicks = found.unique_clicks + 1
		end
	end
	if req.params.no_clicks == "true" then
		for url in (mailing.html_content or ""):gmatch('href="(http[^"]*)"') do
			link(url, tostring(1100000000000 + #links))
		end
	end
	return reply.json(200, {campaign_activity_id = id, link_click_counts = links})
end

local function add_aggregate(answered, sums)
	local body = host.json.decode(answered.body)
	body.aggregate_percents = sums
	return reply.json(200, body)
end

-- Campaigns that were sent, the newest first.
function stats.summaries(req)
	local sent, sums = {}, {em_sends = 0, em_opens = 0, em_clicks = 0, em_bounces = 0,
		em_not_opened = 0, em_optouts = 0}
	for _, campaign in store.campaigns:each(nil, true) do
		if campaign.last_sent_ms then
			campaign.numbers = numbers(campaign.mailings[1].campaign_activity_id)
			sent[#sent + 1] = campaign
			for name, value in pairs(sums) do
				sums[name] = value + campaign.numbers[name]
			end
		end
	end
	local answered = page.answer(req, Collection.of(sent), {
		path = "/v3/reports/summary_reports/email_campaign_summaries",
		key = "bulk_email_campaign_summaries", default = 50, max = 500,
		shape = function(campaign)
			local n = campaign.numbers
			return {campaign_id = campaign.campaign_id, campaign_type = "NEWSLETTER",
				last_sent_date = clock.iso(campaign.last_sent_ms),
				unique_counts = {sends = n.em_sends, opens = n.em_opens, clicks = n.em_clicks,
					forwards = n.em_forwards, optouts = n.em_optouts, abuse = 0,
					bounces = n.em_bounces, not_opened = n.em_not_opened}}
		end,
	})
	return add_aggregate(answered, {
		click = percent(sums.em_clicks, sums.em_sends), open = percent(sums.em_opens, sums.em_sends),
		did_not_open = percent(sums.em_not_opened, sums.em_sends),
		bounce = percent(sums.em_bounces, sums.em_sends),
		unsubscribe = percent(sums.em_optouts, sums.em_sends)})
end

function stats.sms(req)
	local params = page.params(req)
	local from, to = clock.parse(params.start_at or ""), params.end_at and clock.parse(params.end_at)
	if not from or params.end_at and not to then
		reply.invalid("start_at is required; both it and end_at are ISO-8601 dates")
	end
	local answered = page.answer(req, store.sms_campaigns, {
		path = "/v3/reports/summary_reports/sms_campaign_summaries", null_link = true,
		key = "bulk_sms_campaign_summaries", default = 50, max = 50,
		keep = function(campaign)
			return campaign.sent_ms >= from and (not to or campaign.sent_ms <= to)
		end,
		shape = function(campaign)
			return {campaign_id = campaign.campaign_id, campaign_name = campaign.name,
				campaign_type = "SMS", last_sent_date = clock.iso(campaign.sent_ms),
				unique_counts = campaign.counts}
		end,
	})
	return add_aggregate(answered, {deliver = 95.0, click = 12.5, bounce = 0.0, unsubscribe = 2.5})
end

stats.routes = {
	{"GET", "/reports/email_reports/{}/links", stats.links},
	{"GET", "/reports/summary_reports/email_campaign_summaries", stats.summaries},
	{"GET", "/reports/summary_reports/sms_campaign_summaries", stats.sms},
	{"GET", "/reports/stats/email_campaigns/{}", stats.campaigns},
	{"GET", "/reports/stats/email_campaign_activities/{}", stats.activities},
}

return stats
