-- POST, GET, PUT and DELETE of one contact.

local check = require "check"
local contact = require "contact"
local host = require "host"
local reply = require "reply"
local sms = require "sms"
local store = require "store"
local text = require "text"

local contacts = {}

local ALL = {}
for _, name in ipairs(contact.INCLUDES) do
	ALL[name] = true
end

-- What ?include= asks for, as name -> true.
function contacts.include(params)
	local include = {}
	for _, name in ipairs(text.items(params.include)) do
		if not ALL[name] then
			reply.invalid("include: %s is not a valid value", name)
		end
		include[name] = true
	end
	return include
end

-- The contact of the path, soft-deleted ones too.
function contacts.of_path(req)
	if not check.is_id(req.ids[1]) then
		reply.missing("contact_id is in an invalid format.")
	end
	local c = store.contacts:get(req.ids[1]:lower())
	if not c then
		reply.missing("contact_id %s was not found.", req.ids[1])
	end
	return c
end

local function taken(field, other)
	reply.conflict("Validation failed: %s already exists for contact %s.", field, other.contact_id)
end

-- The e-mail object of a body, checked against the other contacts.
local function email_of(body, c)
	local email = check.object(body, "email_address")
	if not email then
		return nil
	end
	local address = check.required(email, "address")
	check.string(email, "address", 80)
	if not check.is_email(address) then
		reply.invalid("#/email_address/address: %s is not a valid email address", address)
	end
	local other = contact.by_email(address)
	if other and other ~= c then
		taken("Email", other)
	end
	return {
		address = address,
		permission = check.word(email, "permission_to_send", contact.PERMISSIONS),
		reason = check.string(email, "opt_out_reason", 255),
	}
end

local function sms_of(body, c)
	local channel = sms.parse(body)
	local other = channel and sms.find(channel.number)
	if other and other ~= c then
		taken("SMS number", other)
	end
	return channel
end

local function set_subresources(c, sub)
	for _, name in ipairs(contact.INCLUDES) do
		if sub[name] then
			c[name] = sub[name]
		end
	end
	if c.email and c.email.permission == "unsubscribed" then
		c.list_memberships = host.array {}
	end
end

function contacts.create(req)
	local body = req:json()
	check.required(body, "create_source")
	local source = check.word(body, "create_source", contact.SOURCES)
	local core = contact.core(body)
	local email, channel = email_of(body), sms_of(body)
	if not (email or channel or core.first_name or core.last_name) then
		reply.invalid("#: one of email_address, sms_channel, first_name, last_name is required")
	end
	local sub = contact.subresources(body)

	local c = contact.create(source)
	contact.set_core(c, core)
	if email then
		contact.set_address(c, email.address)
		contact.set_permission(c, email.permission or "implicit", source, email.reason)
	end
	if channel then
		sms.set(c, channel, source)
	end
	set_subresources(c, sub)
	req:changed("contact", c.contact_id)
	return reply.json(201, contact.shape(c, ALL))
end

function contacts.get(req)
	return reply.json(200, contact.shape(contacts.of_path(req), contacts.include(req.params)))
end

-- A contact that opted out itself can only come back through its own confirmation.
local function check_permission(c, email)
	local is_out = c.email and c.email.permission == "unsubscribed"
	if is_out and c.email.opt_out_source == "Contact" and email and email.permission
			and email.permission ~= "unsubscribed" then
		reply.invalid("#/email_address/permission_to_send: the contact opted out itself")
	end
end

function contacts.update(req)
	local c = contacts.of_path(req)
	local body = req:json()
	check.required(body, "update_source")
	local source = check.word(body, "update_source", contact.SOURCES)
	local core = contact.core(body)
	local email, channel = email_of(body, c), sms_of(body, c)
	local sub = contact.subresources(body)
	check_permission(c, email)
	local revive = c.deleted_ms and sub.list_memberships and #sub.list_memberships > 0
	if revive and source ~= "Account" then
		reply.invalid("#/update_source: only Account can revive a deleted contact")
	end
	if c.deleted_ms and not revive then
		sub.list_memberships = nil
	end

	contact.touch(c, source)
	if revive then
		contact.revive(c)
	end
	contact.set_core(c, core)
	local before = c.email and c.email.permission
	if not (c.email and email and c.email.address == email.address) then
		contact.set_address(c, email and email.address)
	end
	if email then
		contact.set_permission(c, email.permission or before or "implicit", source, email.reason)
	end
	if channel then
		sms.set(c, channel, source)
	end
	set_subresources(c, sub)
	req:changed("contact", c.contact_id)
	return reply.json(200, contact.shape(c, ALL))
end

function contacts.delete(req)
	local c = contacts.of_path(req)
	if not c.deleted_ms then
		contact.delete(c)
		req:changed("contact", c.contact_id)
	end
	return reply.empty(204)
end

contacts.routes = {
	{"POST", "/contacts", contacts.create},
	{"GET", "/contacts/{}", contacts.get},
	{"PUT", "/contacts/{}", contacts.update},
	{"DELETE", "/contacts/{}", contacts.delete},
}

return contacts
