-- Small codings: percent escapes, query strings, base64.

local text = {}

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

function text.unescape(s)
	return (s:gsub("+", " "):gsub("%%(%x%x)", function(hex)
		return string.char(tonumber(hex, 16))
	end))
end

function text.escape(s)
	return (s:gsub("[^%w%-._~]", function(c)
		return string.format("%%%02X", c:byte())
	end))
end

-- A query as name -> value; a parameter that comes twice is joined by a comma.
function text.query(s)
	local out = {}
	for pair in s:gmatch("[^&]+") do
		local name, value = pair:match("^([^=]*)=?(.*)$")
		name, value = text.unescape(name), text.unescape(value)
		out[name] = out[name] and out[name] .. "," .. value or value
	end
	return out
end

-- The reverse, in the order of the names.
function text.to_query(params)
	local names, parts = {}, {}
	for name in pairs(params) do
		names[#names + 1] = name
	end
	table.sort(names)
	for i, name in ipairs(names) do
		parts[i] = text.escape(name) .. "=" .. text.escape(tostring(params[name]))
	end
	return table.concat(parts, "&")
end

-- The items of a comma list, without blanks around them and without empty ones.
function text.items(s)
	local out = {}
	for item in (s or ""):gmatch("[^,]+") do
		item = item:match("^%s*(.-)%s*$")
		if item ~= "" then
			out[#out + 1] = item
		end
	end
	return out
end

function text.to_base64(s)
	local out = {}
	for i = 1, #s, 3 do
		local a, b, c = s:byte(i, i + 2)
		local bits = a << 16 | (b or 0) << 8 | (c or 0)
		for k = 0, 3 do
			local at = (bits >> (18 - 6 * k) & 63) + 1
			out[#out + 1] = (k == 2 and not b or k == 3 and not c) and "=" or ALPHABET:sub(at, at)
		end
	end
	return table.concat(out)
end

-- Nil when it is not base64.
function text.from_base64(s)
	s = s:gsub("=+$", "")
	local out, bits, n = {}, 0, 0
	for i = 1, #s do
		local at = ALPHABET:find(s:sub(i, i), 1, true)
		if not at then
			return nil
		end
		bits, n = (bits << 6 | at - 1) & 0xffffff, n + 6
		if n >= 8 then
			n = n - 8
			out[#out + 1] = string.char(bits >> n & 255)
		end
	end
	return table.concat(out)
end

-- The form for URLs and tokens: - and _ instead of + and /, nothing at the end.
function text.to_base64url(s)
	return (text.to_base64(s):gsub("[+/=]", {["+"] = "-", ["/"] = "_", ["="] = ""}))
end

function text.from_base64url(s)
	return text.from_base64((s:gsub("[-_]", {["-"] = "+", ["_"] = "/"})))
end

-- For a page: what would be taken as markup.
function text.html(s)
	return (s:gsub('[&<>"]', {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;"}))
end

return text
