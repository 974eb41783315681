-- Objects by id and in the order in which they were made.

local Collection = {}
Collection.__index = Collection

-- id_key: the member that holds an object's id.
function Collection.new(id_key)
	return setmetatable({id_key = id_key, by_id = {}, items = {}, serials = {}, last = 0, count = 0},
		Collection)
end

function Collection:add(object)
	local id = object[self.id_key]
	self.last = self.last + 1
	self.count = self.count + 1
	self.items[self.last] = object
	self.by_id[id] = object
	self.serials[id] = self.last
	return object
end

function Collection:get(id)
	return self.by_id[id]
end

-- Its place in the order is never used again, so that cursors stay true after removals.
function Collection:remove(id)
	local serial = self.serials[id]
	if serial then
		self.items[serial], self.by_id[id], self.serials[id] = nil, nil, nil
		self.count = self.count - 1
	end
end

-- A list as something that can be walked like a collection.
function Collection.of(list)
	return setmetatable({items = list, last = #list, count = #list}, Collection)
end

-- Serial and object from `first` on, or from `first` down.
function Collection:each(first, down)
	local step = down and -1 or 1
	local at = (first or (down and self.last or 1)) - step
	return function()
		repeat
			at = at + step
			if at < 1 or at > self.last then
				return nil
			end
		until self.items[at]
		return at, self.items[at]
	end
end

return Collection
