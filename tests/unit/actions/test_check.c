/* Tests of the checking of parameters: what is wrong is told with its path and a way out. */
#include "tests/unit/actions/fixture.h"

#include "engine/base/buf.h"

/* Marks of values that are not known yet, by identity. */
static json_t *unknown, *some_text;

static void note(void *arg, const char *path, const char *message, bool warning)
{
	(void)buf_printf(arg, "%s%s%s%s\n", warning ? "warning: " : "", path, *path ? ": " : "",
			 message);
}

static enum value_known is_known(void *arg, const json_t *v)
{
	return v == unknown ? VALUE_UNKNOWN : v == some_text ? VALUE_TEXT : VALUE_KNOWN;
}

static void expect(const char *action, const json_t *params, const char *told, size_t count)
{
	struct buf b = BUF_INIT;
	size_t n = action_check(get(action), params,
				&(struct check){.violation = note, .known = is_known, .arg = &b});
	if (strcmp(buf_str(&b), told) != 0)
		print_error("%s: got\n%s", action, buf_str(&b));
	assert_string_equal(buf_str(&b), told);
	assert_int_equal(n, count);
	buf_done(&b);
}

#define ID "'07936f78-662a-11eb-af0a-fa163e56c9b0'"

/* --- action_check: good ones --- */

static void good_parameters_have_no_violation(void **state)
{
	static const char *const rows[][2] = {
		{"create_contact", "{'email_address':{'address':'a@b.c','permission_to_send':"
				   "'implicit'},'create_source':'Account','list_memberships':[" ID
				   "],'birthday_month':2,'birthday_day':29.0}"},
		{"create_contact", "{'last_name':'M\u00fcller','create_source':'Contact'}"},
		{"create_contact", "{'last_name':'x','create_source':'Contact','taggings':{}}"},
		{"update_contact", "{'contact_id':" ID ",'update_source':'Account','first_name':"
				   "null}"},
		{"create_contact_from_sign_up_form", "{'email_address':'a+b@c.d',"
						     "'list_memberships':[" ID "]}"},
		{"list_contacts", "{}"},
		{"list_contacts", "{'status':'all, deleted','email':'a@b.c','limit':500}"},
		{"list_contacts", "{'status':['all'],'include':['notes','taggings']}"},
		{"list_contacts", "{'segment_id':12,'limit':10,'include_count':false}"},
		{"export_contacts", "{}"},
		{"export_contacts", "{'list_ids':[" ID "],'exclude':{'contact_ids':[" ID "]}}"},
		{"add_contact_taggings", "{'source':{'contact_ids':[" ID "],"
					 "'all_active_contacts':false},'tag_ids':[" ID "]}"},
		{"import_contacts_from_json", "{'import_data':[{'email':'a@b.c','cf:pet':'cat'}],"
					      "'list_ids':[" ID "]}"},
		{"import_contacts_from_csv_file", "{'file':'email\\na@b.c','list_ids':[" ID "]}"},
		{"import_contacts_from_csv_file", "{'file':{'name':'a.csv','text':'email'},"
						  "'list_ids':'"
						  "07936f78-662a-11eb-af0a-"
						  "fa163e56c9b0'}"},
		{"update_custom_field", "{'custom_field_id':" ID ",'choices':[{'choice_id':'9A',"
					"'choice_label':'x'},{'choice_id':111}]}"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		json_auto_t *params = js(rows[i][1]);
		expect(rows[i][0], params, "", 0);
	}
}

/* --- action_check: bad ones --- */

static void bad_parameters_are_told_with_path_and_way_out(void **state)
{
	static const struct {
		const char *action, *params, *told;
		size_t count;
	} rows[] = {
		{"create_contact",
		 "{'email_address':{'address':'a@b.c','permission_to_send':'explict'},"
		 "'create_source':'Account'}",
		 "email_address.permission_to_send: must be one of explicit, implicit, not_set, "
		 "pending_confirmation, temp_hold or unsubscribed; got 'explict'; did you mean "
		 "'explicit'?\n",
		 1},
		{"create_contact", "{'email_address':'a@b.c','create_source':'Account'}",
		 "email_address: must be an object; got the text 'a@b.c'\n", 1},
		{"create_contact", "{'email_adress':{'address':'a@b.c'},'create_source':'Account'}",
		 "email_adress: unknown; did you mean 'email_address'?\n", 1},
		{"create_contact", "{'first_name':'A'}", "create_source: is required\n", 1},
		{"create_contact", "{'first_name':'A','create_source':'Account','birthday_day':3}",
		 "birthday_month and birthday_day must be given together\n", 1},
		{"create_contact",
		 "{'first_name':'A','create_source':'Account','birthday_month':13,"
		 "'birthday_day':0}",
		 "birthday_month: at most 12; got 13\nbirthday_day: at least 1; got 0\n", 2},
		{"create_contact", "{'first_name':5,'last_name':true,'create_source':'Account'}",
		 "first_name: must be text; got a number\nlast_name: must be text; got boolean\n",
		 2},
		{"create_contact",
		 "{'first_name':'x','create_source':'Account','phone_numbers':["
		 "{'kind':'home'},{'knd':'work'}]}",
		 "phone_numbers[1].knd: unknown; did you mean 'kind'?\n", 1},
		{"create_contact", "{'first_name':'x','create_source':'Account','taggings':'t'}",
		 "taggings: must be a list; got text — write it as [t]\n", 1},
		{"create_contact", "{'first_name':'x','create_source':'Account','notes':[null]}",
		 "notes[0]: must be an object; got null — leave it out instead\n", 1},
		{"create_contact_from_sign_up_form",
		 "{'email_address':'a@b.c','list_memberships':{}}",
		 "list_memberships: at least 1 element; got 0\n", 1},
		{"delete_contact", "{}", "contact_id: is required\n", 1},
		{"delete_contact", "{'contact_id':'nobody'}",
		 "warning: contact_id: 'nobody' does not look like a UUID\n", 0},
		{"list_contacts", "{'status':'all,activ'}",
		 "status[1]: must be one of all, active, deleted, not_set, pending_confirmation, "
		 "temp_hold or unsubscribed; got 'activ'; did you mean 'active'?\n",
		 1},
		{"list_contacts", "{'limit':501}", "limit: at most 500; got 501\n", 1},
		{"list_contacts", "{'limit':'50'}",
		 "limit: must be an integer; got the text '50'\n", 1},
		{"list_contacts", "{'segment_id':1,'email':'a@b.c'}",
		 "email: cannot be combined with segment_id\n", 1},
		{"create_contact_delete_activity", "{}",
		 "exactly one of contact_ids or list_ids is needed\n", 1},
		{"create_contact_delete_activity", "{'contact_ids':[" ID "],'list_ids':[" ID "]}",
		 "only one of contact_ids or list_ids may be given\n", 1},
		{"add_contact_taggings", "{'source':{},'tag_ids':[" ID "]}",
		 "source: exactly one of contact_ids, list_ids, tag_ids, all_active_contacts or "
		 "new_subscriber is needed\n",
		 1},
		{"add_list_memberships",
		 "{'source':{'contact_ids':[" ID "]},'list_ids':[" ID "],"
		 "'exclude':{'contact_ids':[" ID "]}}",
		 "exclude: is only possible together with source.all_active_contacts or "
		 "source.list_ids\n",
		 1},
		{"import_contacts_from_json",
		 "{'import_data':[{'emial':'a@b.c'}],'list_ids':[" ID "]}",
		 "warning: import_data[0].emial: unknown; did you mean 'email'?\n"
		 "import_data[0]: at least one of email or sms_number is needed\n",
		 1},
		{"import_contacts_from_csv_file", "{'file':7,'list_ids':[" ID "]}",
		 "file: must be a file: its text, or {name, text}; got a number\n", 1},
		{"create_contact_tag", "{'name':''}", "name: at least 1 character; got 0\n", 1},
		{"get_contact", "{'contact_id':" ID ",'wings':2}",
		 "wings: unknown; possible here: contact_id, include\n", 1},
		/* values that are sent in another form */
		{"create_segment", "{'name':'n','segment_criteria':'{'}",
		 "segment_criteria: must be a map, or a text that holds JSON\n", 1},
		{"create_segment", "{'name':'n','segment_criteria':3}",
		 "segment_criteria: must be an object; got a number\n", 1},
		{"create_email_campaign_activity_schedule",
		 "{'campaign_activity_id':" ID ",'scheduled_date':0}", "", 0},
		{"create_email_campaign_activity_schedule",
		 "{'campaign_activity_id':" ID ",'scheduled_date':'now'}",
		 "warning: scheduled_date: 'now' does not look like a time such as "
		 "2026-01-31T09:00:00Z\n",
		 0},
		{"get_contact_open_and_click_rates_report",
		 "{'contact_id':" ID ",'start':'2019-01-01T00:00:00-0500','end':'2019-02-01'}", "",
		 0},
		{"update_partner_webhook_subscription", "{'topic_id':1,'hook_uri':'http://x.y/z'}",
		 "hook_uri: must begin with https://\n", 1},
		{"update_partner_webhook_subscription", "{'topic_id':5,'hook_uri':'https://x.y'}",
		 "topic_id: must be one of 1, 2, 3 or 4; got 5\n", 1},
		/* rules of the rest of the catalogue */
		{"list_account_email_addresses", "{'role_code':'C','confirm_status':'C'}",
		 "only one of confirm_status, role_code or email_address may be given\n", 1},
		{"list_events", "{'next':'a','prev':'b'}",
		 "only one of next or prev may be given\n", 1},
		{"create_resend_to_non_openers",
		 "{'campaign_activity_id':" ID ",'resend_subject':'s','delay_days':11}",
		 "delay_days: at most 10; got 11\n", 1},
		{"create_resend_to_non_openers",
		 "{'campaign_activity_id':" ID
		 ",'resend_subject':'s','delay_days':1,'delay_minutes':720}",
		 "only one of delay_days or delay_minutes may be given\n", 1},
		{"create_email_campaign_ab_test",
		 "{'campaign_activity_id':" ID ",'alternative_subject':'s','test_size':4,"
		 "'winner_wait_duration':7}",
		 "test_size: at least 5; got 4\n"
		 "winner_wait_duration: must be one of 6, 12, 24 or 48; got 7\n",
		 2},
		{"update_email_campaign_activity",
		 "{'campaign_activity_id':" ID ",'from_name':'f','from_email':'a@b.c',"
		 "'reply_to_email':'a@b.c','subject':'s','contact_list_ids':[" ID
		 "],'segment_ids':[1]}",
		 "only one of contact_list_ids or segment_ids may be given\n", 1},
		{"test_send_email_campaign_activity",
		 "{'campaign_activity_id':" ID
		 ",'email_addresses':['a@b.c','a@b.c','a@b.c','a@b.c','a@b.c','a@b.c']}",
		 "email_addresses: at most 5 elements; got 6\n", 1},
		{"list_partner_accounts", "{'limit':5}", "limit: at least 10; got 5\n", 1},
		{"get_contact_activity_details_report", "{'contact_id':" ID "}",
		 "exactly one of tracking_activities_list or tracking_activity_type is needed\n",
		 1},
		{"get_email_campaign_activity_statistics_report", "{'campaign_activity_ids':[]}",
		 "campaign_activity_ids: at least 1 element; got 0\n", 1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		json_auto_t *params = js(rows[i].params);
		expect(rows[i].action, params, rows[i].told, rows[i].count);
	}
}

static void lengths_are_of_characters(void **state)
{
	struct buf b = BUF_INIT;
	json_auto_t *params = js("{'create_source':'Account'}");
	for (int i = 0; i < 50; i++)
		(void)buf_puts(&b, "\u00fc");
	json_object_set_new(params, "first_name", json_string(buf_str(&b)));
	expect("create_contact", params, "", 0);
	(void)buf_puts(&b, "x");
	json_object_set_new(params, "first_name", json_string(buf_str(&b)));
	expect("create_contact", params, "first_name: at most 50 characters; got 51\n", 1);
	buf_done(&b);
}

static void lists_have_their_limits(void **state)
{
	static const struct {
		const char *action, *name;
		size_t max;
	} rows[] = {
		{"delete_contact_tags", "tag_ids", 500},
		{"delete_contact_list_activity", "list_ids", 100},
		{"delete_custom_fields", "custom_field_ids", 100},
		{"create_contact_delete_activity", "contact_ids", 500},
		{"create_contact_delete_activity", "list_ids", 50},
		{"list_contacts", "lists", 25},
		{"list_contacts", "tags", 50},
		{"get_contact_id_cross_references", "sequence_ids", 500},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		json_auto_t *params = json_object();
		json_t *list = json_array();
		json_object_set_new(params, rows[i].name, list);
		for (size_t k = 0; k < rows[i].max; k++)
			json_array_append_new(list, js(ID));
		expect(rows[i].action, params, "", 0);
		json_array_append_new(list, js(ID));
		auto_free char *told = mem_printf("%s: at most %zu elements; got %zu\n",
						  rows[i].name, rows[i].max, rows[i].max + 1);
		expect(rows[i].action, params, told, 1);
	}
}

static void a_deep_path_is_cut_and_not_overrun(void **state)
{
	struct buf name = BUF_INIT, told = BUF_INIT;
	for (int i = 0; i < 2000; i++)
		(void)buf_putc(&name, 'n');
	json_auto_t *params = json_object();
	json_object_set_new(params, buf_str(&name), json_true());
	assert_int_equal(action_check(get("get_contact"), params,
				      &(struct check){.violation = note, .arg = &told}),
			 2);
	assert_true(told.len < 1200);
	buf_done(&name);
	buf_done(&told);
}

/* --- action_check with values that are not known yet --- */

static void unknown_values_may_be_anything(void **state)
{
	json_auto_t *params = js("{'create_source':'Account'}");
	unknown = json_object();
	some_text = json_object();
	json_object_set(params, "email_address", unknown);
	json_object_set(params, "birthday_month", unknown);
	json_object_set(params, "first_name", some_text);
	expect("create_contact", params, "", 0);
	json_object_set(params, "list_memberships", some_text);
	expect("create_contact", params, "list_memberships: must be a list; got text\n", 1);
	json_object_set_new(params, "list_memberships", json_array());
	json_array_append(json_object_get(params, "list_memberships"), some_text);
	expect("create_contact", params, "", 0);
	json_auto_t *both = json_object();
	json_object_set(both, "contact_ids", unknown);
	expect("create_contact_delete_activity", both, "", 0);
	json_object_set(both, "list_ids", unknown);
	expect("create_contact_delete_activity", both, "", 0);
	json_auto_t *segment = js("{'email':'a@b.c'}");
	json_object_set(segment, "segment_id", unknown);
	expect("list_contacts", segment, "", 0);
	json_decref(unknown);
	json_decref(some_text);
	unknown = some_text = NULL;
}

/* --- action_check_first --- */

static void the_first_violation_is_the_error(void **state)
{
	struct errmsg msg = {0};
	json_auto_t *bad = js("{'contact_id':'x','include':['nots'],'y':1}");
	json_auto_t *odd = js("{'contact_id':'x'}");
	assert_int_equal(action_check_first(get("get_contact"), bad, &msg), ERR_INVALID);
	assert_non_null(strstr(msg.text, "include[0]: must be one of"));
	assert_int_equal(action_check_first(get("get_contact"), odd, &msg), 0);
	json_auto_t *list = json_array();
	json_array_append_new(list, json_integer(1));
	assert_int_equal(action_check_first(get("get_contact"), list, &msg), ERR_INVALID);
	assert_int_equal(action_check_first(get("get_contact"), list, NULL), ERR_INVALID);
}

/* --- schema_normal --- */

static void values_are_made_ready(void **state)
{
	static const struct {
		const char *action, *in, *out;
	} rows[] = {
		{"create_contact", "{'taggings':{},'email_address':[]}",
		 "{'email_address':{},'taggings':[]}"},
		{"create_contact", "{'birthday_day':3.0,'notes':[{'x':{}}]}",
		 "{'birthday_day':3,'notes':[{'x':{}}]}"},
		{"list_contacts", "{'status':'all , active,'}", "{'status':['all','active']}"},
		{"create_contact", "{'taggings':'t'}", "{'taggings':'t'}"},
		{"update_contact", "{'first_name':null}", "{'first_name':null}"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		json_auto_t *in = js(rows[i].in), *out = js(rows[i].out);
		json_auto_t *got = schema_normal(get(rows[i].action)->params, in);
		auto_free char *a = json_canonical(got), *b = json_canonical(out);
		assert_string_equal(a, b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_parameters_have_no_violation),
		cmocka_unit_test(bad_parameters_are_told_with_path_and_way_out),
		cmocka_unit_test(lengths_are_of_characters),
		cmocka_unit_test(lists_have_their_limits),
		cmocka_unit_test(a_deep_path_is_cut_and_not_overrun),
		cmocka_unit_test(unknown_values_may_be_anything),
		cmocka_unit_test(the_first_violation_is_the_error),
		cmocka_unit_test(values_are_made_ready),
	};
	return cmocka_run_group_tests(tests, load_catalogue, drop_catalogue);
}
