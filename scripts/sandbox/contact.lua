-- A contact: how it is kept, what it accepts, and how it is shown.

local check = require "check"
local clock = require "clock"
local host = require "host"
local reply = require "reply"
local store = require "store"

local contact = {}

local get = host.get
local array = host.array

contact.SOURCES = check.words("Account", "Contact")
contact.PERMISSIONS = check.words("explicit", "implicit", "not_set", "pending_confirmation",
	"temp_hold", "unsubscribed")
contact.INCLUDES = {"custom_fields", "list_memberships", "phone_numbers", "street_addresses",
	"taggings", "notes"}
local NAMES = {"first_name", "last_name", "job_title", "company_name"}
local ADDRESS = {street = 255, city = 50, state = 50, postal_code = 50, country = 50}

function contact.by_email(address)
	return store.by_email[address:lower()]
end

-- The core properties of a body; what is missing there is missing in the answer.
function contact.core(body)
	local core = {}
	for _, name in ipairs(NAMES) do
		core[name] = check.string(body, name, 50)
	end
	core.birthday_month = check.integer(body, "birthday_month", 1, 12)
	core.birthday_day = check.integer(body, "birthday_day", 1, 31)
	core.anniversary = check.string(body, "anniversary", 10)
	if (core.birthday_month == nil) ~= (core.birthday_day == nil) then
		reply.invalid("#: birthday_month and birthday_day must be given together")
	end
	return core
end

-- An anniversary comes in several layouts and is shown in one.
local function anniversary(value)
	local m, d, y = value:match("^(%d%d?)[/-](%d%d?)[/-](%d%d%d%d)$")
	if y then
		return string.format("%s-%02d-%02d", y, tonumber(m), tonumber(d))
	end
	return (value:gsub("^(%d%d%d%d)/(%d%d?)/(%d%d?)$", "%1-%2-%3"))
end

function contact.set_core(c, core, keep)
	for _, name in ipairs {"first_name", "last_name", "job_title", "company_name",
			"birthday_month", "birthday_day"} do
		if core[name] ~= nil or not keep then
			c[name] = core[name]
		end
	end
	if core.anniversary or not keep then
		c.anniversary = core.anniversary and anniversary(core.anniversary)
	end
end

function contact.custom_fields(body, max)
	local fields = check.objects(body, "custom_fields", max)
	if not fields then
		return nil
	end
	local out = array {}
	for _, field in ipairs(fields) do
		local id = check.required(field, "custom_field_id")
		if type(id) ~= "string" or not store.fields:get(id:lower()) then
			reply.invalid("#/custom_fields: custom field %s does not exist", tostring(id))
		end
		out[#out + 1] = {
			custom_field_id = id:lower(),
			value = check.string(field, "value", 255),
			choice_ids = check.array(field, "choice_ids", 100),
		}
	end
	return out
end

function contact.phone_numbers(body)
	local phones = check.objects(body, "phone_numbers", 3)
	if not phones then
		return nil
	end
	local out, now = array {}, clock.iso(clock.now())
	for _, phone in ipairs(phones) do
		check.required(phone, "phone_number")
		out[#out + 1] = {
			phone_number_id = host.uuid(),
			phone_number = check.string(phone, "phone_number", 25),
			kind = check.string(phone, "kind", 50),
			created_at = now, updated_at = now,
			create_source = "Account", update_source = "Account",
		}
	end
	return out
end

function contact.street_address(address)
	local now = clock.iso(clock.now())
	local out = {street_address_id = host.uuid(), created_at = now, updated_at = now}
	out.kind = check.string(address, "kind", 50)
	for name, max in pairs(ADDRESS) do
		out[name] = check.string(address, name, max)
	end
	return out
end

function contact.street_addresses(body)
	local addresses = check.objects(body, "street_addresses", 3)
	if not addresses then
		return nil
	end
	local out = array {}
	for i, address in ipairs(addresses) do
		check.required(address, "kind")
		out[i] = contact.street_address(address)
	end
	return out
end

-- Lists that exist; fail is reply.invalid or reply.missing.
function contact.lists(body, min, fail)
	local ids = check.ids(body, "list_memberships", 50, min)
	for _, id in ipairs(ids or {}) do
		if not store.list(id) then
			fail("#/list_memberships: list %s does not exist", id)
		end
	end
	return ids
end

function contact.taggings(body)
	local ids = check.ids(body, "taggings", 50)
	for _, id in ipairs(ids or {}) do
		if not store.tags:get(id) then
			reply.invalid("#/taggings: tag %s does not exist", id)
		end
	end
	return ids
end

function contact.notes(body)
	local notes = check.objects(body, "notes", 150)
	if not notes then
		return nil
	end
	local out = array {}
	for i, note in ipairs(notes) do
		check.required(note, "content")
		out[i] = {
			note_id = get(note, "note_id") or host.uuid(),
			created_at = get(note, "created_at") or clock.iso(clock.now()),
			content = check.string(note, "content", 2000),
		}
	end
	return out
end

-- All subresources of a body, checked; absent ones stay absent.
function contact.subresources(body)
	return {
		custom_fields = contact.custom_fields(body, 25),
		phone_numbers = contact.phone_numbers(body),
		street_addresses = contact.street_addresses(body),
		list_memberships = contact.lists(body, nil, reply.invalid),
		taggings = contact.taggings(body),
		notes = contact.notes(body),
	}
end

-- A new contact, in the store at once; id only for seeds.
function contact.create(source, id)
	local now = clock.now()
	local c = {contact_id = id or host.uuid(), create_source = source, update_source = source,
		created_ms = now, updated_ms = now, sms_history = array {}}
	for _, name in ipairs(contact.INCLUDES) do
		c[name] = array {}
	end
	return store.contacts:add(c)
end

function contact.touch(c, source)
	c.updated_ms = clock.now()
	c.update_source = source
end

-- Gives the contact an address (nil: none) and keeps the index true.
function contact.set_address(c, address)
	if c.email and c.email.address then
		store.by_email[c.email.address:lower()] = nil
	end
	if not address then
		c.email = nil
		return
	end
	local now = clock.now()
	if not c.email then
		c.email = {created_ms = now}
	end
	c.email.address, c.email.updated_ms = address, now
	store.by_email[address:lower()] = c
end

-- Sets the permission and the marks of opting in or out that go with it.
function contact.set_permission(c, permission, source, reason)
	local email, now = c.email, clock.now()
	local was_out = email.permission == "unsubscribed"
	email.updated_ms = now
	email.permission = permission
	if permission == "unsubscribed" then
		if not was_out then
			email.opt_out_ms, email.opt_out_source = now, source
		end
		email.opt_out_reason = reason or email.opt_out_reason
		c.list_memberships = array {}
		return
	end
	email.opt_out_ms, email.opt_out_source, email.opt_out_reason = nil, nil, nil
	email.opt_in_ms, email.opt_in_source = email.opt_in_ms or now, email.opt_in_source or source
	email.confirm_status = permission == "pending_confirmation" and "pending"
		or email.confirm_status or "off"
end

local function add_to(ids, id, max)
	for _, have in ipairs(ids) do
		if have == id then
			return true
		end
	end
	if #ids >= max then
		return false
	end
	ids[#ids + 1] = id
	return true
end

local function remove_from(ids, id)
	for i, have in ipairs(ids) do
		if have == id then
			table.remove(ids, i)
			return true
		end
	end
	return false
end

-- False when the contact is on 50 lists, or carries 50 tags, already.
function contact.add_list(c, id)
	return add_to(c.list_memberships, id, 50)
end

function contact.add_tag(c, id)
	return add_to(c.taggings, id, 50)
end

-- Whether it was there.
function contact.remove_list(c, id)
	return remove_from(c.list_memberships, id)
end

function contact.remove_tag(c, id)
	return remove_from(c.taggings, id)
end

function contact.delete(c)
	c.deleted_ms = clock.now()
	c.updated_ms = c.deleted_ms
	c.list_memberships = array {}
end

function contact.revive(c)
	c.deleted_ms = nil
	if c.email and c.email.permission == "unsubscribed" then
		contact.set_permission(c, "implicit", "Account")
	end
end

-- "active" and the like: the word that ?status= filters by.
function contact.status(c)
	if c.deleted_ms then
		return "deleted"
	end
	local permission = c.email and c.email.permission or "not_set"
	if permission == "explicit" or permission == "implicit" then
		return "active"
	end
	return permission
end

local function shape_email(email)
	return {
		address = email.address, permission_to_send = email.permission,
		created_at = clock.iso(email.created_ms), updated_at = clock.iso(email.updated_ms),
		opt_in_source = email.opt_in_source, opt_in_date = clock.iso(email.opt_in_ms),
		opt_out_source = email.opt_out_source, opt_out_date = clock.iso(email.opt_out_ms),
		opt_out_reason = email.opt_out_reason, confirm_status = email.confirm_status,
	}
end

-- The resource. include: the subresources to show, name -> true.
function contact.shape(c, include)
	local out = {
		contact_id = c.contact_id, email_address = c.email and shape_email(c.email),
		create_source = c.create_source, update_source = c.update_source,
		created_at = clock.iso(c.created_ms), updated_at = clock.iso(c.updated_ms),
		deleted_at = clock.date(c.deleted_ms), sms_channel = c.sms_channel,
		birthday_month = c.birthday_month, birthday_day = c.birthday_day,
		anniversary = c.anniversary,
	}
	for _, name in ipairs(NAMES) do
		out[name] = c[name]
	end
	for name in pairs(include) do
		out[name] = c[name]
	end
	return out
end

return contact
