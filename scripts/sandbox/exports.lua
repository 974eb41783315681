-- The export of contacts to a CSV file, and the file's download.

local activities = require "activities"
local check = require "check"
local clock = require "clock"
local contact = require "contact"
local csv = require "csv"
local host = require "host"
local reply = require "reply"
local source = require "source"
local store = require "store"

local exports = {}

local ALLOWED = check.words("contact_ids", "list_ids", "tag_ids", "new_subscriber", "segment_id")
local STATUS = check.words("active", "unsubscribed", "removed")

local function phone(kind)
	return function(c)
		for _, have in ipairs(c.phone_numbers) do
			if have.kind == kind then
				return have.phone_number
			end
		end
	end
end

local function email(key)
	return function(c)
		local value = c.email and c.email[key]
		return type(value) == "number" and clock.iso(value) or value
	end
end

local function own(key)
	return function(c)
		local value = c[key]
		return key:find("_ms$") and clock.iso(value) or value
	end
end

local function address(key)
	return function(c)
		return c.street_addresses[1] and c.street_addresses[1][key]
	end
end

local function names(collection, key, name_key)
	return function(c)
		local out = {}
		for _, id in ipairs(c[key]) do
			local object = store[collection]:get(id)
			out[#out + 1] = object and object[name_key]
		end
		return table.concat(out, ", ")
	end
end

-- The field that a request names, the heading in the file, and the value.
local COLUMNS = {
	{"email_address", "Email address", email "address"},
	{"first_name", "First name", own "first_name"},
	{"last_name", "Last name", own "last_name"},
	{"job_title", "Job title", own "job_title"},
	{"company_name", "Company", own "company_name"},
	{"home_phone", "Phone - home", phone "home"},
	{"work_phone", "Phone - work", phone "work"},
	{"mobile_phone", "Phone - mobile", phone "mobile"},
	{"other_phone", "Phone - other", phone "other"},
	{"street", "Street address line 1 - Home", address "street"},
	{"city", "City - Home", address "city"},
	{"state", "State/Province - Home", address "state"},
	{"zip", "Zip/Postal Code - Home", address "postal_code"},
	{"country", "Country - Home", address "country"},
	{"email_lists", "Email Lists", names("lists", "list_memberships", "name")},
	{"tags", "Tags", names("tags", "taggings", "name")},
	{"source_name", "Source Name", own "create_source"},
	{"created_at", "Created At", own "created_ms"},
	{"updated_at", "Updated At", own "updated_ms"},
	{"email_permission", "Email permission status", email "permission"},
	{"optin_date", "Confirmed Opt-In Date", email "opt_in_ms"},
	{"optout_date", "Opt-Out Date", email "opt_out_ms"},
	{"optout_reason", "Opt-Out Reason", email "opt_out_reason"},
}

local function columns_of(wanted)
	local columns = {}
	for _, column in ipairs(COLUMNS) do
		if not wanted or wanted[column[1]] then
			columns[#columns + 1] = column
		end
	end
	for _, field in store.fields:each() do
		local id = field.custom_field_id
		if not wanted or wanted[id] or wanted[field.name] then
			columns[#columns + 1] = {id, field.label or field.name, function(c)
				for _, have in ipairs(c.custom_fields) do
					if have.custom_field_id == id then
						return have.value or have.choice_ids and table.concat(have.choice_ids, ", ")
					end
				end
			end}
		end
	end
	return columns
end

local function has_status(c, status)
	if status == "removed" then
		return c.deleted_ms ~= nil
	end
	return not c.deleted_ms and (not status or contact.status(c) == status)
end

-- Deleted contacts are no part of any source, but can be asked for.
local function chosen(activity, input)
	if input.status ~= "removed" or input.source.kind ~= "everything" then
		return source.contacts(activity, input.source)
	end
	local out = {}
	for _, c in store.contacts:each() do
		out[#out + 1] = c
	end
	return out
end

activities.kinds.contact_exports = function(activity, input)
	local columns, lines, count = columns_of(input.fields), {}, 0
	local values = {}
	for i, column in ipairs(columns) do
		values[i] = column[2]
	end
	lines[1] = csv.row(values, #columns)
	for _, c in ipairs(chosen(activity, input)) do
		if has_status(c, input.status) then
			for i, column in ipairs(columns) do
				values[i] = column[3](c)
			end
			count = count + 1
			lines[#lines + 1] = csv.row(values, #columns)
		end
	end
	store.exports[activity.activity_id] = table.concat(lines)
	activity.status = {items_total_count = count, items_completed_count = count}
end

function exports.start(req)
	local body = req:json()
	local wanted = check.array(body, "fields", 100)
	local input = {
		source = source.parse(body, body, ALLOWED, true),
		status = check.word(body, "status", STATUS),
		fields = wanted and #wanted > 0 and check.words(table.unpack(wanted)) or nil,
	}
	local activity = activities.add("contact_exports", input)
	req:changed("activity", activity.activity_id)
	return reply.json(201, activities.shape(activity))
end

function exports.download(req)
	local content = store.exports[req.ids[1]:lower()]
	if not content then
		reply.missing("file_export_id %s was not found.", req.ids[1])
	end
	local accept = host.get(req.headers, "accept") or "*/*"
	if not (accept:find("text/csv", 1, true) or accept:find("*/*", 1, true)
			or accept:find("text/*", 1, true)) then
		return reply.error(406, "contacts.api.not_acceptable", "The file is text/csv")
	end
	return reply.text(200, "text/csv", content)
end

exports.routes = {
	{"POST", "/activities/contact_exports", exports.start},
	{"GET", "/contact_exports/{}", exports.download},
}

return exports
