-- Contacts' custom fields with their choices.

local check = require "check"
local clock = require "clock"
local host = require "host"
local page = require "page"
local reply = require "reply"
local store = require "store"

local fields = {}

local TYPES = check.words("string", "date", "datetime", "single_select", "multi_select", "currency",
	"text_area", "number", "boolean")
local SELECTS = check.words("single_select", "multi_select")
local FIELDS_MAX = 100

local function shape(field)
	local choices
	if field.choices then
		choices = host.array {}
		for i, choice in ipairs(field.choices) do
			choices[i] = {
				choice_id = choice.choice_id, choice_label = choice.choice_label,
				display_order = choice.display_order, custom_field_id = field.custom_field_id,
				created_at = clock.iso(choice.created_ms), updated_at = clock.iso(choice.updated_ms),
			}
		end
	end
	return {
		custom_field_id = field.custom_field_id, label = field.label or host.null,
		name = field.name, type = field.type, metadata = field.metadata, version = field.version,
		choices = choices, created_at = clock.iso(field.created_ms),
		updated_at = clock.iso(field.updated_ms),
	}
end

local function of_path(req)
	if not check.is_id(req.ids[1]) then
		reply.missing("custom_field_id is in an invalid format.")
	end
	local field = store.fields:get(req.ids[1]:lower())
	if not field then
		reply.missing("custom_field_id %s was not found.", req.ids[1])
	end
	return field
end

local function label_of(body, own)
	local label = check.string(body, "label", 50)
	for _, field in store.fields:each() do
		if label and field ~= own and field.label and field.label:lower() == label:lower() then
			reply.conflict("Validation failed: Custom field label already exists for custom field %s.",
				field.custom_field_id)
		end
	end
	return label
end

-- Choices of a body; those whose choice_id the field knows stay the same choice.
local function choices_of(body, field)
	local given = check.objects(body, "choices", 100)
	if not given then
		return nil
	end
	local out, now = {}, clock.now()
	for i, choice in ipairs(given) do
		check.required(choice, "choice_label")
		out[i] = {choice_label = check.string(choice, "choice_label", 255), updated_ms = now,
			created_ms = now, display_order = check.integer(choice, "display_order", 0, 1000) or i}
		local id = host.get(choice, "choice_id")
		for _, have in ipairs(field.choices or {}) do
			if id ~= nil and tostring(have.choice_id) == tostring(id) then
				out[i].choice_id, out[i].created_ms = have.choice_id, have.created_ms
			end
		end
		if id ~= nil and not out[i].choice_id then
			reply.invalid("#/choices/%d/choice_id: %s was not found", i - 1, tostring(id))
		end
	end
	for _, choice in ipairs(out) do
		if not choice.choice_id then
			field.last_choice = field.last_choice + 1
			choice.choice_id = field.last_choice
		end
	end
	return out
end

-- A new field in the store; id only for seeds.
function fields.add(body, id)
	check.required(body, "label")
	check.required(body, "type")
	local now, label = clock.now(), label_of(body)
	local field = {
		custom_field_id = id or host.uuid(), label = label, name = label:gsub("[^%w]+", "_"),
		type = check.word(body, "type", TYPES), metadata = check.object(body, "metadata"),
		version = check.integer(body, "version", 1, 2) or 1, last_choice = 0,
		created_ms = now, updated_ms = now,
	}
	field.choices = choices_of(body, field)
	if SELECTS[field.type] and not (field.choices and #field.choices > 0) then
		reply.invalid("#/choices: a %s field needs choices", field.type)
	end
	if store.fields.count >= FIELDS_MAX then
		reply.invalid("An account can have at most %d custom fields.", FIELDS_MAX)
	end
	return store.fields:add(field)
end

function fields.create(req)
	local field = fields.add(req:json())
	req:changed("custom_field", field.custom_field_id)
	return reply.json(201, shape(field))
end

function fields.get(req)
	return reply.json(200, shape(of_path(req)))
end

-- A whole replacement: label and choices that are left out are gone. The type stays.
function fields.update(req)
	local field = of_path(req)
	local body = req:json()
	local label = label_of(body, field)
	field.choices = choices_of(body, field)
	field.label, field.updated_ms = label, clock.now()
	req:changed("custom_field", field.custom_field_id)
	return reply.json(200, shape(field))
end

-- Forgets the field and its values; false when there is none.
function fields.remove(id)
	if not store.fields:get(id) then
		return false
	end
	for _, c in store.contacts:each() do
		for i = #c.custom_fields, 1, -1 do
			if c.custom_fields[i].custom_field_id == id then
				table.remove(c.custom_fields, i)
			end
		end
	end
	store.fields:remove(id)
	return true
end

-- The field that an import's column "cf:NAME" means.
function fields.by_name(name)
	local wanted = name:lower()
	for _, field in store.fields:each() do
		if field.name:lower() == wanted or field.label and field.label:lower() == wanted then
			return field
		end
	end
	return nil
end

function fields.delete(req)
	local field = of_path(req)
	fields.remove(field.custom_field_id)
	req:changed("custom_field", field.custom_field_id)
	return reply.empty(204)
end

function fields.list(req)
	return page.answer(req, store.fields, {
		path = "/v3/contact_custom_fields", key = "custom_fields", default = 50, max = 100,
		shape = shape,
	})
end

fields.routes = {
	{"GET", "/contact_custom_fields", fields.list},
	{"POST", "/contact_custom_fields", fields.create},
	{"GET", "/contact_custom_fields/{}", fields.get},
	{"PUT", "/contact_custom_fields/{}", fields.update},
	{"DELETE", "/contact_custom_fields/{}", fields.delete},
}

return fields
