-- Contacts that act for themselves: the sign-up form, and coming back after an opt-out.

local check = require "check"
local contact = require "contact"
local contacts = require "contacts"
local host = require "host"
local reply = require "reply"
local settings = require "settings"
local sms = require "sms"
local store = require "store"

local signup = {}

local function email_of(body)
	local address = check.string(body, "email_address", 50)
	if address and not check.is_email(address) then
		reply.invalid("#/email_address: %s is not a valid email address", address)
	end
	return address
end

-- What the form brings besides the core properties, checked.
local function parse(body)
	local form = {
		email = email_of(body), sms = sms.parse(body), core = contact.core(body),
		lists = contact.lists(body, 1, reply.missing),
		fields = contact.custom_fields(body, 50),
		phone = check.string(body, "phone_number", 25),
	}
	if not (form.email or form.sms) then
		reply.invalid("#: email_address or sms_channel is required")
	end
	local address = check.object(body, "street_address")
	form.address = address and contact.street_address(address)
	form.c = form.email and contact.by_email(form.email) or form.sms and sms.find(form.sms.number)
	local other = form.sms and sms.find(form.sms.number)
	if other and form.c ~= other then
		reply.conflict("Validation failed: SMS number already exists for contact %s.",
			other.contact_id)
	end
	return form
end

local function merge_fields(c, fields)
	for _, field in ipairs(fields) do
		local place = #c.custom_fields + 1
		for i, have in ipairs(c.custom_fields) do
			if have.custom_field_id == field.custom_field_id then
				place = i
			end
		end
		c.custom_fields[place] = field
	end
end

local function merge_phone(c, number)
	for _, phone in ipairs(c.phone_numbers) do
		if phone.phone_number == number then
			return
		end
	end
	local phones = contact.phone_numbers {phone_numbers = host.array {{phone_number = number}}}
	if #c.phone_numbers == 3 then
		table.remove(c.phone_numbers, 1)
	end
	table.insert(c.phone_numbers, phones[1])
end

local function merge_address(c, address)
	for i, have in ipairs(c.street_addresses) do
		if have.kind == address.kind then
			c.street_addresses[i] = address
			return
		end
	end
	if #c.street_addresses == 3 then
		table.remove(c.street_addresses, 1)
	end
	table.insert(c.street_addresses, address)
end

local function set_email(c, address)
	if not c.email then
		contact.set_address(c, address)
	end
	if settings.confirmed_opt_in and c.email.permission ~= "explicit" then
		contact.set_permission(c, "pending_confirmation", "Contact")
		store.confirmations = store.confirmations + 1
	else
		contact.set_permission(c, "explicit", "Contact")
	end
end

-- Creates or updates by e-mail or SMS number; what the form leaves out is kept.
function signup.submit(req)
	local form = parse(req:json())
	local is_new = not form.c
	local c = form.c or contact.create("Contact")

	if c.deleted_ms then
		contact.revive(c)
	end
	contact.touch(c, "Contact")
	contact.set_core(c, form.core, true)
	if form.email then
		set_email(c, form.email)
	end
	if form.sms then
		sms.set(c, form.sms, "Contact")
	end
	if form.phone then
		merge_phone(c, form.phone)
	end
	if form.address then
		merge_address(c, form.address)
	end
	merge_fields(c, form.fields or {})
	for _, id in ipairs(form.lists) do
		contact.add_list(c, id)
	end
	req:changed("contact", c.contact_id)
	return reply.json(is_new and 201 or 200,
		{contact_id = c.contact_id, action = is_new and "created" or "updated"})
end

-- Mails a confirmation, once a contact; nothing about the contact changes until it confirms.
function signup.resubscribe(req)
	local c = contacts.of_path(req)
	local ids = check.ids(req:json(), "list_ids", 50, 1)
	for _, id in ipairs(ids) do
		if not store.list(id) then
			reply.missing("list_id %s was not found.", id)
		end
	end
	if c.deleted_ms or contact.status(c) ~= "unsubscribed" then
		reply.invalid("The contact %s is not unsubscribed.", c.contact_id)
	end
	if c.resubscribe_lists then
		reply.conflict("A resubscribe confirmation was sent to contact %s already.", c.contact_id)
	end
	c.resubscribe_lists = ids
	store.confirmations = store.confirmations + 1
	req:changed("confirmation", c.contact_id)
	return reply.empty(200)
end

-- What the contact does when it clicks the link in the mail (control interface).
function signup.confirm(c)
	if not c.email or c.deleted_ms then
		return false
	end
	if c.resubscribe_lists then
		contact.set_permission(c, "explicit", "Contact")
		for _, id in ipairs(c.resubscribe_lists) do
			contact.add_list(c, id)
		end
	elseif c.email.permission == "pending_confirmation" then
		contact.set_permission(c, "explicit", "Contact")
	else
		return false
	end
	c.email.confirm_status = "confirmed"
	contact.touch(c, "Contact")
	return true
end

-- What the contact does when it unsubscribes (control interface).
function signup.opt_out(c, reason)
	if not c.email or c.deleted_ms then
		return false
	end
	contact.set_permission(c, "unsubscribed", "Contact", reason)
	contact.touch(c, "Contact")
	return true
end

function signup.history(req)
	return reply.json(200, sms.history(contacts.of_path(req)))
end

signup.routes = {
	{"POST", "/contacts/sign_up_form", signup.submit},
	{"PUT", "/contacts/resubscribe/{}", signup.resubscribe},
	{"GET", "/contacts/sms_engagement_history/{}", signup.history},
}

return signup
