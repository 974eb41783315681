-- From method and path to the function that answers.

local reply = require "reply"

local router = {exact = {}, patterns = {}, known = {}}

-- Rows of patterns are kept by the path's first segment, which is never "{}".
local function rows_of(path)
	local first = path:match("^/([^/]*)") or ""
	router.patterns[first] = router.patterns[first] or {}
	return router.patterns[first]
end

-- Takes rows {method, path, handler}; "{}" in a path stands for one segment.
function router.add(routes)
	for _, route in ipairs(routes) do
		local method, path, handler = route[1], route[2], route[3]
		if path:find("{}", 1, true) then
			local pattern = "^" .. path:gsub("[%-.]", "%%%0"):gsub("{}", "([^/]+)") .. "$"
			table.insert(rows_of(path), {method, pattern, handler, path})
		else
			router.exact[method .. " " .. path] = handler
			router.known[path] = true
		end
	end
end

-- The handler, the segments that stand for "{}", and the path with them as "{}". Without a handler
-- nil and whether the path exists with another method.
function router.find(method, path)
	local handler = router.exact[method .. " " .. path]
	if handler then
		return handler, {}, path
	end
	local known = router.known[path] or false
	for _, row in ipairs(router.patterns[path:match("^/([^/]*)") or ""] or {}) do
		if not known or row[1] == method then
			local found = {path:match(row[2])}
			if found[1] and row[1] == method and not router.known[path] then
				return row[3], found, row[4]
			end
			known = known or found[1] ~= nil
		end
	end
	return nil, known
end

-- Runs the handler and notes its route as req.template; an answer that was raised is an answer too,
-- anything else is our own fault.
function router.answer(req, path)
	local handler, found, template = router.find(req.method, path)
	req.template = template
	if not handler then
		if found then
			return reply.error(405, "contacts.api.method_not_allowed",
				req.method .. " is not supported here")
		end
		return reply.error(404, "contacts.api.not_found", "The requested resource was not found.")
	end
	req.ids = found
	local ok, answer = pcall(handler, req)
	if not ok and type(answer) ~= "table" then
		return reply.text(500, "text/plain; charset=utf-8", tostring(answer))
	end
	return answer
end

return router
