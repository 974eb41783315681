-- Comma-separated values: RFC 4180 in and out.

local csv = {}

-- The rows of a text as arrays of texts; empty lines are left out. At most `max` rows.
function csv.parse(s, max)
	local rows, row, at = {}, {}, 1
	if s:sub(1, 3) == "\xEF\xBB\xBF" then
		at = 4
	end
	local function field()
		if s:sub(at, at) ~= '"' then
			local stop = s:find("[,\r\n]", at) or #s + 1
			local value = s:sub(at, stop - 1)
			at = stop
			return value
		end
		local parts = {}
		at = at + 1
		while true do
			local stop = s:find('"', at, true) or #s + 1
			parts[#parts + 1] = s:sub(at, stop - 1)
			at = stop + 1
			if s:sub(at, at) ~= '"' then
				break
			end
			parts[#parts + 1] = '"'
			at = at + 1
		end
		at = s:find("[,\r\n]", at) or #s + 1
		return table.concat(parts)
	end
	while at <= #s and #rows < max do
		row[#row + 1] = field()
		local c = s:sub(at, at)
		at = at + 1
		if c ~= "," then
			if c == "\r" and s:sub(at, at) == "\n" then
				at = at + 1
			end
			if #row > 1 or row[1] ~= "" then
				rows[#rows + 1] = row
			end
			row = {}
		elseif at > #s then
			row[#row + 1] = ""
		end
	end
	if #row > 0 and #rows < max then
		rows[#rows + 1] = row
	end
	return rows
end

-- One row with its line end.
function csv.row(values, n)
	local out = {}
	for i = 1, n do
		local value = values[i] == nil and "" or tostring(values[i])
		if value:find('[,"\r\n]') then
			value = '"' .. value:gsub('"', '""') .. '"'
		end
		out[i] = value
	end
	return table.concat(out, ",") .. "\r\n"
end

return csv
