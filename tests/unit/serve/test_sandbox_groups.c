/* The sandbox's smaller groups: account, events, social posts, automations, the partner's side. */
#include "tests/unit/serve/sandbox_api.h"

#define EVENT "/v3/events/e0000001-4e3b-41ea-a3b8-5a418fce41f4"
#define DRAFT_EVENT "/v3/events/e0000002-4e3b-41ea-a3b8-5a418fce41f4"
#define TRACK EVENT "/tracks/s8zabc/registrations"
#define GUEST "a1b2c3d4-e5f6-7890-abcd-ef1234567"
#define FLOW "/v3/automations/workflows"
#define CLIENT "/v3/partner/accounts/a07e1lxqqqo0"
#define HOOKS "/v3/partner/webhooks/subscriptions"

/* ---- the account ---- */

static void the_account_is_changed_in_part_and_its_address_as_a_whole(void **state)
{
	call(200, "GET", "/v3/account/user/privileges", NULL);
	expect_some("0.privilege_name");
	call(200, "PUT", "/v3/account/summary", "{'first_name':'Oona'}");
	call(200, "GET", "/v3/account/summary?extra_fields=physical_address,company_logo", NULL);
	expect("first_name", "Oona");
	expect("last_name", "Winters");
	expect("physical_address.city", "Boston");
	expect_some("company_logo.url");
	call(409, "POST", "/v3/account/summary/physical_address",
	     "{'address_line1':'1 Road','city':'Bern','country_code':'CH'}");
	call(200, "PUT", "/v3/account/summary/physical_address",
	     "{'address_line1':'1 Road','city':'Bern','country_code':'CH'}");
	call(200, "GET", "/v3/account/summary/physical_address", NULL);
	expect("postal_code", "-");
	call(400, "PUT", "/v3/account/summary/physical_address",
	     "{'address_line1':'1 Road','city':'Boston','country_code':'US'}");
	call(200, "POST", "/_sandbox/reset", "{'seed':'none'}");
	call(404, "GET", "/v3/account/summary/physical_address", NULL);
	call(201, "POST", "/v3/account/summary/physical_address",
	     "{'address_line1':'1 Road','city':'Bern','country_code':'CH'}");
}

static void addresses_are_added_unconfirmed_and_listed_by_one_filter(void **state)
{
	call(201, "POST", "/v3/account/emails", "{'email_address':'more@example.com'}");
	expect("confirm_status", "UNCONFIRMED");
	call(409, "POST", "/v3/account/emails", "{'email_address':'more@example.com'}");
	call(200, "GET", "/v3/account/emails?confirm_status=U", NULL);
	expect("0.email_address", "new@example.com");
	expect("1.email_address", "more@example.com");
	call(200, "GET", "/v3/account/emails?role_code=REPLY_TO", NULL);
	expect_some("1.confirm_time");
	call(400, "GET", "/v3/account/emails?role_code=R&confirm_status=C", NULL);
}

/* ---- events ---- */

static void an_event_is_made_by_its_query_changed_and_copied(void **state)
{
	char path[60], copy[120];
	call(201, "POST", "/v3/events/default?name=Fair&start_time=2024-01-15T10:00:00Z", NULL);
	expect("event_end", "2024-01-15T11:00:00.000Z");
	expect("status", "DRAFT");
	snprintf(path, sizeof(path), "/v3/events/%s", at("event_id"));
	call(400, "POST", "/v3/events/default?name=Fair", NULL);
	call(204, "PATCH", path, "{'title':'The fair'}");
	call(200, "GET", path, NULL);
	expect("title", "The fair");
	expect("name", "Fair");
	snprintf(copy, sizeof(copy), "%s/copy", path);
	call(200, "POST", copy, "{'target_event_name':'Fair 2'}");
	expect("title", "The fair");
	call(207, "POST", copy,
	     "{'target_event_name':'Fair 3','source_campaign_activities':['" NOBODY "']}");
	expect("failed_campaign_activities.0", NOBODY);
	call(400, "POST", copy, "{'target_event_name':'Fair 3'}");
	call(200, "GET", DRAFT_EVENT, NULL);
}

static void events_are_listed_with_cursors_to_and_fro(void **state)
{
	call(200, "GET", "/v3/events?limit=1&sort_by=name&sort_order=DESC", NULL);
	expect("records.0.name", "Reunion");
	expect("total_records", "2");
	expect("prev_cursor", "-");
	char path[300];
	snprintf(path, sizeof(path), "/v3/events?next=%s", at("next_cursor"));
	call(200, "GET", path, NULL);
	expect("records.0.name", "Open house");
	expect("records.0.event_registration_summary_metrics.registration_count", "3");
	expect("next_cursor", "-");
	snprintf(path, sizeof(path), "%s", at("_links.prev.href"));
	call(200, "GET", path, NULL);
	expect("records.0.name", "Reunion");
	call(400, "GET", "/v3/events?next=x&prev=y", NULL);
	call(200, "GET", "/v3/events?event_status=ACTIVE&search_text=press", NULL);
	expect("total_records", "1");
}

static void registrations_change_state_and_name_those_that_fail(void **state)
{
	call(200, "GET", TRACK "?payment_status=PENDING", NULL);
	expect("records.0.registration_id", GUEST "891");
	expect("total_records", "1");
	call(200, "PUT", TRACK "/payment_status",
	     "{'registration_ids':['" GUEST "890','" GUEST "891'],'payment_status':'Paid'}");
	assert_int_equal(api.answer.body.len, 0);
	call(200, "GET", TRACK "/" GUEST "891", NULL);
	expect("order_summary.payment_status", "PAID");
	expect("tickets.0.order_ticket_key", "a1b2c1");
	call(207, "PUT", TRACK,
	     "{'registration_ids':['" GUEST "891','" GUEST "893'],"
	     "'registration_status':'CANCELED'}");
	expect("failed_registration_ids.0", GUEST "893");
	expect("failed_registration_ids.1", "-");
	call(200, "GET", TRACK "?registration_status=CANCELED&sort_by=first_name", NULL);
	expect("total_records", "2");
	call(404, "GET", EVENT "/tracks/nope/registrations", NULL);
	call(404, "GET", TRACK "/" NOBODY, NULL);
}

static void tickets_are_checked_in_and_out(void **state)
{
	call(204, "POST", EVENT "/check_in/tickets", "{'order_ticket_keys':['a1b2c0','a1b2c2']}");
	call(200, "GET", TRACK "/" GUEST "890", NULL);
	expect("checkin_status", "CHECKED_IN");
	call(204, "POST", EVENT "/undo_check_in/tickets", "{'order_ticket_keys':['a1b2c0']}");
	call(200, "GET", TRACK "/" GUEST "890", NULL);
	expect("checkin_status", "NOT_CHECKED_IN");
	call(400, "POST", EVENT "/check_in/tickets", "{'order_ticket_keys':['a1b2c3']}");
	call(400, "POST", DRAFT_EVENT "/check_in/tickets", "{'order_ticket_keys':['a1b2c0']}");
}

/* ---- social posts, automations ---- */

static void posts_need_profiles_unless_they_are_drafts(void **state)
{
	call(200, "GET", "/v3/social/profiles?include=accessible", NULL);
	expect("0.accessible", "true");
	call(200, "GET", "/v3/social/connections", NULL);
	expect_some("connections.1.connection_status");
	call(200, "GET", "/v3/social/hashtags/groups", NULL);
	expect("page.total_pages", "2");
	auto_free char *next = mem_strdup(at("_links.next.href"));
	call(200, "GET", next, NULL);
	expect_some("hashtag_groups.1");
	expect("_links.next", "-");
	call(201, "POST", "/v3/social/posts",
	     "{'status':'DRAFT','profile_posts':[{'profiles':[],'text':'Hi'}]}");
	call(400, "POST", "/v3/social/posts",
	     "{'status':'SCHEDULED','profile_posts':[{'profiles':[],'text':'Hi'}]}");
	call(201, "POST", "/v3/social/posts",
	     "{'status':'SCHEDULED','profile_posts':[{'profiles':[{'profile_id':'profile-1'}],"
	     "'text':'Hi','settings':{'a':'true'}}]}");
	expect("profile_posts.0.profiles.0.campaign_activity_status", "PUBLISHED");
}

static void automations_are_documents_listed_with_209(void **state)
{
	char path[120];
	call(201, "POST", FLOW "?workflowName=Birthday", "{'type':'Action'}");
	expect("active_definition.trigger.trigger_def.type", "Action");
	snprintf(path, sizeof(path), FLOW "/%s", at("id"));
	call(200, "PUT", path, "{'automation_flow':{'name':'Birthdays','status':'DRAFT'}}");
	call(200, "GET", path, NULL);
	expect("name", "Birthdays");
	call(400, "PUT", path, "{'name':'Birthdays'}");
	call(209, "GET", FLOW "?sort_direction=ASC", NULL);
	expect("flow_summaries.0.name", "Welcome series");
	expect("flow_summaries.1.name", "Birthdays");
	call(209, "GET", FLOW "?name=Birthdays", NULL);
	expect("flow_summaries.1", "-");
}

/* ---- the partner ---- */

static void partners_need_a_key_and_may_leave_bearer_out(void **state)
{
	call(415, "GET", "/v3/partner/accounts", NULL);
	api.key = "k";
	api.token = "raw.jwt.token";
	call(200, "GET", "/v3/partner/accounts?limit=3", NULL);
	expect("site_owner_list.1.encoded_account_id", "a08e1izvh8t9");
	expect("_links.next", "null");
	for (int i = 0; i < 10; i++) {
		char body[200];
		snprintf(body, sizeof(body),
			 "{'contact_email':'a@example.com','country_code':'US',"
			 "'login_name':'user%d','state_code':'MA'}",
			 i);
		call(201, "POST", "/v3/partner/accounts", body);
		expect_some("provision_uuid");
		call(409, "POST", "/v3/partner/accounts", body);
	}
	call(200, "GET", "/v3/partner/accounts?limit=10&account_type=managed", NULL);
	auto_free char *next = mem_strdup(at("_links.next.href"));
	call(200, "GET", next, NULL);
	expect_some("site_owner_list.0");
	expect("site_owner_list.1", "-");
}

static void a_clients_plan_and_users_are_kept(void **state)
{
	api.key = "k";
	call(200, "PUT", CLIENT "/plan", "{'plan_type':'GOLD','billing_day_of_month':3}");
	call(400, "PUT", CLIENT "/plan", "{'plan_type':'TRIAL'}");
	call(200, "GET", CLIENT "/plan", NULL);
	expect("plan_type", "GOLD");
	expect("billing_day_of_month", "3");
	const char *user = "{'contact_email':'a@example.com','external_id':'1',"
			   "'external_provider':'X','first_name':'A','last_name':'B',"
			   "'login_name':'ab','role_name':'campaign_creator'}";
	call(201, "POST", CLIENT "/users/sso", user);
	assert_int_equal(api.answer.body.len, 0);
	call(409, "POST", CLIENT "/users/sso", user);
	call(200, "PUT", CLIENT "/status/cancel", "{'reason_id':1}");
	expect_some("effective_date");
	call(404, "GET", "/v3/partner/accounts/nobody/plan", NULL);
}

static void a_request_on_behalf_of_a_client_acts(void **state)
{
	api.key = "k";
	call(201, "POST", CLIENT "/account_operations/sync",
	     "{'account_operation_method':'POST','account_operation_url':'/contact_tags',"
	     "'account_operation_payload':'{\\'name\\':\\'proxied\\'}'}");
	expect("name", "proxied");
	call(200, "POST", CLIENT "/account_operations/sync",
	     "{'account_operation_method':'GET','account_operation_url':'/contacts/{contact_id}',"
	     "'account_operation_path_parameters':[{'path_param_key':'contact_id',"
	     "'path_param_value':'" ADA "'}],'account_operation_query_parameters':["
	     "{'query_param_key':'include','query_param_value':'taggings'}]}");
	expect("taggings.0", HOT);
	call(404, "POST", CLIENT "/account_operations/sync",
	     "{'account_operation_method':'GET','account_operation_url':'/contacts/" NOBODY "'}");
	call(200, "GET", "/_sandbox/counts", NULL);
	const json_t *paths = json_object_get(api.json, "paths");
	const json_t *sums =
		json_object_get(paths, "POST /v3/partner/accounts/{}/account_operations/sync");
	assert_int_equal(json_integer_value(json_object_get(sums, "requests")), 3);
	assert_int_equal(json_integer_value(json_object_get(sums, "changed")), 1);
}

static void contacts_are_unsubscribed_once(void **state)
{
	const char *body = "{'email_addresses':['ada@example.com','none@example.com'],"
			   "'update_source':'Account'}";
	api.key = "k";
	call(200, "POST", CLIENT "/contacts/unsubscribe", body);
	expect("unsubscribed_count", "1");
	call(200, "POST", CLIENT "/contacts/unsubscribe", body);
	expect("unsubscribed_count", "0");
	call(400, "POST", CLIENT "/contacts/unsubscribe",
	     "{'update_source':'Account','global_unsubscribe':true,"
	     "'email_addresses':['ada@example.com','ben@example.com']}");
}

static void subscriptions_are_set_tested_and_deleted(void **state)
{
	api.key = "k";
	call(200, "GET", HOOKS, NULL);
	expect("1.topic_id", "2");
	call(404, "GET", HOOKS "/3", NULL);
	call(200, "PUT", HOOKS "/3", "{'hook_uri':'https://example.com/h'}");
	call(400, "PUT", HOOKS "/3", "{'hook_uri':'http://example.com/h'}");
	call(200, "GET", HOOKS "/3", NULL);
	expect("topic_name", "Account Cancellation");
	call(201, "POST", HOOKS "/3/tests", NULL);
	call(204, "DELETE", HOOKS "/3", NULL);
	call(404, "DELETE", HOOKS "/3", NULL);
	call(200, "GET", "/_sandbox/state", NULL);
	expect("webhook_tests", "1");
}

#define T(f) cmocka_unit_test_setup_teardown(f, api_start, api_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_account_is_changed_in_part_and_its_address_as_a_whole),
		T(addresses_are_added_unconfirmed_and_listed_by_one_filter),
		T(an_event_is_made_by_its_query_changed_and_copied),
		T(events_are_listed_with_cursors_to_and_fro),
		T(registrations_change_state_and_name_those_that_fail),
		T(tickets_are_checked_in_and_out),
		T(posts_need_profiles_unless_they_are_drafts),
		T(automations_are_documents_listed_with_209),
		T(partners_need_a_key_and_may_leave_bearer_out),
		T(a_clients_plan_and_users_are_kept),
		T(a_request_on_behalf_of_a_client_acts),
		T(contacts_are_unsubscribed_once),
		T(subscriptions_are_set_tested_and_deleted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
