-- Completes a contact with what somebody told: fills what is empty, overwrites nothing.
--
--   lua: merge_contact.lua
--   with: {known: the contact as the API has it, told: contact of a conversation event}
-- gives {changes, added, contact}: contact is the whole parameter set of an update.

local names = require "lib.names"

local args = ...
local known, told = args.known, args.told
local added = {}

local function fill(target, field, value)
	if empty(target[field]) and not empty(value) then
		target[field] = value
		added[#added + 1] = field
	end
end

-- Only what an update may send: the rest of an answer is for reading.
local contact = {
	contact_id = known.contact_id,
	update_source = "Account",
	first_name = known.first_name,
	last_name = known.last_name,
	job_title = known.job_title,
	company_name = known.company_name,
	birthday_month = known.birthday_month,
	birthday_day = known.birthday_day,
	anniversary = known.anniversary,
}
local address = known.email_address
if address then
	contact.email_address = {
		address = address.address,
		permission_to_send = address.permission_to_send,
	}
end

local first, last = names.split(told.name)
fill(contact, "first_name", told.first_name or first)
fill(contact, "last_name", told.last_name or last)
fill(contact, "company_name", told.company)

-- A list of parts replaces what was there when it is sent: so it is sent only with one part more.
local phones = list {}
local has_phone = false
for _, phone in ipairs(known.phone_numbers or {}) do
	phones[#phones + 1] = {phone_number = phone.phone_number, kind = phone.kind}
	has_phone = has_phone or phone.phone_number == told.phone
end
if not empty(told.phone) and not has_phone and #phones < 3 then
	phones[#phones + 1] = {phone_number = told.phone, kind = "other"}
	contact.phone_numbers = phones
	added[#added + 1] = "phone_numbers"
end

return {changes = #added, added = added, contact = contact}
