-- The parts of a multipart/form-data body.

local multipart = {}

local function header(head, name)
	for line in (head .. "\r\n"):gmatch("(.-)\r\n") do
		local key, value = line:match("^([^:]+):%s*(.*)$")
		if key and key:lower() == name then
			return value
		end
	end
	return nil
end

local function parameter(value, name)
	return value:match("[;%s]" .. name .. '="([^"]*)"') or value:match("[;%s]" .. name .. "=([^;%s]+)")
end

-- name -> {text, filename}; nil when the content type or the body is no form.
function multipart.parse(content_type, body)
	if not (content_type or ""):lower():find("^multipart/form%-data") then
		return nil
	end
	local boundary = parameter(content_type, "boundary")
	if not boundary then
		return nil
	end
	local parts, mark = {}, "--" .. boundary
	local at = body:find(mark, 1, true)
	while at do
		local from = at + #mark
		if body:sub(from, from + 1) == "--" then
			return parts
		end
		local head_end = body:find("\r\n\r\n", from, true)
		local stop = head_end and body:find("\r\n" .. mark, head_end + 2, true)
		if not stop then
			return nil
		end
		local disposition = header(body:sub(from + 2, head_end - 1), "content-disposition") or ""
		local name = parameter(disposition, "name")
		if name then
			parts[name] = {text = body:sub(head_end + 4, stop - 1),
				filename = parameter(disposition, "filename")}
		end
		at = stop + 2
	end
	return nil
end

return multipart
