/* Tests of requests: each parameter in its place, the same bytes each time, and records of them. */
#include "tests/unit/actions/fixture.h"

#include "actions/request.h"
#include "engine/base/buf.h"

#define BASE "https://api.test/v3/"
#define ID "'07936f78-662a-11eb-af0a-fa163e56c9b0'"

static void render(const char *action, const char *params, struct http_request_text *r)
{
	struct errmsg msg = {0};
	json_auto_t *v = js(params);
	if (request_render(get(action), v, BASE, r, &msg))
		print_error("%s: %s\n", action, msg.text);
	assert_int_equal(msg.code, 0);
}

/* --- request_render: addresses and JSON bodies --- */

static void parameters_go_where_they_belong(void **state)
{
	static const struct {
		const char *action, *params, *method, *url, *body;
	} rows[] = {
		{"list_contacts", "{}", "GET", "https://api.test/v3/contacts", NULL},
		{"list_contacts", "{'status':['all','deleted'],'email':'a+b@c.d','limit':5}", "GET",
		 "https://api.test/v3/contacts?email=a%2Bb%40c.d&limit=5&status=all,deleted", NULL},
		{"list_contacts", "{'status':'all,deleted','include_count':true}", "GET",
		 "https://api.test/v3/contacts?include_count=true&status=all,deleted", NULL},
		{"list_contacts", "{'updated_after':'2026-01-01T00:00:00+02:00','lists':[]}", "GET",
		 "https://api.test/v3/contacts?updated_after=2026-01-01T00%3A00%3A00%2B02%3A00",
		 NULL},
		{"get_contact", "{'contact_id':'a/b ?#%','include':['notes']}", "GET",
		 "https://api.test/v3/contacts/a%2Fb%20%3F%23%25?include=notes", NULL},
		{"delete_contact", "{'contact_id':" ID "}", "DELETE",
		 "https://api.test/v3/contacts/07936f78-662a-11eb-af0a-fa163e56c9b0", NULL},
		{"export_contacts", "{}", "POST", "https://api.test/v3/activities/contact_exports",
		 "{}"},
		{"create_contact",
		 "{'last_name':'B','create_source':'Account','first_name':'\u00c4',"
		 "'taggings':{}}",
		 "POST", "https://api.test/v3/contacts",
		 "{\"create_source\":\"Account\",\"first_name\":\"\u00c4\",\"last_name\":\"B\","
		 "\"taggings\":[]}"},
		{"update_contact", "{'contact_id':'x','update_source':'Contact','first_name':null}",
		 "PUT", "https://api.test/v3/contacts/x",
		 "{\"first_name\":null,\"update_source\":\"Contact\"}"},
		{"update_contact", "{'contact_id':'x','update_source':'Account','replace':true}",
		 "PUT", "https://api.test/v3/contacts/x", "{\"update_source\":\"Account\"}"},
		{"create_contact",
		 "{'last_name':'B','create_source':'Account','anniversary':'2006-11-15T23:30:00-05:00'}",
		 "POST", "https://api.test/v3/contacts",
		 "{\"anniversary\":\"2006-11-15\",\"create_source\":\"Account\",\"last_name\":\"B\"}"},
		{"create_contact",
		 "{'last_name':'B','create_source':'Account','anniversary':'11/15/2006'}", "POST",
		 "https://api.test/v3/contacts",
		 "{\"anniversary\":\"11/15/2006\",\"create_source\":\"Account\",\"last_name\":\"B\"}"},
		{"create_segment", "{'name':'n','segment_criteria':{'b':[1],'a':{}}}", "POST",
		 "https://api.test/v3/segments",
		 "{\"name\":\"n\",\"segment_criteria\":\"{\\\"a\\\":{},\\\"b\\\":[1]}\"}"},
		{"create_segment", "{'name':'n','segment_criteria':'[ 1 ]'}", "POST",
		 "https://api.test/v3/segments", "{\"name\":\"n\",\"segment_criteria\":\"[ 1 ]\"}"},
		{"create_email_campaign_activity_schedule",
		 "{'campaign_activity_id':'a','scheduled_date':0}", "POST",
		 "https://api.test/v3/emails/activities/a/schedules", "{\"scheduled_date\":\"0\"}"},
		{"get_contact_open_and_click_rates_report",
		 "{'contact_id':'c','start':'2019-01-01T00:00:00-05:00','end':"
		 "'2019-02-01T10:20:30.5Z'}",
		 "GET",
		 "https://api.test/v3/reports/contact_reports/c/open_and_click_rates"
		 "?end=2019-02-01T10%3A20%3A30%2B0000&start=2019-01-01T05%3A00%3A00%2B0000",
		 NULL},
		{"get_contact_open_and_click_rates_report",
		 "{'contact_id':'c','start':'2019-01-01T00:00:00-0500','end':'last week'}", "GET",
		 "https://api.test/v3/reports/contact_reports/c/open_and_click_rates"
		 "?end=last%20week&start=2019-01-01T05%3A00%3A00%2B0000",
		 NULL},
		{"create_event", "{'name':'A & B','start_time':'2031-01-01T00:00:00Z'}", "POST",
		 "https://api.test/v3/events/default"
		 "?name=A%20%26%20B&start_time=2031-01-01T00%3A00%3A00Z",
		 NULL},
		{"list_email_bounces_report",
		 "{'campaign_activity_id':'a','bounce_code':['B','D']}", "GET",
		 "https://api.test/v3/reports/email_reports/a/tracking/bounces"
		 "?bounce_code=B&bounce_code=D",
		 NULL},
		{"get_email_campaign_statistics_report", "{'campaign_ids':['a','b']}", "GET",
		 "https://api.test/v3/reports/stats/email_campaigns/a,b", NULL},
		{"update_event_track_registrations",
		 "{'event_id':'e','track_id':'t','registration_ids':['r'],"
		 "'registration_status':'CANCELED','return_items_to_inventory':false}",
		 "PUT",
		 "https://api.test/v3/events/e/tracks/t/registrations"
		 "?return_items_to_inventory=false",
		 "{\"registration_ids\":[\"r\"],\"registration_status\":\"CANCELED\"}"},
		{"create_automation", "{'workflowName':'w','type':'Action'}", "POST",
		 "https://api.test/v3/automations/workflows?workflowName=w",
		 "{\"type\":\"Action\"}"},
		{"list_account_email_addresses", "{'email_address':'a+b@c.d'}", "GET",
		 "https://api.test/v3/account/emails?email_address=a%2Bb%40c.d", NULL},
		{"test_partner_webhook_subscription", "{'topic_id':1}", "POST",
		 "https://api.test/v3/partner/webhooks/subscriptions/1/tests", NULL},
		{"update_contact_tag", "{'tag_id':'t','name':'Gold'}", "PUT",
		 "https://api.test/v3/contact_tags/t", "{\"name\":\"Gold\"}"},
		{"import_contacts_from_json",
		 "{'import_data':[{'home country':'x','cf:a':'b',"
		 "'email':'c'}],'list_ids':['l']}",
		 "POST", "https://api.test/v3/activities/contacts_json_import",
		 "{\"import_data\":[{\"cf:a\":\"b\",\"email\":\"c\",\"home country\":\"x\"}],"
		 "\"list_ids\":[\"l\"]}"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct http_request_text r;
		render(rows[i].action, rows[i].params, &r);
		assert_string_equal(r.method, rows[i].method);
		assert_string_equal(r.url, rows[i].url);
		const char *type = json_str(r.headers, "Content-Type");
		assert_string_equal(json_str(r.headers, "Accept"), "application/json");
		if (rows[i].body) {
			assert_string_equal(r.body, rows[i].body);
			assert_int_equal(r.body_len, strlen(rows[i].body));
			assert_string_equal(type, "application/json");
		} else {
			assert_null(r.body);
			assert_null(type);
		}
		request_done(&r);
	}
}

static void the_order_of_parameters_does_not_matter(void **state)
{
	struct http_request_text a, b;
	render("list_contacts", "{'limit':5,'email':'x@y.z'}", &a);
	render("list_contacts", "{'email':'x@y.z','limit':5}", &b);
	assert_string_equal(a.url, b.url);
	request_done(&a);
	request_done(&b);
}

static void a_file_download_asks_for_its_type(void **state)
{
	struct http_request_text r;
	render("get_contacts_export_file", "{'file_export_id':'f'}", &r);
	assert_string_equal(json_str(r.headers, "Accept"), "text/csv");
	assert_string_equal(r.target, "/contact_exports/f");
	request_done(&r);
}

static void five_hundred_ids_fit_into_an_address(void **state)
{
	struct http_request_text r;
	struct errmsg msg = {0};
	json_auto_t *params = json_object();
	json_t *list = json_array();
	json_object_set_new(params, "sequence_ids", list);
	for (int i = 0; i < 500; i++)
		json_array_append_new(list, json_string("1234567890"));
	assert_int_equal(
		request_render(get("get_contact_id_cross_references"), params, BASE, &r, &msg), 0);
	assert_int_equal(strlen(r.target),
			 strlen("/contacts/contact_id_xrefs?sequence_ids=") + 500 * 11 - 1);
	request_done(&r);
}

static void what_would_change_the_address_is_refused(void **state)
{
	static const char *const rows[] = {
		"{'contact_id':''}", "{'contact_id':'.'}",          "{'contact_id':'..'}", "{}",
		"{'contact_id':5}",  "{'contact_id':'x','more':1}",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct http_request_text r;
		struct errmsg msg = {0};
		json_auto_t *v = js(rows[i]);
		assert_int_equal(request_render(get("delete_contact"), v, BASE, &r, &msg),
				 ERR_INVALID);
		assert_null(r.url);
		assert_null(r.headers);
		assert_true(*msg.text != '\0');
	}
}

/* --- request_render: multipart --- */

static void an_import_is_sent_in_parts(void **state)
{
	struct http_request_text r, again;
	static const char params[] = "{'file':{'name':'my \\u000d\\u000alist.csv','text':'email\\n"
				     "a@b.c\\n'},'list_ids':['l1','l2'],"
				     "'sms_permission_to_send':'not_set'}";
	render("import_contacts_from_csv_file", params, &r);
	render("import_contacts_from_csv_file", params, &again);
	const char *type = json_str(r.headers, "Content-Type");
	assert_int_equal(strncmp(type, "multipart/form-data; boundary=", 30), 0);
	auto_free char *want = mem_printf(
		"--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"my %%0D%%0Alist.csv\""
		"\r\nContent-Type: text/csv\r\n\r\nemail\na@b.c\n\r\n"
		"--%s\r\nContent-Disposition: form-data; name=\"list_ids\"\r\n\r\nl1,l2\r\n"
		"--%s\r\nContent-Disposition: form-data; name=\"sms_permission_to_send\"\r\n\r\n"
		"not_set\r\n--%s--\r\n",
		type + 30, type + 30, type + 30, type + 30);
	assert_string_equal(r.body, want);
	assert_string_equal(r.body, again.body);
	assert_string_equal(type, json_str(again.headers, "Content-Type"));
	request_done(&r);
	request_done(&again);
	render("import_contacts_from_csv_file", "{'file':'email','list_ids':['l']}", &r);
	assert_non_null(strstr(r.body, "filename=\"contacts.csv\""));
	request_done(&r);
}

/* Whatever the value says of itself: only the store of files can tell. */
static void a_file_that_is_not_ours_is_refused(void **state)
{
	static const char *const ids[] = {"abc", "/etc/passwd", "../x",
					  "00000000000000000000000000000000"};
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		struct http_request_text r;
		struct errmsg msg = {0};
		json_auto_t *v = js("{'file':{'size':1},'list_ids':['l']}");
		json_object_set_new(json_object_get(v, "file"), "file", json_string(ids[i]));
		assert_int_equal(
			request_render(get("import_contacts_from_csv_file"), v, BASE, &r, &msg),
			ERR_INVALID);
		assert_string_equal(msg.text, "file: there is no such file: only what this run has "
					      "fetched or made can be read");
	}
}

static void on_sealed(struct files_job *j)
{
	assert_int_equal(j->err, 0);
}

#define OWNER "018f0000-0000-7000-8000-000000000001"

static json_t *sealed(struct loop *l, struct files *files, const char *text)
{
	struct file_out out;
	struct files_seal seal = {.job.cb = on_sealed};
	struct errmsg msg;
	assert_int_equal(files_create(files, OWNER, &out, &msg), 0);
	assert_int_equal(file_out_write(&out, text, strlen(text), &msg), 0);
	files_seal(&seal, &out);
	while (loop_run_once(l, true))
		;
	assert_int_equal(seal.job.err, 0);
	return file_out_value(&out, "big.csv", "text/csv");
}

static char *whole_body(struct http_request_text *r, size_t step)
{
	struct buf b = BUF_INIT;
	char piece[64];
	ssize_t n;
	request_rewind(r);
	while ((n = request_read(r, piece, step)) > 0)
		(void)buf_add(&b, piece, (size_t)n);
	assert_int_equal(n, 0);
	assert_int_equal(b.len, request_size(r));
	return buf_take(&b);
}

/* The same bytes as from a text, but for the boundary and the name. */
static void a_files_content_is_read_as_it_is_sent(void **state)
{
	struct errmsg msg;
	struct loop *l = loop_new(&clock_real, false);
	struct files *files = files_temp(l, &rng_real, &msg);
	json_auto_t *v = js("{'list_ids':['l1']}");
	struct request_env env = {.files = files, .owner = OWNER, .name = "effect-1"};
	struct http_request_text r;
	json_object_set_new(v, "file", sealed(l, files, "email\na@b.c\nd@e.f\n"));
	assert_int_equal(
		request_render_in(get("import_contacts_from_csv_file"), v, BASE, &env, &r, &msg),
		0);
	const char *boundary = json_str(r.headers, "Content-Type") + 30;
	auto_free char *want = mem_printf(
		"--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"effect-1.csv\""
		"\r\nContent-Type: text/csv\r\n\r\nemail\na@b.c\nd@e.f\n\r\n"
		"--%s\r\nContent-Disposition: form-data; name=\"list_ids\"\r\n\r\nl1\r\n--%s--\r\n",
		boundary, boundary, boundary);
	for (size_t step = 1; step < 64; step += 9) {
		auto_free char *body = whole_body(&r, step);
		assert_string_equal(body, want);
	}
	json_auto_t *record = request_json(&r);
	assert_int_equal(json_array_size(json_object_get(record, "parts")), 3);
	assert_null(json_object_get(record, "body"));
	request_done(&r);

	/* a part has the head in front */
	json_t *part = json_object_get(v, "file");
	json_object_set_new(part, "head", json_integer(6));
	json_object_set_new(part, "from", json_integer(12));
	json_object_set_new(part, "to", json_integer(18));
	assert_int_equal(
		request_render_in(get("import_contacts_from_csv_file"), v, BASE, &env, &r, &msg),
		0);
	auto_free char *body = whole_body(&r, 7);
	assert_non_null(strstr(body, "\r\n\r\nemail\nd@e.f\n\r\n--"));
	request_done(&r);

	/* another run's, and a part that is not there */
	json_object_set_new(part, "to", json_integer(19));
	assert_int_equal(
		request_render_in(get("import_contacts_from_csv_file"), v, BASE, &env, &r, &msg),
		ERR_INVALID);
	env.owner = "018f0000-0000-7000-8000-000000000002";
	assert_int_equal(
		request_render_in(get("import_contacts_from_csv_file"), v, BASE, &env, &r, &msg),
		ERR_INVALID);
	files_close(files);
	loop_free(l);
}

/* --- request_render: forms, headers, bare bodies, repeated parameters --- */

static const char other[] =
	"connector: {name: o}\n"
	"actions:\n"
	"  form: {method: POST, path: /f, effect: once, body: form, params: {a: string, b: [string]}}\n"
	"  bare: {method: POST, path: /b, effect: once, body: bare, params: {ids: {type: [string],\n"
	"         required: true}}}\n"
	"  head: {method: GET, path: '/h?v=2', effect: read, params: {t: {type: string, in: header,\n"
	"         as: X-T}, k: {items: string, list: repeat, as: 'k[]'}}}\n";

static int render_other(const char *action, const char *params, struct http_request_text *r)
{
	struct catalogue *c = catalogue_new();
	struct errmsg msg = {0};
	json_auto_t *v = js(params);
	assert_int_equal(catalogue_load_text(c, "o", other, strlen(other), &msg), 0);
	int err = request_render(catalogue_find(c, "o", action), v, BASE, r, &msg);
	catalogue_free(c);
	return err;
}

static void other_bodies_and_places_work_too(void **state)
{
	struct http_request_text r;
	assert_int_equal(render_other("form", "{'b':['x','y z'],'a':'1&2'}", &r), 0);
	assert_string_equal(r.body, "a=1%262&b=x,y%20z");
	assert_string_equal(json_str(r.headers, "Content-Type"),
			    "application/x-www-form-urlencoded");
	request_done(&r);
	assert_int_equal(render_other("bare", "{'ids':['x']}", &r), 0);
	assert_string_equal(r.body, "[\"x\"]");
	request_done(&r);
	assert_int_equal(render_other("head", "{'t':'v','k':['1','2']}", &r), 0);
	assert_string_equal(r.target, "/h?v=2&k%5B%5D=1&k%5B%5D=2");
	assert_string_equal(json_str(r.headers, "X-T"), "v");
	request_done(&r);
	assert_int_equal(render_other("head", "{'t':'v\\r\\nHost: x'}", &r), ERR_INVALID);
}

/* --- request_json, request_from_json --- */

static void a_record_gives_the_same_request(void **state)
{
	static const char *const rows[][2] = {
		{"list_contacts", "{'email':'a+b@c.d'}"},
		{"export_contacts", "{}"},
		{"create_contact_tag", "{'name':'\u20ac \\\\ \\u0001'}"},
		{"import_contacts_from_csv_file", "{'file':'email\\r\\na@b.c','list_ids':['l']}"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct http_request_text a, b;
		struct errmsg msg = {0};
		json_t *read = NULL;
		render(rows[i][0], rows[i][1], &a);
		json_auto_t *record = request_json(&a);
		auto_free char *text = json_canonical(record);
		assert_null(strstr(text, "api.test"));
		assert_int_equal(json_parse(text, strlen(text), true, &read, &msg), 0);
		assert_int_equal(request_from_json(read, "http://new:1/v3", &b, &msg), 0);
		json_decref(read);
		assert_string_equal(a.method, b.method);
		assert_string_equal(a.target, b.target);
		assert_int_equal(strncmp(b.url, "http://new:1/v3/", 16), 0);
		assert_int_equal(a.body_len, b.body_len);
		assert_int_equal(!a.body, !b.body);
		if (a.body)
			assert_memory_equal(a.body, b.body, a.body_len);
		assert_true(json_equal(a.headers, b.headers));
		request_done(&a);
		request_done(&b);
	}
}

static void bytes_that_are_no_text_are_recorded_too(void **state)
{
	struct http_request_text a = {.method = mem_strdup("POST"),
				      .target = mem_strdup("/x"),
				      .headers = json_object(),
				      .body_len = 4},
				 b;
	a.body = mem_alloc(5);
	memcpy(a.body, "\xff\0z\x80", 4);
	json_auto_t *record = request_json(&a);
	assert_non_null(json_object_get(record, "body64"));
	assert_int_equal(request_from_json(record, BASE, &b, NULL), 0);
	assert_int_equal(b.body_len, 4);
	assert_memory_equal(a.body, b.body, 4);
	request_done(&a);
	request_done(&b);
}

static void a_damaged_record_is_an_error(void **state)
{
	static const char *const rows[] = {
		"{}",
		"[]",
		"{'method':'GET','target':'/x'}",
		"{'method':'GET','target':'/x','headers':{},'body64':'*'}",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct http_request_text r;
		json_auto_t *v = js(rows[i]);
		assert_int_equal(request_from_json(v, BASE, &r, NULL), ERR_PARSE);
		request_done(&r);
	}
}

/* --- request_next_url --- */

static void the_next_page_stays_on_its_host(void **state)
{
	static const char *const rows[][2] = {
		{"/v3/contacts?cursor=bGltaXQ9MSZuZXh0PTI=",
		 "https://api.test/v3/contacts?cursor=bGltaXQ9MSZuZXh0PTI="},
		{"https://api.test/v3/x?a=b", "https://api.test/v3/x?a=b"},
		{"https://API.test/v3/x", "https://API.test/v3/x"},
		{"https://api.test.evil/v3/x", NULL},
		{"https://evil/v3/x", NULL},
		{"http://api.test/v3/x", NULL},
		{"//evil/x", NULL},
		{"v3/x", NULL},
		{"", NULL},
		{"/v3/x\r\nHost: evil", NULL},
		{"/\\evil", NULL},
		{"https://api.test@evil/x", NULL},
		{"ftp://api.test/x", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_free char *url = NULL;
		int err = request_next_url(BASE, rows[i][0], &url, NULL);
		assert_int_equal(err, rows[i][1] ? 0 : ERR_REJECTED);
		if (rows[i][1])
			assert_string_equal(url, rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_go_where_they_belong),
		cmocka_unit_test(the_order_of_parameters_does_not_matter),
		cmocka_unit_test(a_file_download_asks_for_its_type),
		cmocka_unit_test(five_hundred_ids_fit_into_an_address),
		cmocka_unit_test(what_would_change_the_address_is_refused),
		cmocka_unit_test(an_import_is_sent_in_parts),
		cmocka_unit_test(a_file_that_is_not_ours_is_refused),
		cmocka_unit_test(a_files_content_is_read_as_it_is_sent),
		cmocka_unit_test(other_bodies_and_places_work_too),
		cmocka_unit_test(a_record_gives_the_same_request),
		cmocka_unit_test(bytes_that_are_no_text_are_recorded_too),
		cmocka_unit_test(a_damaged_record_is_an_error),
		cmocka_unit_test(the_next_page_stays_on_its_host),
	};
	return cmocka_run_group_tests(tests, load_catalogue, drop_catalogue);
}
