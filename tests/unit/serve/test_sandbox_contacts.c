/* The sandbox's contacts, lists, tags and custom fields: what they accept, keep and answer. */
#include "tests/unit/serve/sandbox_api.h"

#define CONTACTS "/v3/contacts"
#define FORM "/v3/contacts/sign_up_form"

/* ---- create ---- */

static void a_contact_is_created_once_and_found_again(void **state)
{
	char path[100];
	call(201, "POST", CONTACTS,
	     "{'create_source':'Account','first_name':'Zoe','email_address':"
	     "{'address':'zoe@example.com'},'list_memberships':['" LEADS "']}");
	expect("email_address.permission_to_send", "implicit");
	expect("list_memberships", "[\"" LEADS "\"]");
	snprintf(path, sizeof(path), CONTACTS "/%s", at("contact_id"));
	call(200, "GET", path, NULL);
	expect("first_name", "Zoe");
	expect("list_memberships", "-");
	snprintf(path, sizeof(path), CONTACTS "/%s?include=list_memberships,notes",
		 at("contact_id"));
	call(200, "GET", path, NULL);
	expect("list_memberships.0", LEADS);
	expect("notes", "[]");
}

static void an_address_in_use_is_a_conflict_that_names_the_contact(void **state)
{
	static const char *const body =
		"{'create_source':'Account','email_address':{'address':'ADA@example.com'}}";
	call(409, "POST", CONTACTS, body);
	expect("0.error_key", "contacts.api.conflict");
	assert_non_null(strstr(at("0.error_message"), ADA));
	call(204, "DELETE", CONTACTS "/" ADA, NULL);
	call(409, "POST", CONTACTS, body);
	assert_non_null(strstr(at("0.error_message"), ADA));
}

static void case_makes_no_other_address(void **state)
{
	call(201, "POST", CONTACTS,
	     "{'create_source':'Account','email_address':{'address':'Mixed@Example.com'}}");
	expect("email_address.address", "Mixed@Example.com");
	call(409, "POST", CONTACTS,
	     "{'create_source':'Account','email_address':{'address':'mixed@example.com'}}");
	call(200, "GET", CONTACTS "?email=mixed@EXAMPLE.com", NULL);
	expect_some("contacts.0");
}

static void what_is_not_valid_is_refused_with_the_usual_envelope(void **state)
{
	static const char *const bodies[] = {
		"{'email_address':{'address':'a@example.com'}}",
		"{'create_source':'Account'}",
		"{'create_source':'Robot','first_name':'a'}",
		"{'create_source':'Account','email_address':'a@example.com'}",
		"{'create_source':'Account','email_address':{'address':'nobody'}}",
		"{'create_source':'Account','email_address':{}}",
		"{'create_source':'Account','first_name':5}",
		"{'create_source':'Account','first_name':'a','birthday_month':13,'birthday_day':1}",
		"{'create_source':'Account','first_name':'a','list_memberships':['x']}",
		"{'create_source':'Account','first_name':'a','list_memberships':['" NOBODY "']}",
		"{'create_source':'Account','first_name':'a','taggings':['" NOBODY "']}",
		"{'create_source':'Account','first_name':'a','custom_fields':[{'value':'x'}]}",
		"{'create_source':'Account','first_name':'a','phone_numbers':{}}",
		("{'create_source':'Account','first_name':'"
		 "123456789012345678901234567890123456789012345678901'}"),
		"{'create_source':",
		"[]",
		"5",
		"{'create_source':'Account','create_source':'Contact'}",
	};
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		call(400, "POST", CONTACTS, bodies[i]);
		expect("0.error_key", "contacts.api.validation.error");
		expect_some("0.error_message");
	}
	call(200, "GET", "/_sandbox/state", NULL);
	expect("contacts", "12");
	expect("changed", "0");
}

static void a_wrong_content_type_or_token_is_told_in_its_own_shape(void **state)
{
	api.type = "text/plain";
	call(415, "POST", CONTACTS, "{}");
	expect_some("0.error_key");
	api.type = "application/json; charset=utf-8";
	call(400, "POST", CONTACTS, "{}");
	api.token = NULL;
	call(401, "GET", CONTACTS, NULL);
	expect("error_key", "unauthorized");
	api.token = "Basic eDp5";
	call(401, "GET", CONTACTS, NULL);
}

/* ---- get, put, delete ---- */

static void unknown_things_are_404_and_known_ones_with_a_wrong_verb_405(void **state)
{
	static const char *const paths[] = {CONTACTS "/" NOBODY,
					    CONTACTS "/5",
					    "/v3/nothing",
					    "/v3/",
					    "/v3/contact_lists/" NOBODY,
					    "/v3/contact_tags/" NOBODY,
					    "/v4/contacts",
					    "/v3/contact_custom_fields/" NOBODY,
					    "/v3/activities/" NOBODY,
					    "/v3/contact_exports/" NOBODY,
					    CONTACTS "/" ADA "/more"};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		call(404, "GET", paths[i], NULL);
		expect("0.error_key", "contacts.api.not_found");
	}
	call(405, "PATCH", CONTACTS, NULL);
	call(405, "DELETE", FORM, NULL);
	call(405, "POST", CONTACTS "/" ADA, "{}");
	call(400, "GET", CONTACTS "/" ADA "?include=secrets", NULL);
}

static void put_nulls_core_properties_and_keeps_subresources(void **state)
{
	call(200, "PUT", CONTACTS "/" ADA,
	     "{'update_source':'Account','last_name':'New',"
	     "'email_address':{'address':'ada@example.com'}}");
	expect("first_name", "-");
	expect("company_name", "-");
	expect("last_name", "New");
	expect("email_address.permission_to_send", "explicit");
	expect("taggings.0", HOT);
	call(200, "PUT", CONTACTS "/" ADA,
	     "{'update_source':'Account','list_memberships':['" CUSTOMERS "'],'taggings':[]}");
	expect("email_address", "-");
	expect("taggings", "[]");
	expect("list_memberships", "[\"" CUSTOMERS "\"]");
	/* the address is free again */
	call(201, "POST", CONTACTS,
	     "{'create_source':'Account','email_address':"
	     "{'address':'ada@example.com'}}");
	call(400, "PUT", CONTACTS "/" ADA, "{'last_name':'x'}");
	call(409, "PUT", CONTACTS "/" ADA,
	     "{'update_source':'Account','email_address':"
	     "{'address':'ben@example.com'}}");
}

static void a_deleted_contact_still_answers_and_can_be_revived(void **state)
{
	call(204, "DELETE", CONTACTS "/" ADA, NULL);
	assert_int_equal(api.answer.body.len, 0);
	call(204, "DELETE", CONTACTS "/" ADA, NULL);
	call(200, "GET", CONTACTS "/" ADA "?include=list_memberships", NULL);
	expect("deleted_at", "2023-11-14");
	expect("list_memberships", "[]");
	call(200, "GET", CONTACTS "?email=ada@example.com", NULL);
	expect("contacts", "[]");
	call(200, "GET", CONTACTS "?email=ada@example.com&status=all", NULL);
	expect("contacts.0.contact_id", ADA);
	call(400, "PUT", CONTACTS "/" ADA,
	     "{'update_source':'Contact','list_memberships':['" LEADS "']}");
	call(200, "PUT", CONTACTS "/" ADA,
	     "{'update_source':'Account','email_address':{'address':"
	     "'ada@example.com'},'list_memberships':['" LEADS "']}");
	expect("deleted_at", "-");
	expect("list_memberships.0", LEADS);
}

static void deleting_what_is_deleted_changes_nothing(void **state)
{
	call(204, "DELETE", CONTACTS "/" ADA, NULL);
	call(204, "DELETE", CONTACTS "/" ADA, NULL);
	call(200, "GET", "/_sandbox/log", NULL);
	expect("entries.0.changed", "true");
	expect("entries.1.changed", "false");
}

/* ---- the sign-up form ---- */

static void the_form_creates_then_updates_and_keeps_what_it_leaves_out(void **state)
{
	char path[100];
	call(201, "POST", FORM,
	     "{'email_address':'new@example.com','first_name':'N','last_name':'L',"
	     "'list_memberships':['" LEADS "'],'street_address':{'kind':'home','city':'Rome'}}");
	expect("action", "created");
	snprintf(path, sizeof(path), CONTACTS "/%s?include=list_memberships,street_addresses",
		 at("contact_id"));
	call(200, "POST", FORM,
	     "{'email_address':'NEW@example.com','last_name':'M',"
	     "'list_memberships':['" CUSTOMERS "']}");
	expect("action", "updated");
	call(200, "GET", path, NULL);
	expect("first_name", "N");
	expect("last_name", "M");
	expect("email_address.permission_to_send", "explicit");
	expect("list_memberships", "[\"" LEADS "\",\"" CUSTOMERS "\"]");
	expect("street_addresses.0.city", "Rome");
	call(400, "POST", FORM, "{'email_address':'new@example.com'}");
	call(400, "POST", FORM, "{'list_memberships':['" LEADS "']}");
	call(404, "POST", FORM,
	     "{'email_address':'o@example.com','list_memberships':['" NOBODY "']}");
}

static void sms_numbers_are_unique_and_have_a_history(void **state)
{
	static const char *const body =
		"{'sms_channel':{'sms_address':'7815551212','dial_code':'1',"
		"'sms_channel_consents':[{'sms_consent_permission':'explicit'}]},"
		"'list_memberships':['" LEADS "']}";
	char path[120];
	call(201, "POST", FORM, body);
	snprintf(path, sizeof(path), CONTACTS "/sms_engagement_history/%s", at("contact_id"));
	call(200, "POST", FORM, body);
	expect("action", "updated");
	call(200, "GET", path, NULL);
	expect("0.history_details.consent_action_type", "opt_in");
	expect("1.history_details.source_sms_number", "17815551212");
	call(409, "POST", CONTACTS,
	     "{'create_source':'Account','sms_channel':"
	     "{'full_sms_address':'+17815551212'}}");
	call(200, "GET", CONTACTS "?sms_status=explicit", NULL);
	expect("contacts.1", "-");
	call(200, "GET", "/v3/contact_lists?channel_type=sms", NULL);
	expect("lists.0.list_id", LEADS);
	expect("lists.1", "-");
}

static void a_confirmation_is_mailed_once_and_changes_nothing_by_itself(void **state)
{
	static const char *const body = "{'list_ids':['" LEADS "']}";
	call(400, "PUT", CONTACTS "/resubscribe/" ADA, body);
	call(200, "PUT", CONTACTS "/resubscribe/" INES, body);
	assert_int_equal(api.answer.body.len, 0);
	call(409, "PUT", CONTACTS "/resubscribe/" INES, body);
	call(200, "GET", CONTACTS "/" INES, NULL);
	expect("email_address.permission_to_send", "unsubscribed");
	call(204, "POST", "/_sandbox/confirm", "{'address':'ines@example.com'}");
	call(200, "GET", CONTACTS "/" INES "?include=list_memberships", NULL);
	expect("email_address.permission_to_send", "explicit");
	expect("list_memberships.0", LEADS);
}

static void only_the_contact_can_undo_its_own_opt_out(void **state)
{
	call(204, "POST", "/_sandbox/opt_out", "{'address':'ada@example.com','reason':'too many'}");
	call(200, "GET", CONTACTS "/" ADA "?include=list_memberships", NULL);
	expect("email_address.opt_out_source", "Contact");
	expect("email_address.opt_out_reason", "too many");
	expect("list_memberships", "[]");
	call(400, "PUT", CONTACTS "/" ADA,
	     "{'update_source':'Account','email_address':{'address':"
	     "'ada@example.com','permission_to_send':'implicit'}}");
	call(404, "POST", "/_sandbox/opt_out", "{'address':'none@example.com'}");
}

/* ---- search ---- */

static void filters_combine_and_counts_are_of_all_pages(void **state)
{
	call(200, "GET",
	     CONTACTS "?lists=" LEADS "," CUSTOMERS "&tags=" HOT "&include_count=true&limit=1",
	     NULL);
	expect("contacts_count", "2");
	expect("contacts.0.contact_id", ADA);
	call(200, "GET", CONTACTS "?status=unsubscribed", NULL);
	expect("contacts.0.contact_id", INES);
	expect("contacts.1", "-");
	expect("_links", "-");
	wait_ms(60000);
	call(200, "PUT", CONTACTS "/" BEN, "{'update_source':'Account','first_name':'B'}");
	call(200, "GET", CONTACTS "?updated_after=2023-11-14T22:13:30%2B00:00", NULL);
	expect("contacts.0.contact_id", BEN);
	expect("contacts.1", "-");
	call(200, "GET", CONTACTS "?updated_before=2023-11-14T23:14:00%2B01:00&limit=500", NULL);
	expect_some("contacts.10");
	expect("contacts.11", "-");
	call(200, "GET", CONTACTS "/counts?include=new_subscriber", NULL);
	expect("total", "12");
	expect("unsubscribed", "1");
	expect("pending", "1");
	expect("new_subscriber", "8");
}

static void bad_filters_are_refused(void **state)
{
	static const char *const queries[] = {
		"limit=0", "limit=501",  "limit=x",     "status=dead",   "updated_after=yesterday",
		"lists=5", "cursor=%21", "cursor=eA==", "sms_status=no", "segment_id=1&status=all"};
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		char target[100];
		snprintf(target, sizeof(target), CONTACTS "?%s", queries[i]);
		call(400, "GET", target, NULL);
	}
}

static void cursors_carry_the_filters_and_stay_true_when_contacts_come_and_go(void **state)
{
	char next[200];
	call(200, "GET", CONTACTS "?limit=1", NULL);
	expect("_links.next.href", "/v3/contacts?cursor=bGltaXQ9MSZuZXh0PTI=");
	call(200, "GET", CONTACTS "?limit=5&lists=" LEADS "&include=taggings", NULL);
	expect("_links", "-");
	call(200, "GET", CONTACTS "?limit=3&status=active&include=taggings", NULL);
	snprintf(next, sizeof(next), "%s", at("_links.next.href"));
	call(204, "DELETE", CONTACTS "/" ADA, NULL);
	int seen = 3, pages = 1;
	for (; strcmp(next, "-") != 0; pages++) {
		call(200, "GET", next, NULL);
		seen += (int)json_array_size(json_path(api.json, "contacts"));
		expect_some("contacts.0.taggings");
		snprintf(next, sizeof(next), "%s", at("_links.next.href"));
	}
	assert_int_equal(seen, 9);
	assert_int_equal(pages, 3);
}

static void a_segment_is_202_until_it_is_computed(void **state)
{
	call(404, "GET", CONTACTS "?segment_id=7", NULL);
	call(200, "PUT", "/_sandbox", "{'segments':{'7':['" ADA "','" BEN "']}}");
	call(202, "GET", CONTACTS "?segment_id=7&limit=1", NULL);
	expect_some("status");
	wait_ms(3000);
	call(200, "GET", CONTACTS "?segment_id=7&limit=1", NULL);
	expect("contacts.0.contact_id", ADA);
	call(200, "GET", at("_links.next.href"), NULL);
	expect("contacts.0.contact_id", BEN);
	expect("_links", "-");
}

static void old_ids_lead_to_new_ones(void **state)
{
	call(200, "GET", CONTACTS "/contact_id_xrefs?sequence_ids=2,999,0001", NULL);
	expect("xrefs.0.contact_id", BEN);
	expect("xrefs.1.sequence_id", "0001");
	expect("xrefs.2", "-");
	call(200, "GET", "/v3/contact_lists/list_id_xrefs?sequence_ids=1", NULL);
	expect("xrefs.0.list_id", LEADS);
	call(400, "GET", CONTACTS "/contact_id_xrefs", NULL);
}

/* ---- lists, tags, fields ---- */

static void lists_have_unique_names_and_count_their_members(void **state)
{
	char path[100];
	call(201, "POST", "/v3/contact_lists", "{'name':'Fresh','favorite':true}");
	snprintf(path, sizeof(path), "/v3/contact_lists/%s", at("list_id"));
	call(409, "POST", "/v3/contact_lists", "{'name':'Fresh'}");
	call(400, "POST", "/v3/contact_lists", "{'name':''}");
	call(400, "POST", "/v3/contact_lists", "{}");
	call(409, "PUT", path, "{'name':'Leads'}");
	call(200, "PUT", path, "{'name':'Fresher'}");
	expect("favorite", "false");
	call(200, "GET",
	     "/v3/contact_lists?name=Leads&include_membership_count=all&include_count=true", NULL);
	expect("lists.0.membership_count", "5");
	expect("lists_count", "1");
	call(200, "GET", "/v3/contact_lists/" CUSTOMERS "?include_membership_count=active", NULL);
	expect("membership_count", "5");
	call(200, "GET", "/v3/contact_lists?limit=3", NULL);
	call(200, "GET", at("_links.next.href"), NULL);
	expect("lists.0.name", "Fresher");
}

static void tags_have_unique_names_and_count_their_contacts(void **state)
{
	char path[100];
	call(201, "POST", "/v3/contact_tags", "{'name':'cold','tag_source':'ESTY'}");
	expect("tag_source", "ESTY");
	snprintf(path, sizeof(path), "/v3/contact_tags/%s", at("tag_id"));
	call(409, "POST", "/v3/contact_tags", "{'name':'HOT'}");
	call(409, "PUT", path, "{'name':'hot'}");
	call(200, "PUT", path, "{'name':'Cold'}");
	call(200, "GET", "/v3/contact_tags/" HOT "?include_count=true", NULL);
	expect("contacts_count", "2");
	call(200, "GET", "/v3/contact_tags?limit=2", NULL);
	call(200, "GET", at("_links.next.href"), NULL);
	expect("tags.0.name", "vip");
	expect("tags.0.contacts_count", "-");
}

static void custom_fields_keep_their_choices_by_id(void **state)
{
	char path[100];
	call(201, "POST", "/v3/contact_custom_fields",
	     "{'label':'Shirt size','type':'single_select',"
	     "'choices':[{'choice_label':'S'},{'choice_label':'M'}]}");
	expect("name", "Shirt_size");
	expect("choices.1.choice_id", "2");
	snprintf(path, sizeof(path), "/v3/contact_custom_fields/%s", at("custom_field_id"));
	call(409, "POST", "/v3/contact_custom_fields", "{'label':'shirt SIZE','type':'string'}");
	call(400, "POST", "/v3/contact_custom_fields", "{'label':'x','type':'color'}");
	call(400, "POST", "/v3/contact_custom_fields", "{'label':'x','type':'multi_select'}");
	call(200, "PUT", path,
	     "{'label':'Size','choices':[{'choice_label':'L'},"
	     "{'choice_id':2,'choice_label':'Medium'}]}");
	expect("choices.0.choice_id", "3");
	expect("choices.1.choice_label", "Medium");
	expect("type", "single_select");
	call(400, "PUT", path, "{'label':'Size','choices':[{'choice_id':1,'choice_label':'S'}]}");
	call(200, "PUT", path, "{}");
	expect("label", "null");
	expect("choices", "-");
	call(204, "DELETE", path, NULL);
	call(404, "DELETE", path, NULL);
	call(200, "GET", "/v3/contact_custom_fields?limit=1", NULL);
	expect_some("_links.next.href");
}

#define T(f) cmocka_unit_test_setup_teardown(f, api_start, api_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_contact_is_created_once_and_found_again),
		T(an_address_in_use_is_a_conflict_that_names_the_contact),
		T(case_makes_no_other_address),
		T(what_is_not_valid_is_refused_with_the_usual_envelope),
		T(a_wrong_content_type_or_token_is_told_in_its_own_shape),
		T(unknown_things_are_404_and_known_ones_with_a_wrong_verb_405),
		T(put_nulls_core_properties_and_keeps_subresources),
		T(a_deleted_contact_still_answers_and_can_be_revived),
		T(deleting_what_is_deleted_changes_nothing),
		T(the_form_creates_then_updates_and_keeps_what_it_leaves_out),
		T(sms_numbers_are_unique_and_have_a_history),
		T(a_confirmation_is_mailed_once_and_changes_nothing_by_itself),
		T(only_the_contact_can_undo_its_own_opt_out),
		T(filters_combine_and_counts_are_of_all_pages),
		T(bad_filters_are_refused),
		T(cursors_carry_the_filters_and_stay_true_when_contacts_come_and_go),
		T(a_segment_is_202_until_it_is_computed),
		T(old_ids_lead_to_new_ones),
		T(lists_have_unique_names_and_count_their_members),
		T(tags_have_unique_names_and_count_their_contacts),
		T(custom_fields_keep_their_choices_by_id),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
