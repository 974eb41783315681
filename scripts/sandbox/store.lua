-- All that the sandbox remembers about the account.

local Collection = require "collection"

local store = {}

function store.reset()
	store.contacts = Collection.new("contact_id")
	store.by_email = {} -- address in lower case -> contact, soft-deleted ones too
	store.by_sms = {}   -- digits of the number -> contact
	store.lists = Collection.new("list_id")
	store.tags = Collection.new("tag_id")
	store.fields = Collection.new("custom_field_id")
	store.activities = Collection.new("activity_id")
	store.pending = {}  -- activities that have not ended
	store.exports = {}  -- export id -> CSV text
	store.segments = {} -- segment id as text -> {contact_ids, asked_ms}
	store.confirmations = 0 -- mails that ask a contact to confirm
end

-- A list that exists and was not deleted.
function store.list(id)
	local list = store.lists:get(id)
	return list and not list.deleted_ms and list or nil
end

store.reset()

return store
