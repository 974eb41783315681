-- Building events of the conversation model, and the small things that several platforms need.

local event = {}

-- Days since 1970 as a date of the Gregorian calendar.
local function civil(days)
	local z = days + 719468
	local era = z // 146097
	local doe = z - era * 146097
	local yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
	local doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
	local mp = (5 * doy + 2) // 153
	local month = mp < 10 and mp + 3 or mp - 9
	return yoe + era * 400 + (month <= 2 and 1 or 0), month, doy - (153 * mp + 2) // 5 + 1
end

-- RFC 3339 of milliseconds since 1970.
function event.time(ms)
	ms = ms // 1 | 0
	local s = ms // 1000
	local year, month, day = civil(s // 86400)
	return ("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ"):format(year, month, day, s // 3600 % 24,
		s // 60 % 60, s % 60, ms % 1000)
end

-- The same of seconds, whole or not, as a number or a text.
function event.seconds(s)
	return event.time(math.floor(tonumber(s) * 1000 + 0.001))
end

function event.now()
	return event.time(now_ms())
end

-- Not null and not empty.
function event.some(v)
	if v == nil or v == json.null or v == "" then
		return nil
	end
	return v
end

-- An identity as a text: numbers are common.
function event.id(v)
	v = event.some(v)
	return v and (math.type(v) == "integer" and ("%d"):format(v) or tostring(v)) or nil
end

-- One event. of: {platform, account, conversation = {id, channel …}}; data goes beside those.
function event.new(of, kind, id, time, data)
	local all = {platform = of.platform, account = of.account, conversation = of.conversation}
	for k, v in pairs(data or {}) do
		all[k] = v
	end
	return {
		specversion = "1.0", id = of.platform .. ":" .. id, type = kind, time = time,
		source = "/conversations/" .. of.platform .. "/" .. of.account,
		subject = of.platform .. ":" .. of.account .. ":" .. of.conversation.id,
		datacontenttype = "application/json", data = all,
	}
end

-- A table without the members that are null.
function event.known(t)
	local out, any = {}, false
	for k, v in pairs(t or {}) do
		if v ~= json.null then
			out[k], any = v, true
		end
	end
	return any and out or nil
end

local granted = {yes = true, ["true"] = true, y = true, granted = true, on = true}

-- {status} of what somebody answered to the question of consent; nil when nothing was.
function event.consent(v)
	v = event.some(v)
	if v == nil then
		return nil
	end
	return {status = (v == true or granted[tostring(v):lower()]) and "granted" or "denied"}
end

local names = {"email", "phone", "first_name", "last_name", "name", "company"}

-- The contact in a flat map of collected values, or nil.
function event.contact(values)
	local out, any = {}, false
	for _, name in ipairs(names) do
		local v = event.some(values[name])
		if type(v) == "string" then
			out[name], any = v, true
		end
	end
	out.consent = event.consent(values.consent)
	return any and out or nil
end

-- Is one of the names a field of a contact?
function event.is_contact(name)
	for _, known in ipairs(names) do
		if known == name then
			return true
		end
	end
	return false
end

local entities = {amp = "&", lt = "<", gt = ">", quot = '"', apos = "'", nbsp = " "}

-- HTML as plain text.
function event.plain(html)
	html = event.some(html)
	if not html then
		return nil
	end
	local text = html:gsub("<br%s*/?>", "\n"):gsub("</p>%s*<p[^>]*>", "\n"):gsub("<[^>]*>", "")
	text = text:gsub("&#(%d+);", function(n) return utf8.char(tonumber(n)) end)
	text = text:gsub("&(%a+);", entities)
	return (text:gsub("^%s+", ""):gsub("%s+$", ""))
end

return event
