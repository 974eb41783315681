-- Names of people.
local names = {}

-- "Dana van Lopez" to "Dana", "van Lopez"; nils for nothing.
function names.split(name)
	if empty(name) then
		return nil, nil
	end
	local first, last = string.match(name, "^%s*(%S+)%s+(.-)%s*$")
	if not first then
		return trim(name), nil
	end
	return first, last
end

return names
