/* Tests of merged updates: nothing known is lost, and no consent is changed by the way. */
#include "tests/unit/actions/fixture.h"

#include "actions/merge.h"

#define THERE                                                                                      \
	"{'contact_id':'c','email_address':{'address':'a@b.c','permission_to_send':'%s',"          \
	"'created_at':'2020-01-01T00:00:00Z','opt_in_source':'Account','confirm_status':'off'},"   \
	"'first_name':'Ada','last_name':'L','job_title':null,'birthday_month':3,'birthday_day':4," \
	"'update_source':'Account','created_at':'2020-01-01T00:00:00Z',"                           \
	"'custom_fields':[{'custom_field_id':'f1','value':'one'},"                                 \
	"{'custom_field_id':'f2','value':'two'}],"                                                 \
	"'phone_numbers':[{'phone_number_id':'p','phone_number':'1','kind':'home'},"               \
	"{'phone_number':'2','kind':'other'}],"                                                    \
	"'street_addresses':[{'street_address_id':'s','kind':'home','city':'Rome','street':'A'}]," \
	"'list_memberships':['l1']}"

static json_t *merged(const char *permission, const char *given, struct errmsg *msg)
{
	auto_free char *text = mem_printf(THERE, permission);
	json_auto_t *current = js(text), *v = js(given);
	json_t *out = NULL;
	(void)merge_body(get("update_contact"), current, v, &out, msg);
	return out;
}

#define CALL "'contact_id':'c','update_source':'Account'"
#define NAMES "'first_name':'Ada','last_name':'L','birthday_month':3,'birthday_day':4"
#define MAIL "'email_address':{'address':'a@b.c','permission_to_send':'implicit'}"

/* --- merge_body --- */

static void what_is_not_given_stays(void **state)
{
	static const struct {
		const char *given, *sent;
	} rows[] = {
		{"{" CALL "}", "{" CALL "," NAMES "," MAIL "}"},
		{"{" CALL ",'last_name':'Byron'}",
		 "{" CALL ",'first_name':'Ada','last_name':'Byron','birthday_month':3,"
		 "'birthday_day':4," MAIL "}"},
		{"{" CALL ",'first_name':null}",
		 "{" CALL ",'first_name':null,'last_name':'L','birthday_month':3,"
		 "'birthday_day':4," MAIL "}"},
		{"{" CALL ",'email_address':{'address':'new@b.c'}}",
		 "{" CALL "," NAMES
		 ",'email_address':{'address':'new@b.c','permission_to_send':'implicit'}}"},
		{"{" CALL ",'list_memberships':['l2'],'taggings':[]}",
		 "{" CALL "," NAMES "," MAIL ",'list_memberships':['l2'],'taggings':[]}"},
		{"{" CALL ",'custom_fields':[{'custom_field_id':'f2','value':'zwei'},"
		 "{'custom_field_id':'f3','value':'three'}]}",
		 "{" CALL "," NAMES "," MAIL
		 ",'custom_fields':[{'custom_field_id':'f1','value':'one'},"
		 "{'custom_field_id':'f2','value':'zwei'},{'custom_field_id':'f3','value':'three'}"
		 "]}"},
		{"{" CALL ",'phone_numbers':[{'kind':'home','phone_number':'9'}]}",
		 "{" CALL "," NAMES "," MAIL ",'phone_numbers':[{'kind':'home','phone_number':'9'},"
		 "{'kind':'other','phone_number':'2'}]}"},
		{"{" CALL ",'phone_numbers':[{'kind':'other','phone_number':'8'},"
		 "{'kind':'other','phone_number':'7'}]}",
		 "{" CALL "," NAMES "," MAIL ",'phone_numbers':[{'kind':'home','phone_number':'1'},"
		 "{'kind':'other','phone_number':'8'},{'kind':'other','phone_number':'7'}]}"},
		{"{" CALL ",'street_addresses':[{'kind':'home','city':'Pisa'}]}",
		 "{" CALL "," NAMES "," MAIL
		 ",'street_addresses':[{'kind':'home','city':'Pisa','street':'A'}]}"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct errmsg msg = {0};
		json_auto_t *want = js(rows[i].sent);
		json_auto_t *out = merged("implicit", rows[i].given, &msg);
		auto_free char *text = json_canonical(out), *wanted = json_canonical(want);
		assert_int_equal(msg.code, 0);
		assert_string_equal(text, wanted);
		assert_int_equal(action_check_first(get("update_contact"), out, &msg), 0);
	}
}

static void consent_is_neither_lowered_nor_given_back_by_the_way(void **state)
{
	static const struct {
		const char *there, *given, *sent; /* sent NULL: refused */
	} rows[] = {
		{"explicit", "implicit", "explicit"},
		{"explicit", "not_set", "explicit"},
		{"explicit", "explicit", "explicit"},
		{"implicit", "explicit", "explicit"},
		{"pending_confirmation", "implicit", "pending_confirmation"},
		{"explicit", "unsubscribed", "unsubscribed"},
		{"unsubscribed", "unsubscribed", "unsubscribed"},
		{"unsubscribed", "explicit", NULL},
		{"unsubscribed", "implicit", NULL},
		{"unsubscribed", NULL, "unsubscribed"},
		{"explicit", NULL, "explicit"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct errmsg msg = {0};
		auto_free char *given =
			rows[i].given ? mem_printf("{" CALL ",'email_address':{'address':'a@b.c',"
						   "'permission_to_send':'%s'}}",
						   rows[i].given)
				      : mem_strdup("{" CALL ",'list_memberships':['l2']}");
		json_auto_t *out = merged(rows[i].there, given, &msg);
		assert_int_equal(msg.code, rows[i].sent ? 0 : ERR_REJECTED);
		if (!rows[i].sent) {
			assert_null(out);
			assert_non_null(strstr(msg.text, "email_address.permission_to_send: is "
							 "unsubscribed"));
			continue;
		}
		assert_string_equal(
			json_str(json_object_get(out, "email_address"), "permission_to_send"),
			rows[i].sent);
	}
}

static void a_contact_without_an_address_gets_none(void **state)
{
	struct errmsg msg = {0};
	json_auto_t *current = js("{'contact_id':'c','first_name':'Ada'}");
	json_auto_t *given = js("{" CALL ",'last_name':'L'}");
	json_auto_t *out = NULL;
	assert_int_equal(merge_body(get("update_contact"), current, given, &out, &msg), 0);
	assert_null(json_object_get(out, "email_address"));
	assert_string_equal(json_str(out, "first_name"), "Ada");
}

/* --- merge_applies, merge_read --- */

static void a_call_can_say_that_it_replaces(void **state)
{
	const struct action *a = get("update_contact");
	json_auto_t *plain = js("{" CALL "}"), *raw = js("{" CALL ",'replace':true}");
	assert_true(merge_applies(a, plain));
	assert_false(merge_applies(a, raw));
	assert_false(merge_applies(get("create_contact"), plain));
}

static void what_is_read_first_is_a_call_that_is_fine(void **state)
{
	struct errmsg msg = {0};
	const struct action *a = get("update_contact");
	json_auto_t *given = js("{" CALL ",'first_name':'x'}"), *params = merge_read(a, given);
	assert_string_equal(json_str(params, "contact_id"), "c");
	assert_int_equal(action_check_first(get(a->merge->read), params, &msg), 0);
}

/* --- action_check_given --- */

static void what_is_read_need_not_be_given(void **state)
{
	static const struct {
		const char *given;
		int given_err, sent_err;
	} rows[] = {
		{"{" CALL ",'email_address':{'permission_to_send':'explicit'}}", 0, ERR_INVALID},
		{"{" CALL ",'replace':true,'email_address':{'permission_to_send':'explicit'}}",
		 ERR_INVALID, ERR_INVALID},
		{"{" CALL ",'email_address':{'address':7}}", ERR_INVALID, ERR_INVALID},
		{"{'update_source':'Account','email_address':{}}", ERR_INVALID, ERR_INVALID},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct errmsg msg = {0};
		json_auto_t *v = js(rows[i].given);
		assert_int_equal(action_check_given(get("update_contact"), v, &msg),
				 rows[i].given_err);
		assert_int_equal(action_check_first(get("update_contact"), v, &msg),
				 rows[i].sent_err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_given_stays),
		cmocka_unit_test(consent_is_neither_lowered_nor_given_back_by_the_way),
		cmocka_unit_test(a_contact_without_an_address_gets_none),
		cmocka_unit_test(a_call_can_say_that_it_replaces),
		cmocka_unit_test(what_is_read_first_is_a_call_that_is_fine),
		cmocka_unit_test(what_is_read_need_not_be_given),
	};
	return cmocka_run_group_tests(tests, load_catalogue, drop_catalogue);
}
