-- The account's own e-mail addresses, from which letters may come.

local check = require "check"
local clock = require "clock"
local host = require "host"
local reply = require "reply"
local store = require "store"

local emails = {}

local CONFIRM = {CONFIRMED = "CONFIRMED", C = "CONFIRMED", UNCONFIRMED = "UNCONFIRMED",
	U = "UNCONFIRMED"}
local ROLES = {CONTACT = "CONTACT", C = "CONTACT", BILLING = "BILLING", B = "BILLING",
	JOURNALING = "JOURNALING", J = "JOURNALING", REPLY_TO = "REPLY_TO", R = "REPLY_TO",
	OTHER = "OTHER", O = "OTHER"}

local function shape(email)
	local roles = host.array {}
	for i, role in ipairs(email.roles) do
		roles[i] = role
	end
	return {
		email_address = email.email_address, email_id = email.email_id,
		confirm_status = email.confirmed_ms and "CONFIRMED" or "UNCONFIRMED",
		confirm_time = clock.iso(email.confirmed_ms),
		confirm_source_type = email.confirmed_ms and "SITE_OWNER" or nil,
		roles = roles, pending_roles = host.array {},
	}
end

-- A new address in the store.
function emails.add(address, confirmed, roles)
	return store.emails:add {email_address = address, email_id = store.emails.last + 1,
		confirmed_ms = confirmed and clock.now() or nil, roles = roles or {}}
end

-- Raises a 400 unless letters may come from each of the addresses.
function emails.check_confirmed(...)
	for _, address in ipairs {...} do
		local email = store.emails:get(address)
		if not email or not email.confirmed_ms then
			reply.invalid("%s is not a confirmed address of the account", address)
		end
	end
end

local function has(list, wanted)
	for _, item in ipairs(list) do
		if item == wanted then
			return true
		end
	end
	return false
end

-- Only one of the filters may be given.
local function filter_of(params)
	local given = (params.confirm_status and 1 or 0) + (params.role_code and 1 or 0)
		+ (params.email_address and 1 or 0)
	if given > 1 then
		reply.invalid("only one of confirm_status, role_code, email_address may be given")
	end
	local status, role = CONFIRM[params.confirm_status], ROLES[params.role_code]
	if params.confirm_status and not status or params.role_code and not role then
		reply.invalid("confirm_status or role_code has no valid value")
	end
	return function(email)
		return (not status or (status == "CONFIRMED") == (email.confirmed_ms ~= nil))
			and (not role or has(email.roles, role))
			and (not params.email_address or params.email_address == email.email_address)
	end
end

function emails.list(req)
	local keep, out = filter_of(req.params), host.array {}
	for _, email in store.emails:each() do
		if keep(email) then
			out[#out + 1] = shape(email)
		end
	end
	return reply.json(200, out)
end

function emails.create(req)
	local body = req:json()
	check.required(body, "email_address")
	local address = check.string(body, "email_address", 80)
	if not check.is_email(address) then
		reply.invalid("#/email_address: %s is not a valid email address", address)
	end
	if store.emails:get(address) then
		reply.conflict("The address %s exists already in the account.", address)
	end
	local email = emails.add(address, false)
	store.confirmations = store.confirmations + 1
	req:changed("account_email", address)
	return reply.json(201, {email_address = address, email_id = email.email_id,
		confirm_status = "UNCONFIRMED"})
end

emails.routes = {
	{"GET", "/account/emails", emails.list},
	{"POST", "/account/emails", emails.create},
}

return emails
