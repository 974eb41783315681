-- From method and path to the function that answers.

local router = {exact = {}, patterns = {}, known = {}}

-- Takes rows {method, path, handler}; "{}" in a path stands for one segment.
function router.add(routes)
	for _, route in ipairs(routes) do
		local method, path, handler = route[1], route[2], route[3]
		if path:find("{}", 1, true) then
			local pattern = "^" .. path:gsub("[%-.]", "%%%0"):gsub("{}", "([^/]+)") .. "$"
			table.insert(router.patterns, {method, pattern, handler})
		else
			router.exact[method .. " " .. path] = handler
			router.known[path] = true
		end
	end
end

-- The handler and the segments that stand for "{}"; nil and whether the path exists with another
-- method.
function router.find(method, path)
	local handler = router.exact[method .. " " .. path]
	if handler then
		return handler, {}
	end
	local known = router.known[path] or false
	for _, row in ipairs(router.patterns) do
		if not known or row[1] == method then
			local found = {path:match(row[2])}
			if found[1] and row[1] == method and not router.known[path] then
				return row[3], found
			end
			known = known or found[1] ~= nil
		end
	end
	return nil, known
end

return router
