-- SHA-256 (FIPS 180-4), with which a sign-in proves that it was begun by the same program.

-- The first 32 bits of the fraction of x ^ (1 / 3) and x ^ (1 / 2) of the first primes.
local K, START = {}, {}

local function is_prime(n)
	for d = 2, math.floor(math.sqrt(n)) do
		if n % d == 0 then
			return false
		end
	end
	return true
end

-- The fraction's bits of a root of n. Near the root neighbours are 2 ^ 36 apart and more, so that
-- the rounding of numbers with 53 bits cannot mislead.
local function fraction(n, root)
	local low, high = 0, 1 << 36
	while high - low > 1 do
		local middle = (low + high) // 2
		if (middle / 2 ^ 32) ^ root > n then
			high = middle
		else
			low = middle
		end
	end
	return low & 0xffffffff
end

do
	local n = 2
	while #K < 64 do
		if is_prime(n) then
			K[#K + 1] = fraction(n, 3)
			START[#START + 1] = #START < 8 and fraction(n, 2) or nil
		end
		n = n + 1
	end
end

local function rotate(x, n)
	return (x >> n | x << (32 - n)) & 0xffffffff
end

local function schedule(block)
	local w = {string.unpack(">I4I4I4I4I4I4I4I4I4I4I4I4I4I4I4I4", block)}
	for i = 17, 64 do
		local a, b = w[i - 15], w[i - 2]
		local s0 = rotate(a, 7) ~ rotate(a, 18) ~ a >> 3
		local s1 = rotate(b, 17) ~ rotate(b, 19) ~ b >> 10
		w[i] = w[i - 16] + s0 + w[i - 7] + s1 & 0xffffffff
	end
	return w
end

local function compress(hash, block)
	local w = schedule(block)
	local a, b, c, d, e, f, g, h = table.unpack(hash)
	for i = 1, 64 do
		local s1 = rotate(e, 6) ~ rotate(e, 11) ~ rotate(e, 25)
		local t1 = h + s1 + (e & f ~ ~e & g) + K[i] + w[i]
		local s0 = rotate(a, 2) ~ rotate(a, 13) ~ rotate(a, 22)
		local t2 = s0 + (a & b ~ a & c ~ b & c)
		h, g, f, e, d, c, b, a = g, f, e, d + t1 & 0xffffffff, c, b, a, t1 + t2 & 0xffffffff
	end
	for i, value in ipairs {a, b, c, d, e, f, g, h} do
		hash[i] = hash[i] + value & 0xffffffff
	end
end

-- The 32 bytes of the hash of a text.
return function(text)
	local hash = table.move(START, 1, 8, 1, {})
	local padded = text .. "\x80" .. ("\0"):rep(-(#text + 9) % 64) .. string.pack(">I8", #text * 8)
	for at = 1, #padded, 64 do
		compress(hash, padded:sub(at, at + 63))
	end
	return string.pack(">I4I4I4I4I4I4I4I4", table.unpack(hash))
end
