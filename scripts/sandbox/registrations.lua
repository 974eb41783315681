-- Who registered for an event's track: states, payments, tickets and who came.

local check = require "check"
local clock = require "clock"
local cursors = require "cursors"
local events = require "events"
local host = require "host"
local reply = require "reply"
local store = require "store"

local registrations = {}

local STATUS = check.words("PENDING", "REGISTERED", "CANCELED", "EXPIRED", "IN_PROGRESS", "FAILED")
local PAYMENT = check.words("PENDING", "PAID", "REFUNDED", "CANCELLED", "FAILED", "CHARGED_BACK")
local OPEN = check.words("ACTIVE", "COMPLETE")
local SORT = {first_name = "first_name", last_name = "last_name", email_address = "email",
	registration_status = "status", payment_status = "payment", total = "total"}

-- A new registration; what: registration_id, event_id, track_id, first_name, last_name, email,
-- total, payment or nil, status, tickets (keys).
function registrations.add(what)
	what.time_ms = clock.now()
	for i, key in ipairs(what.tickets) do
		what.tickets[i] = {key = key}
	end
	return store.registrations:add(what)
end

local function checked_in(registration)
	local count = 0
	for _, ticket in ipairs(registration.tickets) do
		count = count + (ticket.checked_ms and 1 or 0)
	end
	return count
end

local function common(r)
	local count = checked_in(r)
	return {
		registration_id = r.registration_id, registration_status = r.status,
		checkedIn_tickets = count,
		checkin_status = count == 0 and "NOT_CHECKED_IN" or count < #r.tickets
			and "PARTIALLY_CHECKED_IN" or "CHECKED_IN",
		eligible_checkin_tickets = r.status == "REGISTERED" and #r.tickets - count or 0,
	}
end

local function listing(r)
	local out = common(r)
	out.email_address, out.first_name, out.last_name = r.email, r.first_name, r.last_name
	out.new_contact, out.payment_status, out.total = false, r.payment, r.total
	out.registration_time, out.tickets = clock.iso(r.time_ms), #r.tickets
	out.track_key = r.track_id
	return out
end

local function field(i, label, name, value)
	return {display_order = i, field_label = label, field_name = name, field_type = "TEXT",
		label_key = "registration.field.label", field_value = value}
end

local function details(r, event)
	local out = common(r)
	local price = r.total / math.max(1, #r.tickets)
	out.registration_date, out.display_physical_tickets = clock.iso(r.time_ms), true
	out.contact = host.array {
		field(1, "Email Address", "CONTACT_EMAIL_ADDRESS", r.email),
		field(2, "First Name", "CONTACT_FIRST_NAME", r.first_name),
		field(3, "Last Name", "CONTACT_LAST_NAME", r.last_name),
	}
	out.tickets = host.array {}
	for i, ticket in ipairs(r.tickets) do
		out.tickets[i] = {order_ticket_key = ticket.key, price = price, editable = false,
			ticket_name = "General Admission", checked_in_time = clock.iso(ticket.checked_ms),
			fields = host.array {}}
	end
	out.order_summary = {
		title = event.title, number = r.registration_id:sub(1, 8), payment_status = r.payment,
		payment_method = r.payment and "STRIPE" or nil,
		details = host.array {{amount = string.format("$%.2f", r.total), amount_unformatted = r.total,
			line_item_type = "TICKET", name = "General Admission"}},
	}
	return out
end

-- The event and the track of the path.
local function track_of(req)
	local event = events.of_path(req)
	if event.default_track.track_id ~= req.ids[2] then
		reply.missing("track_id %s was not found.", req.ids[2])
	end
	return event, req.ids[2]
end

local function of_track(event, id)
	local r = store.registrations:get(id)
	return r and r.event_id == event.event_id and r or nil
end

function registrations.get(req)
	local event = track_of(req)
	local r = of_track(event, req.ids[3])
	if not r then
		reply.missing("registration_id %s was not found.", req.ids[3])
	end
	return reply.json(200, details(r, event))
end

local function filter_of(params)
	local status, payment = params.registration_status, params.payment_status
	local search = params.search_text and params.search_text:lower()
	if status and not STATUS[status] or payment and not PAYMENT[payment] then
		reply.invalid("registration_status or payment_status has no valid value")
	end
	return function(r)
		local words = (r.first_name .. " " .. r.last_name .. " " .. r.email):lower()
		return (not status or r.status == status) and (not payment or r.payment == payment)
			and (not search or words:find(search, 1, true))
	end
end

function registrations.list(req)
	local event, track = track_of(req)
	local params, at = cursors.params(req)
	local keep, found, sort_by = filter_of(params), {}, params.sort_by
	for _, r in store.registrations:each() do
		if r.event_id == event.event_id and keep(r) then
			found[#found + 1] = r
		end
	end
	if sort_by and not SORT[sort_by] and sort_by ~= "tickets" then
		reply.invalid("sort_by: %s is not a valid value", sort_by)
	elseif sort_by then
		cursors.sort(found, params, function(r)
			return sort_by == "tickets" and #r.tickets or r[SORT[sort_by]] or ""
		end)
	end
	local path = string.format("/v3/events/%s/tracks/%s/registrations", event.event_id, track)
	return cursors.answer(path, params, at, found, 100, listing)
end

-- A handler that changes each registration named; change(r, word) is false when that cannot be.
local function change_each(key, change)
	return function(req)
		local event = track_of(req)
		local body = req:json()
		check.required(body, "registration_ids")
		check.required(body, key)
		local word, failed, done = check.string(body, key, 50), host.array {}, 0
		for _, id in ipairs(check.array(body, "registration_ids", 500)) do
			local r = of_track(event, id)
			if r and change(r, word) then
				done = done + 1
			else
				failed[#failed + 1] = id
			end
		end
		if done > 0 then
			req:changed("registration", event.event_id)
		end
		if #failed > 0 then
			return reply.json(207, {failed_registration_ids = failed})
		end
		return reply.empty(200)
	end
end

local set_status = change_each("registration_status", function(r, word)
	if r.status == "CANCELED" and word == "CANCELED" then
		return false
	end
	r.status = word
	return true
end)

-- Free registrations have no payment and are passed over.
local set_payment = change_each("payment_status", function(r, word)
	if not PAYMENT[word:upper()] then
		reply.invalid("#/payment_status: %s is not a valid value", word)
	end
	if r.payment then
		r.payment = word:upper()
	end
	return true
end)

local function tickets_of(event)
	local by_key = {}
	for _, r in store.registrations:each() do
		for _, ticket in ipairs(r.event_id == event.event_id and r.tickets or {}) do
			by_key[ticket.key] = {ticket = ticket, registration = r}
		end
	end
	return by_key
end

-- All tickets or none.
local function check_in(is_in)
	return function(req)
		local event, body = events.of_path(req, OPEN), req:json()
		check.required(body, "order_ticket_keys")
		local by_key, keys = tickets_of(event), check.array(body, "order_ticket_keys", 500)
		if #keys == 0 then
			reply.invalid("#/order_ticket_keys: expected minimum item count: 1, found: 0")
		end
		for _, key in ipairs(keys) do
			local found = by_key[key]
			if not found or is_in and found.registration.status == "CANCELED" then
				reply.invalid("ticket %s does not exist or is cancelled", tostring(key))
			end
		end
		for _, key in ipairs(keys) do
			by_key[key].ticket.checked_ms = is_in and clock.now() or nil
		end
		req:changed("check_in", event.event_id)
		return reply.empty(204)
	end
end

local TRACK = "/events/{}/tracks/{}/registrations"

registrations.routes = {
	{"POST", "/events/{}/check_in/tickets", check_in(true)},
	{"POST", "/events/{}/undo_check_in/tickets", check_in(false)},
	{"GET", TRACK, registrations.list},
	{"PUT", TRACK, set_status},
	{"PUT", TRACK .. "/payment_status", set_payment},
	{"GET", TRACK .. "/{}", registrations.get},
}

return registrations
