-- When letters go out, to whom, what is known of it afterwards, and the second try for those who
-- did not open the first.

local agenda = require "agenda"
local check = require "check"
local clock = require "clock"
local contact = require "contact"
local host = require "host"
local mailings = require "mailings"
local reply = require "reply"
local segments = require "segments"
local settings = require "settings"
local store = require "store"
local tracking = require "tracking"

local sending = {}

local DAY_MINUTES = 1440

local function wanted(mailing)
	local lists = check.words(table.unpack(mailing.contact_list_ids or {}))
	local members = {}
	for _, id in ipairs(mailing.segment_ids or {}) do
		members = segments.now(id) or {}
	end
	return function(c)
		if members[c.contact_id] then
			return true
		end
		for _, id in ipairs(c.list_memberships) do
			if lists[id] then
				return true
			end
		end
		return false
	end
end

-- The active contacts that the letter is for.
local function recipients(mailing)
	local fits, found = wanted(mailing), {}
	for _, c in store.contacts:each() do
		if c.email and contact.status(c) == "active" and fits(c) then
			found[#found + 1] = c
		end
	end
	return found
end

local function deliver(mailing, to)
	local now = clock.now()
	for _, c in ipairs(to) do
		tracking.add(mailing.campaign_activity_id, "em_sends", c.contact_id)
	end
	table.insert(mailing.history, {
		send_id = #mailing.history + 1, run_date = clock.iso(now), count = #to,
		send_status = "COMPLETED", reason_code = 0,
		contact_list_ids = mailing.contact_list_ids, segment_ids = mailing.segment_ids,
	})
	mailing.campaign.last_sent_ms = now
end

local function delay_ms(resend)
	return (resend.delay_minutes or resend.delay_days * DAY_MINUTES) * 60000
end

local function run_resend(mailing, resend)
	if resend.cancelled or mailing.status == "REMOVED" then
		return
	end
	local opened, to = tracking.openers(mailing.campaign_activity_id), {}
	for _, c in ipairs(recipients(mailing)) do
		if not opened[c.contact_id] then
			to[#to + 1] = c
		end
	end
	resend.status = "DONE"
	deliver(mailing, to)
end

-- A resend gets its id and its date when the letter has been sent.
local function start_resends(mailing)
	for _, resend in ipairs(mailing.resends) do
		if resend.status == "DRAFT" then
			store.resend_id = store.resend_id + 1
			resend.id, resend.status = tostring(store.resend_id), "SCHEDULED"
			resend.due_ms = clock.now() + delay_ms(resend)
			agenda.add(resend.due_ms, run_resend, mailing, resend)
		end
	end
end

local function finish(mailing)
	deliver(mailing, recipients(mailing))
	mailings.set_status(mailing.campaign, "Done")
	start_resends(mailing)
end

local function execute(mailing, schedule)
	if mailing.schedule ~= schedule then
		return
	end
	mailing.schedule = nil
	mailings.set_status(mailing.campaign, "Executing")
	agenda.add(clock.now() + settings.activity_ms, finish, mailing)
end

-- Sends the letter at that time; nil: at once.
function sending.schedule(mailing, due_ms)
	local schedule = {due_ms = due_ms or clock.now()}
	mailing.schedule = schedule
	if due_ms then
		mailings.set_status(mailing.campaign, "Scheduled")
		agenda.add(due_ms, execute, mailing, schedule)
	else
		execute(mailing, schedule)
	end
end

local function schedules_of(mailing)
	local out = host.array {}
	if mailing.schedule then
		out[1] = {scheduled_date = clock.iso(mailing.schedule.due_ms)}
	end
	return out
end

function sending.get(req)
	return reply.json(200, schedules_of(mailings.of_path(req)))
end

function sending.create(req)
	local mailing, body = mailings.of_path(req, true), req:json()
	check.required(body, "scheduled_date")
	local date = check.string(body, "scheduled_date", 40)
	local due_ms = date ~= "0" and clock.parse(date) or nil
	if date ~= "0" and not due_ms then
		reply.invalid("#/scheduled_date: %s is not an ISO-8601 date", date)
	end
	if due_ms and due_ms <= clock.now() then
		reply.invalid("#/scheduled_date: must be in the future")
	end
	if mailing.status ~= "DRAFT" and mailing.status ~= "DONE" and mailing.status ~= "ERROR" then
		reply.invalid("an activity that is %s cannot be scheduled", mailing.status)
	end
	if not (mailing.contact_list_ids or mailing.segment_ids and mailing.segment_ids[1]) then
		reply.invalid("the activity has neither contact_list_ids nor segment_ids")
	end
	sending.schedule(mailing, due_ms)
	req:changed("schedule", mailing.campaign_activity_id)
	return reply.json(201, schedules_of(mailing))
end

function sending.delete(req)
	local mailing = mailings.of_path(req, true)
	if not mailing.schedule then
		reply.invalid("the activity is not scheduled")
	end
	mailing.schedule = nil
	mailings.set_status(mailing.campaign, "Draft")
	req:changed("schedule", mailing.campaign_activity_id)
	return reply.empty(204)
end

function sending.history(req)
	return reply.json(200, mailings.of_path(req).history)
end

local function shape_resend(resend)
	return {resend_subject = resend.subject, delay_days = resend.delay_days,
		delay_minutes = resend.delay_minutes, resend_date = clock.iso(resend.due_ms),
		resend_request_id = resend.id, resend_status = resend.status}
end

function sending.list_resends(req)
	local out = host.array {}
	for i, resend in ipairs(mailings.of_path(req, true).resends) do
		out[i] = shape_resend(resend)
	end
	return reply.json(200, out)
end

-- Adds one to an activity that has none.
function sending.add_resend(mailing, resend)
	resend.id, resend.status = "DRAFT", "DRAFT"
	mailing.resends[1] = resend
	if mailing.status == "DONE" then
		start_resends(mailing)
	end
	return resend
end

function sending.create_resend(req)
	local mailing, body = mailings.of_path(req, true), req:json()
	check.required(body, "resend_subject")
	local resend = {subject = check.string(body, "resend_subject", 200),
		delay_days = check.integer(body, "delay_days", 1, 10),
		delay_minutes = check.integer(body, "delay_minutes", 720, 14400)}
	if resend.delay_days then
		resend.delay_minutes = nil
	elseif not resend.delay_minutes then
		reply.invalid("#: one of delay_days, delay_minutes is required")
	end
	if mailing.resends[1] then
		reply.conflict("The campaign activity has a resend to non-openers already.")
	end
	if mailing.abtest then
		reply.conflict("An A/B test cannot be resent.")
	end
	sending.add_resend(mailing, resend)
	req:changed("resend", mailing.campaign_activity_id)
	return reply.json(201, shape_resend(resend))
end

function sending.delete_resend(req)
	local mailing = mailings.of_path(req, true)
	local resend = mailing.resends[1]
	if not resend or resend.id ~= req.ids[2] then
		reply.missing("resend_request_id %s was not found.", req.ids[2])
	end
	if resend.status == "DONE" then
		reply.conflict("The resend has been sent already.")
	end
	resend.cancelled = true
	table.remove(mailing.resends, 1)
	req:changed("resend", mailing.campaign_activity_id)
	return reply.empty(204)
end

local ONE = "/emails/activities/{}"

sending.routes = {
	{"GET", ONE .. "/schedules", sending.get},
	{"POST", ONE .. "/schedules", sending.create},
	{"DELETE", ONE .. "/schedules", sending.delete},
	{"GET", ONE .. "/send_history", sending.history},
	{"GET", ONE .. "/non_opener_resends", sending.list_resends},
	{"POST", ONE .. "/non_opener_resends", sending.create_resend},
	{"DELETE", ONE .. "/non_opener_resends/{}", sending.delete_resend},
}

return sending
