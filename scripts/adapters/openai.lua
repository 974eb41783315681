-- What models of the OpenAI form answer, as a relay passes it on, and the thin notices of finished responses.

local event = require "event"

local function arguments(text)
	local ok, v = pcall(json.decode, event.some(text) or "{}")
	return ok and type(v) == "table" and v or {}
end

local function of_conversation(body)
	local meta = type(body.metadata) == "table" and body.metadata or {}
	local c = type(body.conversation) == "table" and body.conversation.id or event.some(body.conversation)
	return {platform = "openai", account = event.some(meta.account) or "default", conversation = {
		id = c or event.some(meta.conversation_id) or body.id, channel = "openai"}}
end

local function sent(of, id, time, text)
	return event.new(of, "message.sent", id, time, {participant = {role = "bot"},
		message = {id = id, text = text, format = "markdown"}})
end

local function asked(of, call, name, args, time)
	return event.new(of, "action.requested", call, time,
		{participant = {role = "bot"}, action = {call_id = call, name = name, arguments = arguments(args)}})
end

local function completion(body)
	local of, time, events = of_conversation(body), event.seconds(body.created), {}
	local m = body.choices[1] and body.choices[1].message or {}
	if event.some(m.content) then
		events[1] = sent(of, body.id, time, m.content)
	end
	for _, call in ipairs(type(m.tool_calls) == "table" and m.tool_calls or {}) do
		events[#events + 1] = asked(of, call.id, call["function"].name, call["function"].arguments, time)
	end
	return events
end

local function response(body)
	local of, time, events = of_conversation(body), event.seconds(body.created_at), {}
	for _, o in ipairs(body.output) do
		if o.type == "message" then
			local text = {}
			for _, part in ipairs(o.content or {}) do
				text[#text + 1] = part.type == "output_text" and part.text or nil
			end
			events[#events + 1] = sent(of, o.id, time, table.concat(text))
		elseif o.type == "function_call" then
			events[#events + 1] = asked(of, o.call_id, o.name, o.arguments, time)
		end
	end
	return events
end

return function(body)
	if type(body.choices) == "table" then
		return {events = completion(body)}
	elseif type(body.output) == "table" then
		return {events = response(body)}
	elseif event.some(body.type) and type(body.data) == "table" then
		local of = of_conversation {id = body.data.id}
		return {events = {event.new(of, "conversation.updated", body.id, event.seconds(body.created_at),
			{changed = json.array {body.type}})}}
	end
	return nil
end
