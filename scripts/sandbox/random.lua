-- Numbers that look random and are the same again after the same seed.

local random = {state = 1}

function random.reset(seed)
	random.state = (seed or 1) * 0x9E3779B97F4A7C15 | 1
end

-- A number from 0 to below 1 (Marsaglia's xorshift with a multiplication).
function random.share()
	local x = random.state
	x = x ~ (x << 13)
	x = x ~ (x >> 7)
	x = x ~ (x << 17)
	random.state = x
	return (x * 0x2545F4914F6CDD1D >> 11) / (1 << 53)
end

return random
