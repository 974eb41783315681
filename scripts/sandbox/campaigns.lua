-- E-mail campaigns: their names and states; what they send stands in mailings.lua.

local check = require "check"
local clock = require "clock"
local emails = require "emails"
local host = require "host"
local lookup = require "lookup"
local mailings = require "mailings"
local page = require "page"
local reply = require "reply"
local store = require "store"
local text = require "text"

local campaigns = {}

local function shape(campaign, whole)
	local out = {
		campaign_id = campaign.campaign_id, name = campaign.name, type = "NEWSLETTER", type_code = 10,
		current_status = campaign.status, created_at = clock.iso(campaign.created_ms),
		updated_at = clock.iso(campaign.updated_ms),
	}
	if whole then
		out.campaign_activities = host.array {}
		for i, mailing in ipairs(campaign.mailings) do
			out.campaign_activities[i] = {campaign_activity_id = mailing.campaign_activity_id,
				role = mailing.role, document_id = mailing.document_id}
		end
	end
	return out
end

local function name_of(body, own)
	check.required(body, "name")
	local name = check.string(body, "name", 80)
	for _, campaign in store.campaigns:each() do
		if campaign ~= own and campaign.status ~= "Removed" and campaign.name == name then
			reply.conflict("Validation failed: Campaign name already exists for campaign %s.",
				campaign.campaign_id)
		end
	end
	return name
end

-- A new campaign with its two activities in the store; ids {campaign, primary, permalink} only for
-- seeds.
function campaigns.add(name, mailing, ids)
	local now = clock.now()
	ids = ids or {host.uuid(), host.uuid(), host.uuid()}
	local campaign = {campaign_id = ids[1], name = name, status = "Draft", created_ms = now,
		updated_ms = now}
	mailing.campaign, mailing.campaign_activity_id, mailing.role = campaign, ids[2], "primary_email"
	local permalink = {campaign = campaign, campaign_activity_id = ids[3], role = "permalink"}
	campaign.mailings = {mailings.add(mailing), mailings.add(permalink)}
	return store.campaigns:add(campaign)
end

function campaigns.create(req)
	local body = req:json()
	local name = name_of(body)
	check.required(body, "email_campaign_activities")
	local activities = check.objects(body, "email_campaign_activities", 1)
	if #activities ~= 1 then
		reply.invalid("#/email_campaign_activities: expected minimum item count: 1, found: 0")
	end
	local letter = activities[1]
	check.required(letter, "html_content")
	local format = check.integer(letter, "format_type", 1, 5) or check.required(letter, "format_type")
	if format < 4 then
		reply.invalid("#/email_campaign_activities/0/format_type: must be 4 or 5")
	end
	local mailing = mailings.parse(letter)
	emails.check_confirmed(mailing.from_email, mailing.reply_to_email)
	mailing.format_type = format
	local campaign = campaigns.add(name, mailing)
	req:changed("campaign", campaign.campaign_id)
	return reply.json(200, shape(campaign, true))
end

local function of_path(req)
	return lookup.uuid(req, 1, store.campaigns, "campaign_id")
end

function campaigns.get(req)
	return reply.json(200, shape(of_path(req), true))
end

function campaigns.rename(req)
	local campaign = of_path(req)
	if campaign.status == "Removed" then
		reply.invalid("campaign %s is removed", campaign.campaign_id)
	end
	campaign.name = name_of(req:json(), campaign)
	campaign.updated_ms = clock.now()
	req:changed("campaign", campaign.campaign_id)
	return reply.json(200, shape(campaign, true))
end

function campaigns.delete(req)
	local campaign = of_path(req)
	if campaign.status == "Scheduled" or campaign.status == "Executing" then
		reply.invalid("campaign %s is scheduled", campaign.campaign_id)
	end
	if campaign.status ~= "Removed" then
		mailings.set_status(campaign, "Removed")
		req:changed("campaign", campaign.campaign_id)
	end
	return reply.empty(204)
end

local function instant(params, name)
	local ms = params[name] and clock.parse(params[name])
	if params[name] and not ms then
		reply.invalid("%s: %s is not an ISO-8601 date", name, params[name])
	end
	return ms
end

function campaigns.list(req)
	local params = page.params(req)
	local before, after = instant(params, "before_date"), instant(params, "after_date")
	return page.answer(req, store.campaigns, {
		path = "/v3/emails", key = "campaigns", default = 50, max = 500, down = true,
		keep = function(campaign)
			return (not before or campaign.updated_ms < before)
				and (not after or campaign.updated_ms > after)
		end,
		shape = function(campaign)
			return shape(campaign)
		end,
	})
end

-- Old ids, here the place in the order of making.
function campaigns.xrefs(req)
	local ids = text.items(req.params.v2_email_campaign_ids)
	if #ids == 0 or #ids > 50 then
		reply.invalid("v2_email_campaign_ids: 1 to 50 ids are required")
	end
	local found = host.array {}
	for _, id in ipairs(ids) do
		local serial = math.tointeger(tonumber(id))
		local campaign = serial and store.campaigns.items[serial]
		if campaign then
			found[#found + 1] = {v2_email_campaign_id = id, campaign_id = campaign.campaign_id,
				campaign_activity_id = campaign.mailings[1].campaign_activity_id}
		end
	end
	return reply.json(200, {xrefs = found})
end

campaigns.routes = {
	{"GET", "/emails", campaigns.list},
	{"POST", "/emails", campaigns.create},
	{"GET", "/emails/campaign_id_xrefs", campaigns.xrefs},
	{"GET", "/emails/{}", campaigns.get},
	{"PATCH", "/emails/{}", campaigns.rename},
	{"DELETE", "/emails/{}", campaigns.delete},
}

return campaigns
