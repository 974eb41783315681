/* The sandbox's bulk activities: their states over time and what they change at their end. */
#include "tests/unit/serve/sandbox_api.h"

#define ACT "/v3/activities/"
#define FIELD "c0de0001-4752-41e9-9c8a-fa163e6b01c1"

/* Lets the activity of the last answer end and reads it. */
static void finish(void)
{
	char path[100];
	snprintf(path, sizeof(path), ACT "%s", at("activity_id"));
	wait_ms(3000);
	call(200, "GET", path, NULL);
	expect("state", "completed");
	expect("percent_done", "100");
}

static void run(const char *name, const char *body)
{
	char path[100];
	snprintf(path, sizeof(path), ACT "%s", name);
	call(201, "POST", path, body);
	expect("state", "initialized");
	finish();
}

static void expect_contact(const char *id, const char *path, const char *value)
{
	char target[120];
	snprintf(target, sizeof(target),
		 "/v3/contacts/%s?include=list_memberships,taggings,custom_fields", id);
	call(200, "GET", target, NULL);
	expect(path, value);
}

/* ---- states ---- */

static void an_activity_goes_through_its_states_and_acts_at_its_end(void **state)
{
	char path[100];
	call(201, "POST", ACT "add_list_memberships",
	     "{'source':{'contact_ids':['" BEN "']},"
	     "'list_ids':['" LEADS "']}");
	expect("status", "{}");
	expect("started_at", "-");
	snprintf(path, sizeof(path), "%s", at("_links.self.href"));
	wait_ms(2999);
	call(200, "GET", path, NULL);
	expect("state", "processing");
	expect("percent_done", "99");
	expect_some("started_at");
	expect("completed_at", "-");
	expect_contact(BEN, "list_memberships.2", "-");
	wait_ms(60001);
	expect_contact(BEN, "list_memberships.2", LEADS);
	expect("updated_at", "2023-11-14T22:13:23.000Z");
	call(200, "GET", path, NULL);
	expect("completed_at", "2023-11-14T22:13:23.000Z");
	expect("status", "{\"items_completed_count\":1,\"items_total_count\":1,\"list_count\":1}");
	expect("activity_errors", "[]");
}

static void activities_end_each_at_its_own_time(void **state)
{
	call(201, "POST", ACT "contact_delete", "{'contact_ids':['" ADA "']}");
	wait_ms(1000);
	call(200, "PUT", "/_sandbox", "{'activity_ms':1000}");
	call(201, "POST", ACT "contact_delete", "{'contact_ids':['" BEN "']}");
	wait_ms(1000);
	expect_contact(BEN, "deleted_at", "2023-11-14");
	expect_contact(ADA, "deleted_at", "-");
	wait_ms(1000);
	expect_contact(ADA, "deleted_at", "2023-11-14");
}

static void activities_are_listed_newest_first_and_kept_ten_days(void **state)
{
	char old[100], next[200];
	call(201, "POST", ACT "contact_exports", "{}");
	snprintf(old, sizeof(old), ACT "%s", at("activity_id"));
	wait_ms(5000);
	call(201, "POST", ACT "list_delete", "{'list_ids':['" LEADS "']}");
	wait_ms(1500);
	call(200, "GET", "/v3/activities?limit=1", NULL);
	expect("activities.0.state", "processing");
	snprintf(next, sizeof(next), "%s", at("_links.next.href"));
	call(200, "GET", next, NULL);
	expect("activities.0.state", "completed");
	expect("_links", "-");
	call(200, "GET", "/v3/activities?state=processing", NULL);
	expect("activities.1", "-");
	call(400, "GET", "/v3/activities?state=initialized", NULL);
	wait_ms(10 * 86400000LL - 3000);
	call(404, "GET", old, NULL);
	call(200, "GET", "/v3/activities", NULL);
	expect_some("activities.0");
	expect("activities.1", "-");
}

static void a_full_queue_refuses_with_a_429_of_its_own(void **state)
{
	call(200, "PUT", "/_sandbox", "{'queue_max':1}");
	call(201, "POST", ACT "contact_exports", "{}");
	call(429, "POST", ACT "contact_exports", "{}");
	assert_string_not_equal(at("error_key"), "throttled");
	assert_string_not_equal(at("error_key"), "quota_exceeded");
	wait_ms(3000);
	call(201, "POST", ACT "contact_exports", "{}");
}

/* ---- each kind ---- */

static void memberships_are_added_and_removed_by_any_source(void **state)
{
	run("add_list_memberships",
	    "{'source':{'tag_ids':['" HOT "']},'list_ids':['" CUSTOMERS "']}");
	expect("status.items_total_count", "2");
	expect_contact(ADA, "list_memberships.2", CUSTOMERS);
	run("remove_list_memberships",
	    "{'source':{'all_active_contacts':true},'list_ids':['" CUSTOMERS
	    "'],'exclude':{'contact_ids':['" ADA "']}}");
	call(200, "GET", "/v3/contact_lists/" CUSTOMERS "?include_membership_count=all", NULL);
	expect("membership_count", "1");
	run("add_list_memberships", "{'source':{'contact_ids':['" NOBODY "','" INES "','" ADA "']},"
				    "'list_ids':['" LEADS "','" NOBODY "']}");
	expect_some("activity_errors.2"); /* the list, the contact, the unsubscribed one */
	expect("status.items_completed_count", "1");
}

static void adding_to_a_list_revives_a_deleted_contact(void **state)
{
	run("contact_delete", "{'contact_ids':['" ADA "','" BEN "']}");
	expect("status.items_total_count", "2");
	expect_contact(ADA, "list_memberships", "[]");
	expect_some("deleted_at");
	run("add_list_memberships",
	    "{'source':{'contact_ids':['" ADA "']},'list_ids':['" LEADS "']}");
	expect_contact(ADA, "deleted_at", "-");
	run("contact_delete", "{'list_ids':['" LEADS "']}");
	expect("status.list_count", "1");
	call(200, "GET", "/v3/contacts?status=deleted&include_count=true", NULL);
	expect("contacts_count", "6");
}

static void tags_are_added_removed_and_deleted(void **state)
{
	run("contacts_taggings_add",
	    "{'source':{'list_ids':['" CUSTOMERS "']},'tag_ids':['" HOT "']}");
	expect("status.items_completed_count", "5");
	call(200, "GET", "/v3/contact_tags/" HOT "?include_count=true", NULL);
	expect("contacts_count", "6");
	run("contacts_taggings_remove",
	    "{'source':{'contact_ids':['" ADA "']},'tag_ids':['" HOT "']}");
	expect_contact(ADA, "taggings", "[]");
	run("contacts_tags_delete", "{'tag_ids':['" HOT "','" NOBODY "']}");
	expect_some("activity_errors.0");
	call(404, "GET", "/v3/contact_tags/" HOT, NULL);
	expect_contact(BEN, "taggings.1", "-");
}

static void deleting_one_list_or_tag_is_an_activity_too(void **state)
{
	char location[100];
	call(202, "DELETE", "/v3/contact_lists/" LEADS, NULL);
	snprintf(location, sizeof(location), "Location: %s\r\n", at("_links.self.href"));
	assert_string_equal(buf_str(&api.answer.extra), location);
	expect("status", "-");
	call(200, "GET", "/v3/contact_lists/" LEADS, NULL);
	wait_ms(3000);
	call(404, "GET", "/v3/contact_lists/" LEADS, NULL);
	call(404, "DELETE", "/v3/contact_lists/" LEADS, NULL);
	call(200, "GET", "/v3/contact_lists?status=deleted", NULL);
	expect("lists.0.list_id", LEADS);
	expect_contact(ADA, "list_memberships.1", "-");
	call(202, "DELETE", "/v3/contact_tags/" HOT, NULL);
	call(202, "DELETE", "/v3/contact_tags/" HOT, NULL);
	finish();
	expect("activity_errors.0.message", "Tag " HOT " was not found");
}

static void lists_and_fields_are_deleted_in_bulk(void **state)
{
	run("list_delete", "{'list_ids':['" LEADS "','" CUSTOMERS "']}");
	expect("status", "{\"list_count\":2}");
	expect_contact(BEN, "list_memberships.1", "-");
	expect_contact(ADA, "custom_fields.0.custom_field_id", FIELD);
	run("custom_fields_delete", "{'custom_field_ids':['" FIELD "']}");
	expect_contact(ADA, "custom_fields", "[]");
	call(404, "GET", "/v3/contact_custom_fields/" FIELD, NULL);
}

static void bulk_bodies_are_checked_before_anything_is_queued(void **state)
{
	static const char *const cases[][2] = {
		{"add_list_memberships", "{'list_ids':['" LEADS "']}"},
		{"add_list_memberships", "{'source':{},'list_ids':['" LEADS "']}"},
		{"add_list_memberships", "{'source':{'contact_ids':['" ADA "']}}"},
		{"add_list_memberships",
		 "{'source':{'contact_ids':['" ADA "'],'all_active_contacts':true},"
		 "'list_ids':['" LEADS "']}"},
		{"add_list_memberships",
		 "{'source':{'new_subscriber':true},'list_ids':['" LEADS "']}"},
		{"add_list_memberships", "{'source':{'contact_ids':['" ADA "']},'list_ids':['" LEADS
					 "'],'exclude':{'contact_ids':['" BEN "']}}"},
		{"contact_delete", "{}"},
		{"contact_delete", "{'contact_ids':['x']}"},
		{"list_delete", "{'list_ids':[]}"},
		{"contacts_tags_delete", "{}"},
		{"custom_fields_delete", "{'custom_field_ids':5}"},
		{"contact_exports", "[]"},
		{"contact_exports", "{'status':'dead'}"},
		{"contacts_json_import", "{'list_ids':['" LEADS "']}"},
		{"contacts_json_import", "{'import_data':[],'list_ids':['" LEADS "']}"},
		{"contacts_json_import",
		 "{'import_data':[{'email':'a@example.com'}],'list_ids':[]}"},
		{"contacts_json_import",
		 "{'import_data':[{'cf:none':'a'}],'list_ids':['" LEADS "']}"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[100];
		snprintf(path, sizeof(path), ACT "%s", cases[i][0]);
		call(400, "POST", path, cases[i][1]);
	}
	call(200, "GET", "/_sandbox/state", NULL);
	expect("activities", "0");
}

/* ---- imports and exports ---- */

static void rows_of_json_become_contacts(void **state)
{
	run("contacts_json_import",
	    "{'import_data':[{'email':'ada@example.com','last_name':'Byron',"
	    "'cf:Favourite product':'Engines'},{'email':'x'},{'email':'ines@example.com'},"
	    "{'email':'imp@example.com','phone':'555','street':'1 Way','city':'Rome','zip':'1'}],"
	    "'list_ids':['" CUSTOMERS "']}");
	expect("status.items_total_count", "4");
	expect("status.person_count", "3");
	expect("status.error_count", "1");
	expect("status.cannot_add_to_list_count", "1");
	expect("activity_errors.0", "Row 2: invalid email address");
	expect_contact(ADA, "first_name", "Ada");
	expect("last_name", "Byron");
	expect("custom_fields.0.value", "Engines");
	expect("custom_fields.1", "-");
	expect("list_memberships.2", CUSTOMERS);
	call(200, "GET",
	     "/v3/contacts?email=imp@example.com&include=street_addresses,phone_numbers", NULL);
	expect("contacts.0.email_address.permission_to_send", "implicit");
	expect("contacts.0.street_addresses.0.postal_code", "1");
	expect("contacts.0.phone_numbers.0.phone_number", "555");
}

static int post_form(const char *filename, const char *lists, const char *content)
{
	auto_free char *body = mem_printf(
		"--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n"
		"Content-Type: text/csv\r\n\r\n%s\r\n--XX\r\n"
		"Content-Disposition: form-data; name=\"list_ids\"\r\n\r\n%s\r\n--XX--\r\n",
		filename, content, lists);
	api.type = "multipart/form-data; boundary=XX";
	int status = call_raw("POST", ACT "contacts_file_import", body, strlen(body));
	api.type = "application/json";
	return status;
}

static void a_csv_file_is_read_with_its_quotes(void **state)
{
	assert_int_equal(post_form("a.csv", LEADS "," CUSTOMERS,
				   "\xef\xbb\xbf"
				   "Email,First Name,company_name\r\n"
				   "q@example.com,\"A \"\"B\"\", C\",\"two\nlines\"\r\n\r\nbad,,\n"
				   "ben@example.com,Benno,"),
			 201);
	expect("source_file_name", "a.csv");
	finish();
	expect("status.items_total_count", "4");
	expect("status.person_count", "2");
	expect("activity_errors.0", "Row 3: invalid email address");
	call(200, "GET", "/v3/contacts?email=q@example.com&include=list_memberships", NULL);
	expect("contacts.0.first_name", "A \"B\", C");
	expect("contacts.0.company_name", "two\nlines");
	expect("contacts.0.list_memberships.1", CUSTOMERS);
	expect_contact(BEN, "first_name", "Benno");
	expect("company_name", "Okafor & Sons");
}

static void files_that_are_no_csv_imports_are_refused(void **state)
{
	assert_int_equal(post_form("a.xls", LEADS, "email\na@example.com"), 415);
	assert_int_equal(post_form("a.csv", LEADS, "name\na"), 400);
	assert_int_equal(post_form("a.csv", LEADS, ""), 400);
	assert_int_equal(post_form("a.csv", "", "email\na@example.com"), 400);
	assert_int_equal(post_form("a.csv", NOBODY, "email\na@example.com"), 400);
	assert_int_equal(post_form("a.csv", LEADS, "email,cf:None\na@example.com,1"), 400);
	call(415, "POST", ACT "contacts_file_import", "{}");
}

static void an_export_is_a_file_of_the_contacts_asked_for(void **state)
{
	char path[100];
	run("contact_exports", "{'list_ids':['" LEADS "'],'fields':['email_address','last_name',"
			       "'" FIELD "']}");
	expect("status.items_total_count", "5");
	snprintf(path, sizeof(path), "%s", at("_links.results.href"));
	call(200, "GET", path, NULL);
	assert_string_equal(buf_str(&api.answer.type), "text/csv");
	assert_string_equal(
		buf_str(&api.answer.body),
		"Email address,Last name,Favourite product\r\n"
		"ada@example.com,Novak,Postcards\r\ncarla@example.com,Ruiz,\r\n"
		"deniz@example.com,Yilmaz,Postcards\r\ngrace@example.com,Mbeki,Postcards\r\n"
		"kiri@example.com,Tane,\r\n");
	run("contact_exports", "{'status':'unsubscribed'}");
	expect("status.items_total_count", "1");
}

static void an_export_is_not_there_before_its_end(void **state)
{
	char path[100];
	call(201, "POST", ACT "contact_exports", "{}");
	snprintf(path, sizeof(path), "%s", at("_links.results.href"));
	call(404, "GET", path, NULL);
	wait_ms(3000);
	call(200, "GET", path, NULL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, api_start, api_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_activity_goes_through_its_states_and_acts_at_its_end),
		T(activities_end_each_at_its_own_time),
		T(activities_are_listed_newest_first_and_kept_ten_days),
		T(a_full_queue_refuses_with_a_429_of_its_own),
		T(memberships_are_added_and_removed_by_any_source),
		T(adding_to_a_list_revives_a_deleted_contact),
		T(tags_are_added_removed_and_deleted),
		T(deleting_one_list_or_tag_is_an_activity_too),
		T(lists_and_fields_are_deleted_in_bulk),
		T(bulk_bodies_are_checked_before_anything_is_queued),
		T(rows_of_json_become_contacts),
		T(a_csv_file_is_read_with_its_quotes),
		T(files_that_are_no_csv_imports_are_refused),
		T(an_export_is_a_file_of_the_contacts_asked_for),
		T(an_export_is_not_there_before_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
