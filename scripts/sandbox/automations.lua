-- Automations: kept as the documents that they are; nothing is ever run.

local check = require "check"
local clock = require "clock"
local host = require "host"
local lookup = require "lookup"
local object = require "object"
local reply = require "reply"
local store = require "store"

local automations = {}

local function iso(ms)
	return (clock.iso(ms):gsub("Z$", "+00:00"))
end

local function check_name(name, own)
	if name == "" then
		reply.invalid("workflowName: must not be empty")
	end
	for _, automation in store.automations:each() do
		if automation ~= own and automation.document.name == name then
			reply.invalid("an automation has the name %s already", name)
		end
	end
end

-- A new one in the store; id only for seeds.
function automations.add(name, trigger, id)
	id = id or host.uuid()
	return store.automations:add {
		id = id, created_ms = clock.now(), updated_ms = clock.now(), document = {
			id = id, name = name, description = "", status = "DRAFT",
			structured_tags = host.array {{key = "GOAL", value = "goal_undefined",
				display_value = "All from-scratch paths"}},
			active_definition = {state = "DRAFT", trigger = {trigger_def = trigger,
				trigger_version = "1.0.0"}, workflow = {workflow_def = {name = name,
				tasks = host.array {}, version = "1.0.0"}}},
		},
	}
end

function automations.create(req)
	local trigger = req.body ~= "" and object.copy(req:json()) or {}
	local name = req.params.workflowName
		or "Automation " .. tostring(store.automations.last + 1)
	check_name(name)
	local automation = automations.add(name, trigger)
	req:changed("automation", automation.id)
	return reply.json(201, automation.document)
end

local function of_path(req)
	return lookup.uuid(req, 1, store.automations, "automation_flow_id")
end

function automations.get(req)
	return reply.json(200, of_path(req).document)
end

-- The whole document, wrapped.
function automations.update(req)
	local automation, body = of_path(req), req:json()
	check.required(body, "automation_flow")
	local document = object.copy(check.object(body, "automation_flow"))
	if document.id and document.id ~= automation.id then
		reply.invalid("#/automation_flow/id: is not that of the path")
	end
	document.id = automation.id
	document.name = check.string(document, "name", 255) or automation.document.name
	check_name(document.name, automation)
	automation.document, automation.updated_ms = document, clock.now()
	req:changed("automation", automation.id)
	return reply.json(200, document)
end

local function summary(automation)
	local document = automation.document
	return {
		id = automation.id, name = document.name, description = document.description,
		status = document.status, structured_tags = document.structured_tags,
		draft_state = "DRAFT", created_by_id = "123456789", created_date = iso(automation.created_ms),
		update_date = iso(automation.updated_ms),
	}
end

local function has_goal(document, goals)
	for _, tag in ipairs(document.structured_tags or {}) do
		for goal in (goals or ""):gmatch("[^,]+") do
			if tag.key == "GOAL" and tag.value == goal then
				return true
			end
		end
	end
	return goals == nil
end

-- All of them on one page, with a status that nothing else has.
function automations.list(req)
	local params, out = req.params, host.array {}
	local direction = params.sort_direction or "DESC"
	if direction ~= "ASC" and direction ~= "DESC" then
		reply.invalid("sort_direction: %s is not a valid value", direction)
	end
	for _, automation in store.automations:each(nil, direction == "DESC") do
		local document = automation.document
		if (not params.name or document.name == params.name) and has_goal(document, params.goals)
				and params.created_from ~= "TEMPLATE" then
			out[#out + 1] = summary(automation)
		end
	end
	return reply.json(209, {flow_summaries = out})
end

automations.routes = {
	{"GET", "/automations/workflows", automations.list},
	{"POST", "/automations/workflows", automations.create},
	{"GET", "/automations/workflows/{}", automations.get},
	{"PUT", "/automations/workflows/{}", automations.update},
}

return automations
