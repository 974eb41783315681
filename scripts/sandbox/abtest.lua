-- A/B tests: another subject for a share of the recipients.

local check = require "check"
local mailings = require "mailings"
local object = require "object"
local reply = require "reply"

local abtest = {}

local WAITS = {[6] = true, [12] = true, [24] = true, [48] = true}

function abtest.get(req)
	local test = mailings.of_path(req, true).abtest
	if not test then
		reply.missing("The campaign activity %s has no A/B test.", req.ids[1])
	end
	return reply.json(200, test)
end

function abtest.create(req)
	local mailing, body = mailings.of_path(req, true), req:json()
	for _, name in ipairs {"alternative_subject", "test_size", "winner_wait_duration"} do
		check.required(body, name)
	end
	check.string(body, "alternative_subject", 200)
	check.integer(body, "test_size", 5, 50)
	if not WAITS[check.integer(body, "winner_wait_duration", 6, 48)] then
		reply.invalid("#/winner_wait_duration: must be 6, 12, 24 or 48")
	end
	if mailing.abtest then
		reply.conflict("The campaign activity %s has an A/B test already.", req.ids[1])
	end
	if mailing.status ~= "DRAFT" then
		reply.invalid("an activity that is %s cannot be tested", mailing.status)
	end
	mailing.abtest = object.pick(body,
		{"alternative_subject", "test_size", "winner_wait_duration"})
	req:changed("abtest", mailing.campaign_activity_id)
	return reply.json(201, mailing.abtest)
end

function abtest.delete(req)
	local mailing = mailings.of_path(req, true)
	if not mailing.abtest then
		reply.missing("The campaign activity %s has no A/B test.", req.ids[1])
	end
	if mailing.status ~= "DRAFT" then
		reply.invalid("an activity that is %s keeps its test", mailing.status)
	end
	mailing.abtest = nil
	req:changed("abtest", mailing.campaign_activity_id)
	return reply.empty(204)
end

abtest.routes = {
	{"GET", "/emails/activities/{}/abtest", abtest.get},
	{"POST", "/emails/activities/{}/abtest", abtest.create},
	{"DELETE", "/emails/activities/{}/abtest", abtest.delete},
}

return abtest
