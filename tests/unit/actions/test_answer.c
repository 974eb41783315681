/* Tests of answers: which result or error each is, and what the state of a job says. */
#include "tests/unit/actions/fixture.h"

#include "actions/answer.h"

static struct answer classify(const char *action, int status, const char *headers, const char *body,
			      bool repeated)
{
	struct answer r;
	json_auto_t *h = headers ? js(headers) : NULL;
	answer_classify(get(action), status, h, body, body ? strlen(body) : 0, repeated, 0, &r);
	return r;
}

/* --- answer_classify: errors --- */

static void errors_have_one_name_each(void **state)
{
	static const struct {
		const char *action;
		int status;
		const char *body, *name, *key;
		int64_t wait_ms;
	} rows[] = {
		{"get_contact", 400, "[{\"error_key\":\"k\",\"error_message\":\"m\"}]", "invalid",
		 "k", 0},
		{"get_contact", 401, "{\"error_key\":\"unauthorized\",\"error_message\":\"U\"}",
		 "auth", "unauthorized", 0},
		{"get_contact", 403, "", "forbidden", "", 0},
		{"get_contact", 404, "[{\"error_key\":\"contacts.api.not_found\"}]", "not_found",
		 "contacts.api.not_found", 0},
		{"get_contact", 415, "<html>", "invalid", "", 0},
		{"get_contact", 418, NULL, "invalid", "", 0},
		{"get_contact", 302, NULL, "failed", "", 0},
		{"get_contact", 408, NULL, "timeout", "", 0},
		{"get_contact", 500, "oops", "5xx", "", 0},
		{"get_contact", 503, NULL, "5xx", "", 0},
		{"create_contact", 409, "[{\"error_key\":\"contacts.api.conflict\"}]", "exists",
		 "contacts.api.conflict", 0},
		{"create_contact_list", 409, NULL, "exists", "", 0},
		{"create_contact_tag", 409, NULL, "exists", "", 0},
		{"create_custom_field", 409, NULL, "exists", "", 0},
		{"update_contact_tag", 409, NULL, "exists", "", 0},
		{"update_contact", 409, NULL, "conflict", "", 0},
		{"create_contact_from_sign_up_form", 409, NULL, "conflict", "", 0},
		{"export_contacts", 429, "{\"error_key\":\"throttled\"}", "throttled", "throttled",
		 1000},
		{"export_contacts", 429, "{\"error_key\":\"quota_exceeded\"}", "quota_exceeded",
		 "quota_exceeded", 0},
		{"export_contacts", 429, "{\"error_key\":\"activities.queue\"}", "throttled",
		 "activities.queue", 300000},
		{"export_contacts", 429, "busy", "throttled", "", 1000},
		{"get_contacts_export_file", 429, "{\"error_key\":\"x\"}", "throttled", "x",
		 300000},
		{"create_segment", 409, NULL, "exists", "", 0},
		{"create_email_campaign", 409, NULL, "exists", "", 0},
		{"rename_email_campaign", 409, NULL, "exists", "", 0},
		{"add_account_email_address", 409, NULL, "exists", "", 0},
		{"create_resend_to_non_openers", 409, NULL, "exists", "", 0},
		{"delete_resend_to_non_openers", 409, NULL, "conflict", "", 0},
		{"create_partner_account", 503, NULL, "in_doubt", "", 0},
		{"create_partner_account", 409, NULL, "exists", "", 0},
		{"get_contact", 400, "{\"error\":\"invalid_grant\",\"error_description\":\"d\"}",
		 "auth", "invalid_grant", 0},
		{"get_contact", 400, "[]", "invalid", "", 0},
		{"get_contact", 400, "[7]", "invalid", "", 0},
		{"get_contact", 400, "{\"error_key\":7}", "invalid", "", 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct answer r =
			classify(rows[i].action, rows[i].status, NULL, rows[i].body, false);
		assert_int_equal(r.outcome, ANSWER_ERROR);
		assert_string_equal(err_name(r.err), rows[i].name);
		assert_string_equal(r.key, rows[i].key);
		assert_int_equal(r.wait_ms, rows[i].wait_ms);
		assert_int_equal(r.until_day_end, r.err == ERR_QUOTA);
		assert_int_equal(r.msg.code, r.err);
		assert_non_null(r.result);
		answer_done(&r);
	}
}

static void messages_say_what_the_api_said(void **state)
{
	struct answer r =
		classify("get_contact", 404, NULL,
			 "[{\"error_key\":\"k\",\"error_message\":\"No such contact\"}]", false);
	assert_string_equal(r.msg.text, "404 not found: No such contact");
	answer_done(&r);
	r = classify("get_contact", 403, NULL, "", false);
	assert_string_equal(r.msg.text, "403 not allowed — it needs the scope contact_data and the "
					"privilege contacts:read");
	answer_done(&r);
	r = classify("get_contact", 502, NULL, "Bad Gateway", false);
	assert_string_equal(r.msg.text, "502 the server failed: Bad Gateway");
	answer_done(&r);
}

static void retry_after_is_honoured(void **state)
{
	struct answer r = classify("get_contact", 429, "{'retry-after':'30'}",
				   "{\"error_key\":\"throttled\"}", false);
	assert_int_equal(r.wait_ms, 30000);
	answer_done(&r);
	r = classify("get_contact", 503, "{'retry-after':'soon'}", NULL, false);
	assert_int_equal(r.wait_ms, 0);
	answer_done(&r);
}

static void gone_is_a_success_only_when_it_was_tried_before(void **state)
{
	struct answer r = classify("delete_contact", 404, NULL, "[{\"error_key\":\"k\"}]", true);
	assert_int_equal(r.outcome, ANSWER_OK);
	assert_int_equal(r.err, 0);
	assert_true(r.gone);
	assert_int_equal(json_object_size(r.result), 0);
	answer_done(&r);
	r = classify("delete_contact", 404, NULL, NULL, false);
	assert_int_equal(r.err, ERR_NOT_FOUND);
	answer_done(&r);
	r = classify("update_contact", 404, NULL, NULL, true);
	assert_int_equal(r.err, ERR_NOT_FOUND);
	answer_done(&r);
}

/* --- answer_classify: results --- */

static void results_have_the_shape_of_the_body(void **state)
{
	static const struct {
		const char *action;
		int status;
		const char *body, *result, *job;
		enum answer_outcome outcome;
	} rows[] = {
		{"delete_contact", 204, NULL, "{}", "", ANSWER_OK},
		{"delete_contact", 200, " \r\n", "{}", "", ANSWER_OK},
		{"resubscribe_contact", 200, "", "{}", "", ANSWER_OK},
		{"get_contact", 200, "{\"contact_id\":\"c\"}", "{'contact_id':'c'}", "", ANSWER_OK},
		{"get_contact_sms_engagement_history", 200, "[]", "[]", "", ANSWER_OK},
		{"export_contacts", 201, "{\"activity_id\":\"a1\"}", "{'activity_id':'a1'}", "a1",
		 ANSWER_OK},
		{"delete_contact_list", 202, "{\"activity_id\":\"a2\"}", "{'activity_id':'a2'}",
		 "a2", ANSWER_OK},
		{"export_contacts", 202, "{}", "{}", "", ANSWER_OK},
		{"get_activity_status", 200, "{\"activity_id\":\"a\"}", "{'activity_id':'a'}", "",
		 ANSWER_OK},
		{"get_contacts_export_file", 200, "[1]", "{'text':'[1]'}", "", ANSWER_OK},
		{"get_contacts_export_file", 200, "a,b\n", "{'text':'a,b\\n'}", "", ANSWER_OK},
		{"get_contacts_export_file", 200, "\xff", "{'base64':'/w=='}", "", ANSWER_OK},
		{"get_contact", 200, "7", "{'text':'7'}", "", ANSWER_OK},
		{"get_contact", 207, "{}", "{}", "", ANSWER_PARTIAL},
		{"list_contacts", 202, "{\"status\":\"s\"}", "{'status':'s'}", "", ANSWER_AGAIN},
		{"list_contacts", 200, "{\"contacts\":[]}", "{'contacts':[]}", "", ANSWER_OK},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct answer r =
			classify(rows[i].action, rows[i].status, NULL, rows[i].body, false);
		json_auto_t *want = js(rows[i].result);
		auto_free char *a = json_canonical(r.result), *b = json_canonical(want);
		assert_string_equal(a, b);
		assert_int_equal(r.outcome, rows[i].outcome);
		assert_string_equal(r.job, rows[i].job);
		assert_int_equal(r.err, r.outcome == ANSWER_AGAIN ? ERR_BUSY : 0);
		assert_int_equal(r.wait_ms, r.outcome == ANSWER_AGAIN ? 2000 : 0);
		answer_done(&r);
	}
}

/* --- job_classify, job_result --- */

static void states_of_jobs_have_outcomes(void **state)
{
	static const char *const rows[][2] = {
		{"{'state':'initialized','percent_done':1}", "running"},
		{"{'state':'processing'}", "running"},
		{"{'state':'napping'}", "running"},
		{"{}", "running"},
		{"{'state':'completed','activity_errors':[],'status':{}}", "completed"},
		{"{'state':'completed'}", "completed"},
		{"{'state':'completed','activity_errors':['Row 12']}", "partial"},
		{"{'state':'completed','activity_errors':[{'message':'m'}]}", "partial"},
		{"{'state':'completed','status':{'error_count':1}}", "partial"},
		{"{'state':'completed','status':{'correctable_count':1}}", "partial"},
		{"{'state':'completed','status':{'cannot_add_to_list_count':3}}", "partial"},
		{"{'state':'completed','status':{'error_count':0,'person_count':9}}", "completed"},
		{"{'state':'cancelled'}", "cancelled"},
		{"{'state':'failed','activity_errors':['x']}", "failed"},
		{"{'state':'timed_out'}", "timed_out"},
	};
	const struct action_job *j = get("export_contacts")->job;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		json_auto_t *v = js(rows[i][0]);
		assert_string_equal(job_outcome_word(job_classify(j, v)), rows[i][1]);
	}
}

static void the_result_of_a_job_is_regular(void **state)
{
	static const char *const rows[][2] = {
		{"{'state':'completed','percent_done':100,'activity_errors':[{'message':'m'},'t'],"
		 "'status':{'list_count':1},'_links':{'results':{'href':'/v3/contact_exports/e1?x=1'}}}",
		 "{'outcome':'partial','state':'completed','percent_done':100,'errors':['m','t'],"
		 "'status':{'list_count':1},'result_id':'e1'}"},
		{"{'state':'failed'}", "{'outcome':'failed','state':'failed','percent_done':null,"
				       "'errors':[],'status':{},'result_id':null}"},
	};
	const struct action_job *j = get("export_contacts")->job;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		json_auto_t *v = js(rows[i][0]), *want = js(rows[i][1]);
		json_auto_t *got = job_result(j, v);
		auto_free char *a = json_canonical(got), *b = json_canonical(want);
		assert_string_equal(a, b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_have_one_name_each),
		cmocka_unit_test(messages_say_what_the_api_said),
		cmocka_unit_test(retry_after_is_honoured),
		cmocka_unit_test(gone_is_a_success_only_when_it_was_tried_before),
		cmocka_unit_test(results_have_the_shape_of_the_body),
		cmocka_unit_test(states_of_jobs_have_outcomes),
		cmocka_unit_test(the_result_of_a_job_is_regular),
	};
	return cmocka_run_group_tests(tests, load_catalogue, drop_catalogue);
}
