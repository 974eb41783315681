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
	store.campaigns = Collection.new("campaign_id")
	store.mailings = Collection.new("campaign_activity_id") -- primary activities and permalinks
	store.test_sends = 0    -- letters sent as a test
	store.test_day, store.tests_today = -1, 0
	store.resend_id = 389092 -- the last one given
	store.tracking = {}     -- campaign activity id -> array of what contacts did
	store.pages = Collection.new("campaign_activity_id") -- landing pages
	store.sms_campaigns = Collection.new("campaign_id")
	store.criteria = Collection.new("segment_id") -- segments made through the API
	store.segment_id = 0    -- the last one given
	store.events = Collection.new("event_id")
	store.registrations = Collection.new("registration_id")
	store.profiles = Collection.new("profile_id")
	store.posts = Collection.new("campaign_id")
	store.hashtags = Collection.new("hashtag_group_id")
	store.automations = Collection.new("id")
	store.account = {}      -- summary, address
	store.emails = Collection.new("email_address")
	store.partners = Collection.new("encoded_account_id")
	store.subscriptions = Collection.new("topic_id")
	store.webhook_tests = 0 -- notifications that a test asked for
end

-- A list that exists and was not deleted.
function store.list(id)
	local list = store.lists:get(id)
	return list and not list.deleted_ms and list or nil
end

store.reset()

return store
