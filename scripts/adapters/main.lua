-- What conversation platforms send becomes events of our own form: one file a platform.
--
-- A file returns a function of (payload, headers) that gives {events = {…}, answer = what the platform wants to hear},
-- or nil for a payload that it does not know. events are made by "event"; the service checks, dedupes and accepts them.
-- luacheck: globals app

app = {}

local function file_of(path)
	local name = path:match("^/([%w-]+)$")
	return name and (name:gsub("-", "_"))
end

local function problem(status, text)
	return {status = status, headers = {["content-type"] = "text/plain"}, body = text}
end

function app.handle(req)
	local name = file_of(req.path)
	local known, adapter = false, nil
	if name and name ~= "main" and name ~= "event" then
		known, adapter = pcall(require, name)
	end
	if not known then
		return problem(404, tostring(adapter))
	end
	local out = adapter(json.decode(req.body), req.headers)
	if not out then
		return problem(422, "the payload is none of this platform")
	end
	out.events = json.array(out.events or {})
	return {status = 200, headers = {["content-type"] = "application/json"}, body = json.encode(out)}
end
