-- Bulk imports, from a CSV file and from JSON: flat rows that become contacts.

local activities = require "activities"
local check = require "check"
local contact = require "contact"
local csv = require "csv"
local fields = require "fields"
local host = require "host"
local multipart = require "multipart"
local reply = require "reply"
local sms = require "sms"
local store = require "store"
local text = require "text"

local imports = {}

local ROWS_MAX = 40000
local BYTES_MAX = 4 * 1024 * 1024
local CUSTOM_MAX = 25
local PERMISSIONS = check.words("not_set", "explicit")
local NAMES = {"first_name", "last_name", "job_title", "company_name"}
local PHONES = {phone = "other", home_phone = "home", work_phone = "work", mobile_phone = "mobile",
	other_phone = "other"}
local PLACES = {[""] = "home", home_ = "home", work_ = "work", other_ = "other"}

local function filled(row, key)
	local value = host.get(row, key)
	if value == nil or value == "" or type(value) == "table" then
		return nil
	end
	return tostring(value)
end

-- The number that a row gives, or an error's text.
local function number_of(row, permission)
	local number = filled(row, "sms_number")
	if not number then
		return nil
	end
	number = number:gsub("%D", "")
	if #number < 8 or #number > 15 then
		return nil, "invalid SMS number"
	end
	if permission == "explicit" and not filled(row, "sms_consent_date") then
		return nil, "sms_consent_date is missing"
	end
	return #number == 10 and "1" .. number or number
end

local function set_phones(c, row)
	for key, kind in pairs(PHONES) do
		local number = filled(row, key)
		if number and #c.phone_numbers < 3 then
			local made = contact.phone_numbers {
				phone_numbers = host.array {{phone_number = number:sub(1, 25), kind = kind}}}
			local place = #c.phone_numbers + 1
			for i, have in ipairs(c.phone_numbers) do
				place = have.kind == kind and i or place
			end
			c.phone_numbers[place] = made[1]
		end
	end
end

local function set_addresses(c, row)
	for prefix, kind in pairs(PLACES) do
		local street, street2 = filled(row, prefix .. "street"), filled(row, prefix .. "street2")
		local address = {
			kind = kind, street = street and street2 and street .. ", " .. street2 or street,
			city = filled(row, prefix .. "city"), state = filled(row, prefix .. "state"),
			postal_code = filled(row, prefix .. "zip"),
			country = filled(row, prefix .. "country") or filled(row, prefix:gsub("_", " ") .. "country"),
		}
		if address.street or address.city or address.postal_code or address.country then
			local place = #c.street_addresses + 1
			for i, have in ipairs(c.street_addresses) do
				place = have.kind == kind and i or place
			end
			if place <= 3 then
				c.street_addresses[place] = contact.street_address(address)
			end
		end
	end
end

local function set_custom(c, row, custom)
	for key, field in pairs(custom) do
		local value = filled(row, key)
		local place = #c.custom_fields + 1
		for i, have in ipairs(c.custom_fields) do
			place = have.custom_field_id == field.custom_field_id and i or place
		end
		if value and place <= CUSTOM_MAX then
			c.custom_fields[place] = {custom_field_id = field.custom_field_id, value = value:sub(1, 255)}
		end
	end
end

local function set_columns(c, row, custom)
	for _, name in ipairs(NAMES) do
		local value = filled(row, name)
		c[name] = value and value:sub(1, 50) or c[name]
	end
	for _, name in ipairs {"birthday_month", "birthday_day"} do
		c[name] = math.tointeger(tonumber(filled(row, name))) or c[name]
	end
	c.anniversary = filled(row, "anniversary") or c.anniversary
	set_phones(c, row)
	set_addresses(c, row)
	set_custom(c, row, custom)
end

-- Brings one row in; returns the contact, or nil and what is wrong with the row.
local function import_row(row, input)
	local email = filled(row, "email")
	if email and not (#email <= 50 and check.is_email(email)) then
		return nil, "invalid email address"
	end
	local number, wrong = number_of(row, input.sms_permission)
	if wrong then
		return nil, wrong
	end
	if not email and not number then
		return nil, "neither email nor sms_number"
	end
	local c = email and contact.by_email(email) or number and sms.find(number)
	c = c or contact.create("Account")
	if c.deleted_ms then
		contact.revive(c)
	end
	if email and not c.email then
		contact.set_address(c, email)
		contact.set_permission(c, "implicit", "Account")
	end
	local other = number and sms.find(number)
	if number and (not other or other == c) then
		sms.set(c, {number = number, dial = "1", country = "US", consents = host.array {{
			sms_consent_permission = input.sms_permission, consent_type = "promotional_sms",
		}}}, "Account")
	end
	contact.touch(c, "Account")
	set_columns(c, row, input.custom)
	return c
end

local function add_lists(c, list_ids)
	if c.email and c.email.permission == "unsubscribed" then
		return false
	end
	local done = true
	for _, id in ipairs(list_ids) do
		done = store.list(id) and contact.add_list(c, id) and done
	end
	return done
end

activities.kinds.contacts_import = function(activity, input)
	local status = {items_total_count = #input.rows + input.first_row - 1, person_count = 0,
		error_count = 0, correctable_count = 0, cannot_add_to_list_count = 0}
	for i, row in ipairs(input.rows) do
		local c, wrong = import_row(row, input)
		if c then
			status.person_count = status.person_count + 1
			if not add_lists(c, input.list_ids) then
				status.cannot_add_to_list_count = status.cannot_add_to_list_count + 1
			end
		else
			status.error_count = status.error_count + 1
			status.correctable_count = status.correctable_count + 1
			table.insert(activity.errors, string.format("Row %d: %s", i + input.first_row - 1, wrong))
		end
	end
	activity.status = status
end

-- Column name -> field for the custom columns of the given names.
local function custom_columns(names)
	local custom, count = {}, 0
	for name in pairs(names) do
		local wanted = name:match("^[Cc][Ff]:(.+)$")
		if wanted then
			custom[name] = fields.by_name(wanted)
			if not custom[name] then
				reply.invalid("column %s: there is no such custom field", name)
			end
			count = count + 1
		end
	end
	if count > CUSTOM_MAX then
		reply.invalid("expected at most %d custom fields, found: %d", CUSTOM_MAX, count)
	end
	return custom
end

local function check_lists(ids)
	for _, id in ipairs(ids) do
		if not store.list(id) then
			reply.invalid("#/list_ids: list %s does not exist", id)
		end
	end
	return ids
end

local function start(req, input, file)
	local activity = activities.add("contacts_import", input, file)
	req:changed("activity", activity.activity_id)
	return reply.json(201, activities.shape(activity))
end

-- Rows of a CSV text as name -> value; what is over the limits is dropped without a word.
local function rows_of(file)
	local content = file
	if #content > BYTES_MAX then
		content = content:sub(1, BYTES_MAX):match("^(.*\n)") or ""
	end
	local raw = csv.parse(content, ROWS_MAX)
	local names, set = table.remove(raw, 1) or {}, {}
	for i, name in ipairs(names) do
		names[i] = name:match("^%s*(.-)%s*$")
		if not names[i]:find("^[Cc][Ff]:") then
			names[i] = names[i]:lower():gsub("%s+", "_")
		end
		set[names[i]] = true
	end
	if not (set.email or set.sms_number) then
		reply.invalid("file: the header row must have email or sms_number")
	end
	local rows = {}
	for i, values in ipairs(raw) do
		rows[i] = {}
		for k, name in ipairs(names) do
			rows[i][name] = values[k]
		end
	end
	return rows, set
end

function imports.csv(req)
	local parts = multipart.parse(req.headers["content-type"], req.body)
	if not parts then
		reply.wrong_type("Content-Type must be multipart/form-data")
	end
	local file, list_ids = parts.file, parts.list_ids
	if not file or not list_ids then
		reply.invalid("the parts file and list_ids are required")
	end
	if not (file.filename or ""):lower():find("%.csv$") then
		reply.wrong_type("Wrong file format, upload file must be of type .csv")
	end
	local ids = check.ids({list_ids = host.array(text.items(list_ids.text))}, "list_ids", 50, 1)
	local permission = parts.sms_permission_to_send and parts.sms_permission_to_send.text or "not_set"
	if not PERMISSIONS[permission] then
		reply.invalid("sms_permission_to_send: %s is not a valid value", permission)
	end
	local rows, set = rows_of(file.text)
	return start(req, {rows = rows, first_row = 2, list_ids = check_lists(ids),
		sms_permission = permission, custom = custom_columns(set)}, file.filename)
end

function imports.json(req)
	local body = req:json()
	check.required(body, "import_data")
	local data = check.objects(body, "import_data")
	local ids = check.ids(body, "list_ids", 50, 1)
	local permission = check.word(body, "sms_permission_to_send", PERMISSIONS) or "not_set"
	if #data == 0 then
		reply.invalid("#/import_data: expected minimum item count: 1, found: 0")
	end
	local names, rows = {}, {}
	for i = 1, math.min(#data, ROWS_MAX) do
		rows[i] = data[i]
		for name in pairs(data[i]) do
			names[name] = true
		end
	end
	return start(req, {rows = rows, first_row = 1, list_ids = check_lists(ids),
		sms_permission = permission, custom = custom_columns(names)})
end

imports.routes = {
	{"POST", "/activities/contacts_file_import", imports.csv},
	{"POST", "/activities/contacts_json_import", imports.json},
}

return imports
