-- A stand-in of a chat endpoint: it finds what patterns can find in the last message, and so always
-- gives the same answer to the same question.

local host = require "host"
local reply = require "reply"

local expert = {}

-- From a property's name to the function that looks for it in a text.
local finders = {}

function finders.email(text)
	return text:match("[%w._%%+-]+@[%w-]+%.[%w.-]*%w")
end

function finders.phone(text)
	local found = text:match("%+?%d[%d ()/-]+%d")
	return found and #found:gsub("%D", "") >= 7 and found or nil
end

local function name(text)
	local first, last = text:match("[Mm]y name is (%u[%w'-]+) (%u[%w'-]+)")
	if not first then
		first, last = text:match("I am (%u[%w'-]+) (%u[%w'-]+)")
	end
	return first or text:match("[Mm]y name is (%u[%w'-]+)"), last
end

function finders.first_name(text)
	return (name(text))
end

function finders.last_name(text)
	local _, last = name(text)
	return last
end

function finders.name(text)
	local first, last = name(text)
	return first and last and first .. " " .. last or first
end

function finders.company(text)
	return text:match("[Ww]ork for (%u[%w&'-]+)") or text:match("[Ww]ork at (%u[%w&'-]+)")
		or text:match(" from (%u[%w&'-]+)")
end

-- Every property that the schema has and the text gives.
local function extract(schema, text)
	local found = {}
	for key in pairs(schema.properties or {}) do
		local find = finders[key]
		found[key] = find and find(text) or nil
	end
	return found
end

local function last_message(body)
	local messages = type(body.messages) == "table" and body.messages or {}
	local last = messages[#messages]
	if type(last) ~= "table" or type(last.content) ~= "string" then
		return nil
	end
	return last.content
end

local function problem(status, code, message)
	return reply.json(status, {error = {code = code, message = message}})
end

local function answer(req)
	local body = req:json()
	local text = last_message(body)
	if type(body.model) ~= "string" or not text then
		return problem(400, "invalid_request_error", "model and messages are required")
	end
	local format = body.response_format
	local schema = format and format.json_schema and format.json_schema.schema
	local content = schema and host.json.encode(extract(schema, text)) or "You said: " .. text
	return reply.json(200, {
		id = "chatcmpl-sandbox", object = "chat.completion", model = body.model,
		choices = {{index = 0, finish_reason = "stop",
			message = {role = "assistant", content = content}}},
	})
end

expert.routes = {{"POST", "/chat/completions", answer}}

return expert
