-- The sandbox's time: the host's, moved by an offset, and the forms in which the API writes it.

local host = require "host"

local clock = {offset_ms = 0}

local DAY_MS = 86400000

function clock.now()
	return clock.held_ms or host.now_ms() + clock.offset_ms
end

-- Calls work(...) as if it were `ms`: what happened in between is done late, but was then.
function clock.at(ms, work, ...)
	clock.held_ms = ms
	local ok, wrong = pcall(work, ...)
	clock.held_ms = nil
	if not ok then
		error(wrong, 0)
	end
end

-- Year, month and day of a number of days since 1970. Years begin in March here, so that the
-- leap day is the last day of its year and months have a closed formula.
local function civil(days)
	days = days + 719468
	local era = days // 146097
	local doe = days - era * 146097
	local yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
	local doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
	local mp = (5 * doy + 2) // 153
	local month = mp < 10 and mp + 3 or mp - 9
	local year = yoe + era * 400
	if month <= 2 then
		year = year + 1
	end
	return year, month, doy - (153 * mp + 2) // 5 + 1
end

local function days_of(year, month, day)
	if month <= 2 then
		year = year - 1
	end
	local era = year // 400
	local yoe = year - era * 400
	local doy = (153 * (month > 2 and month - 3 or month + 9) + 2) // 5 + day - 1
	return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468
end

-- "2016-01-23T13:48:44.108Z"; nil stays nil.
function clock.iso(ms)
	if not ms then
		return nil
	end
	local year, month, day = civil(ms // DAY_MS)
	local rest = ms % DAY_MS
	return string.format("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, day,
		rest // 3600000, rest // 60000 % 60, rest // 1000 % 60, rest % 1000)
end

-- "2016-07-08"; nil stays nil.
function clock.date(ms)
	return ms and clock.iso(ms):sub(1, 10)
end

-- "Sat, 23 Jan 2016 13:48:44 GMT", as in HTTP's Date.
function clock.http(ms)
	local year, month, day = civil(ms // DAY_MS)
	local rest = ms % DAY_MS
	local weekday = (ms // DAY_MS + 4) % 7
	return string.format("%s, %02d %s %04d %02d:%02d:%02d GMT", ("SunMonTueWedThuFriSat"):sub(
		weekday * 3 + 1, weekday * 3 + 3), day, ("JanFebMarAprMayJunJulAugSepOctNovDec"):sub(
		month * 3 - 2, month * 3), year, rest // 3600000, rest // 60000 % 60, rest // 1000 % 60)
end

-- The day's number, by which daily quotas are counted.
function clock.day(ms)
	return ms // DAY_MS
end

local function zone_minutes(text)
	if text == "" or text == "Z" or text == "z" then
		return 0
	end
	local sign, hours, minutes = text:match("^([+-])(%d%d):?(%d%d)$")
	if not sign then
		return nil
	end
	local sum = tonumber(hours) * 60 + tonumber(minutes)
	return sign == "-" and -sum or sum
end

-- Milliseconds of an ISO 8601 date or date and time; nil when it is none.
function clock.parse(text)
	local y, m, d, rest = text:match("^(%d%d%d%d)-(%d%d)-(%d%d)(.*)$")
	if not y then
		return nil
	end
	local month, day = tonumber(m), tonumber(d)
	if month < 1 or month > 12 or day < 1 or day > 31 then
		return nil
	end
	local ms = days_of(tonumber(y), month, day) * DAY_MS
	if rest == "" then
		return ms
	end
	local hour, minute, second, fraction, zone =
		rest:match("^[Tt ](%d%d):(%d%d):(%d%d)(%.?%d*) ?([Zz%d:+-]*)$")
	local shift = zone and zone_minutes(zone)
	if not shift or tonumber(hour) > 24 or tonumber(minute) > 59 or tonumber(second) > 60 then
		return nil
	end
	local part = #fraction > 1 and math.floor(tonumber("0" .. fraction) * 1000) or 0
	return ms + tonumber(hour) * 3600000 + (tonumber(minute) - shift) * 60000
		+ tonumber(second) * 1000 + part
end

return clock
