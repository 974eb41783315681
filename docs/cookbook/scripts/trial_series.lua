-- Three days after its start a trial is tagged, and a purchase within two weeks ends it.
--
--   lua: trial_series.lua
--   with: {contact_id: whose trial it is, tag: what starts the reminder}
-- gives "bought" or "lost".

local args = ...

wait("3d")
call("constant_contact.add_contact_taggings", {
	source = {contact_ids = {args.contact_id}},
	tag_ids = {args.tag},
})

local bought = pcall(wait_event, "order.paid", {
	where = {contact_id = args.contact_id},
	timeout = "11d",
})
return bought and "bought" or "lost"
