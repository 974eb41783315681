/* The sandbox's letters: campaigns, schedules, resends, tests, segments, and the reports on them. */
#include "tests/unit/serve/sandbox_api.h"

#define SPRING "ca000001-48ef-433a-b836-7ca4f9aa3481"
#define SUMMER "ca000002-48ef-433a-b836-7ca4f9aa3481"
#define AUTUMN "ca000003-48ef-433a-b836-7ca4f9aa3481"
#define SENT "ac000001-957a-48b5-bc45-3edf7fd5a2d1"
#define DRAFT "ac000002-957a-48b5-bc45-3edf7fd5a2d1"
#define SCHEDULED "ac000003-957a-48b5-bc45-3edf7fd5a2d1"
#define TESTED "ac000004-957a-48b5-bc45-3edf7fd5a2d1"
#define PAGE "1a000001-957a-48b5-bc45-3edf7fd5a2d1"
#define ACT "/v3/emails/activities/"
#define REPORT "/v3/reports/email_reports/" SENT "/"
#define DETAILS "/v3/reports/landing_pages/campaign_details/" PAGE "/"
#define SENDER                                                                                     \
	"'from_name':'W','from_email':'letters@example.com','reply_to_email':'owner@example.com'"
#define LETTER                                                                                     \
	"{'format_type':5," SENDER ",'subject':'Hi',"                                              \
	"'html_content':'<html><body>[[trackingImage]]Hi</body></html>'}"
#define CAMPAIGN "{'name':'News','email_campaign_activities':[" LETTER "]}"
#define DAY_MS 86400000

/* ---- campaigns ---- */

static void a_campaign_is_made_with_its_two_activities(void **state)
{
	char path[100];
	call(200, "POST", "/v3/emails", CAMPAIGN);
	expect("current_status", "Draft");
	expect("campaign_activities.0.role", "primary_email");
	expect("campaign_activities.1.role", "permalink");
	snprintf(path, sizeof(path), "/v3/emails/%s", at("campaign_id"));
	call(409, "POST", "/v3/emails", CAMPAIGN);
	call(200, "PATCH", path, "{'name':'Later news'}");
	expect("name", "Later news");
	call(409, "PATCH", path, "{'name':'Spring letter'}");
	call(204, "DELETE", path, NULL);
	call(200, "GET", path, NULL);
	expect("current_status", "Removed");
	call(400, "DELETE", "/v3/emails/" AUTUMN, NULL);
	call(404, "GET", "/v3/emails/" NOBODY, NULL);
}

static void a_letter_needs_a_tracking_image_and_a_confirmed_sender(void **state)
{
	call(400, "POST", "/v3/emails",
	     "{'name':'X','email_campaign_activities':[{'format_type':5," SENDER
	     ",'subject':'Hi','html_content':'<html></html>'}]}");
	call(400, "POST", "/v3/emails",
	     "{'name':'X','email_campaign_activities':[{'format_type':5,'from_name':'W',"
	     "'from_email':'new@example.com','reply_to_email':'owner@example.com',"
	     "'subject':'Hi','html_content':'[[trackingImage]]'}]}");
	call(204, "POST", "/_sandbox/confirm_email", "{'email_address':'new@example.com'}");
	call(200, "POST", "/v3/emails",
	     "{'name':'X','email_campaign_activities':[{'format_type':5,'from_name':'W',"
	     "'from_email':'new@example.com','reply_to_email':'owner@example.com',"
	     "'subject':'Hi','html_content':'[[trackingImage]]'}]}");
}

static void campaigns_are_listed_in_pages_and_found_by_old_ids(void **state)
{
	call(200, "GET", "/v3/emails?limit=3", NULL);
	expect("campaigns.0.name", "Winter letter");
	expect("campaigns.3", "-");
	auto_free char *next = mem_strdup(at("_links.next.href"));
	call(200, "GET", next, NULL);
	expect("campaigns.0.name", "Spring letter");
	expect("_links", "-");
	call(200, "GET", "/v3/emails/campaign_id_xrefs?v2_email_campaign_ids=1,99", NULL);
	expect("xrefs.0.campaign_id", SPRING);
	expect("xrefs.0.campaign_activity_id", SENT);
	expect("xrefs.1", "-");
}

static void an_activity_is_overwritten_but_for_its_subresources(void **state)
{
	call(200, "GET", ACT DRAFT, NULL);
	expect("html_content", "-");
	expect("preheader", "News from the press");
	call(200, "PUT", ACT DRAFT,
	     "{" SENDER ",'subject':'New','contact_list_ids':['" LEADS "']}");
	expect("preheader", "-");
	call(200, "GET", ACT DRAFT "?include=html_content,permalink_url", NULL);
	expect("subject", "New");
	expect("contact_list_ids.0", LEADS);
	expect_some("html_content");
	expect_some("permalink_url");
	call(400, "PUT", ACT DRAFT,
	     "{" SENDER ",'subject':'New','contact_list_ids':['" LEADS "'],'segment_ids':[15]}");
	call(400, "PUT", ACT SCHEDULED, "{" SENDER ",'subject':'New'}");
	call(200, "GET", ACT DRAFT "/previews", NULL);
	assert_null(strstr(at("preview_html_content"), "trackingImage"));
	call(204, "POST", ACT DRAFT "/tests", "{'email_addresses':['a@example.com']}");
	call(400, "POST", ACT DRAFT "/tests", "{'email_addresses':[1,2,3,4,5,6]}");
}

/* ---- sending ---- */

static void a_letter_sent_now_reaches_the_active_members(void **state)
{
	call(201, "POST", ACT DRAFT "/schedules", "{'scheduled_date':'0'}");
	expect("0", "-");
	call(400, "POST", ACT DRAFT "/schedules", "{'scheduled_date':'0'}");
	call(200, "GET", "/v3/emails/" SUMMER, NULL);
	expect("current_status", "Executing");
	call(200, "GET", ACT DRAFT "/send_history", NULL);
	expect("0", "-");
	wait_ms(3000);
	call(200, "GET", ACT DRAFT, NULL);
	expect("current_status", "DONE");
	call(200, "GET", ACT DRAFT "/send_history", NULL);
	expect("0.send_status", "COMPLETED");
	expect("0.count", "5");
	call(200, "GET", "/v3/reports/email_reports/" DRAFT "/tracking/sends", NULL);
	expect_some("tracking_activities.4");
	expect("tracking_activities.5", "-");
}

static void a_scheduled_letter_leaves_at_its_time_unless_it_is_called_back(void **state)
{
	call(200, "GET", ACT SCHEDULED "/schedules", NULL);
	expect_some("0.scheduled_date");
	call(204, "DELETE", ACT SCHEDULED "/schedules", NULL);
	call(400, "DELETE", ACT SCHEDULED "/schedules", NULL);
	wait_ms(40LL * DAY_MS);
	call(200, "GET", ACT SCHEDULED "/send_history", NULL);
	expect("0", "-");
	call(400, "POST", ACT SCHEDULED "/schedules", "{'scheduled_date':'2020-01-01'}");
	call(201, "POST", ACT SCHEDULED "/schedules", "{'scheduled_date':'2024-02-01T10:00:00Z'}");
	expect("0.scheduled_date", "2024-02-01T10:00:00.000Z");
	wait_ms(60LL * DAY_MS);
	call(200, "GET", ACT SCHEDULED "/send_history", NULL);
	expect("0.run_date", "2024-02-01T10:00:03.000Z");
}

static void a_resend_goes_to_those_who_did_not_open(void **state)
{
	call(200, "GET", ACT SCHEDULED "/non_opener_resends", NULL);
	expect("0.resend_request_id", "DRAFT");
	call(409, "POST", ACT SCHEDULED "/non_opener_resends",
	     "{'resend_subject':'Again','delay_days':2}");
	call(201, "POST", ACT DRAFT "/non_opener_resends",
	     "{'resend_subject':'Again','delay_minutes':720}");
	call(201, "POST", ACT DRAFT "/schedules", "{'scheduled_date':'0'}");
	wait_ms(3000);
	call(204, "POST", "/_sandbox/track",
	     "{'type':'em_opens','address':'ada@example.com','campaign_activity_id':'" DRAFT "'}");
	call(200, "GET", ACT DRAFT "/non_opener_resends", NULL);
	expect("0.resend_request_id", "389093");
	wait_ms(720 * 60000);
	call(200, "GET", ACT DRAFT "/send_history", NULL);
	expect("0.count", "5");
	expect("1.count", "4");
	call(409, "DELETE", ACT DRAFT "/non_opener_resends/389093", NULL);
	call(204, "DELETE", ACT SCHEDULED "/non_opener_resends/DRAFT", NULL);
	call(404, "DELETE", ACT SCHEDULED "/non_opener_resends/DRAFT", NULL);
}

static void an_ab_test_stands_once_on_a_draft(void **state)
{
	call(200, "GET", ACT TESTED "/abtest", NULL);
	expect("test_size", "30");
	call(409, "POST", ACT TESTED "/abtest",
	     "{'alternative_subject':'B','test_size':10,'winner_wait_duration':6}");
	call(204, "DELETE", ACT TESTED "/abtest", NULL);
	call(404, "GET", ACT TESTED "/abtest", NULL);
	call(400, "POST", ACT TESTED "/abtest",
	     "{'alternative_subject':'B','test_size':10,'winner_wait_duration':7}");
	call(201, "POST", ACT TESTED "/abtest",
	     "{'alternative_subject':'B','test_size':10,'winner_wait_duration':6}");
	call(400, "POST", ACT SENT "/abtest",
	     "{'alternative_subject':'B','test_size':10,'winner_wait_duration':6}");
}

/* ---- reports ---- */

static void a_letters_reports_list_what_contacts_did(void **state)
{
	call(200, "GET", REPORT "tracking/opens", NULL);
	expect("tracking_activities.0.email_address", "ada@example.com");
	expect_some("tracking_activities.3");
	call(200, "GET", REPORT "tracking/unique_opens?limit=2", NULL);
	auto_free char *next = mem_strdup(at("_links.next.href"));
	call(200, "GET", next, NULL);
	expect("tracking_activities.0.first_name", "Grace");
	expect("tracking_activities.1", "-");
	call(200, "GET", REPORT "tracking/didnotopens", NULL);
	expect("tracking_activities.0.tracking_activity_type", "em_didnotopens");
	expect("tracking_activities.3", "-");
	call(200, "GET", REPORT "tracking/clicks?url_id=1100407204171", NULL);
	expect_some("tracking_activities.1");
	call(200, "GET", REPORT "tracking/clicks?url_id=1", NULL);
	expect("tracking_activities", "[]");
	call(200, "GET", REPORT "tracking/forwards", NULL);
	expect_some("tracking_activities.0");
	call(200, "GET", REPORT "tracking/optouts", NULL);
	expect("tracking_activities.0.opt_out_reason", "Too many letters");
	call(200, "GET", REPORT "tracking/sends", NULL);
	expect_some("tracking_activities.5");
	call(200, "GET", REPORT "tracking/bounces?bounce_code=B&bounce_code=F", NULL);
	expect("tracking_activities.0.bounce_code", "F");
	call(400, "GET", REPORT "tracking/bounces?bounce_code=B,F", NULL);
	call(200, "GET", REPORT "links", NULL);
	expect("link_click_counts.0.unique_clicks", "2");
	expect("link_click_counts.1", "-");
	call(200, "GET", REPORT "links?no_clicks=true", NULL);
	expect("link_click_counts.1.unique_clicks", "0");
	call(404, "GET", "/v3/reports/email_reports/" NOBODY "/tracking/sends", NULL);
}

static void statistics_name_unknown_ids_and_refuse_malformed_ones(void **state)
{
	call(200, "GET", "/v3/reports/stats/email_campaigns/" SPRING "," NOBODY "," SUMMER, NULL);
	expect("results.0.stats.em_sends", "6");
	expect("results.0.stats.em_opens", "3");
	expect("results.0.stats.em_opens_all_mobile", "2");
	expect("results.1.campaign_id", SUMMER);
	expect_some("errors.0.error_key");
	expect("errors.1", "-");
	call(404, "GET", "/v3/reports/stats/email_campaigns/" SPRING ",nonsense", NULL);
	call(200, "GET", "/v3/reports/stats/email_campaign_activities/" SENT "%2C" NOBODY, NULL);
	expect("results.0.stats.em_bounces_mailbox_full", "1");
	expect_some("errors.0");
	call(200, "GET", "/v3/reports/summary_reports/email_campaign_summaries", NULL);
	expect("bulk_email_campaign_summaries.0.campaign_id", SPRING);
	expect("bulk_email_campaign_summaries.1", "-");
	expect("aggregate_percents.open", "50");
	call(400, "GET", "/v3/reports/summary_reports/sms_campaign_summaries", NULL);
	call(200, "GET", "/v3/reports/summary_reports/sms_campaign_summaries?start_at=2023-01-01",
	     NULL);
	expect("bulk_sms_campaign_summaries.0.campaign_name", "Spring sale");
}

static void a_contacts_reports_count_its_letters(void **state)
{
	const char *range = "start=2023-01-01T00:00:00-0500&end=2024-01-01T00%3A00%3A00%2B0000";
	char path[300];
	const char *base = "/v3/reports/contact_reports/" ADA;
	snprintf(path, sizeof(path), "%s/activity_summary?%s", base, range);
	call(200, "GET", path, NULL);
	expect("campaign_activities.0.em_opens", "2");
	expect("campaign_activities.0.em_clicks", "1");
	snprintf(path, sizeof(path), "%s/open_and_click_rates?%s", base, range);
	call(200, "GET", path, NULL);
	expect("average_open_rate", "1");
	snprintf(path, sizeof(path), "%s/open_and_click_rates", base);
	call(400, "GET", path, NULL);
	snprintf(path, sizeof(path), "%s/activity_details", base);
	call(400, "GET", path, NULL);
	snprintf(path, sizeof(path),
		 "%s/activity_details?tracking_activities_list=em_opens,p_contact_open"
		 "&include_campaign_activity_names=true",
		 base);
	call(200, "GET", path, NULL);
	expect("tracking_activities.3.campaign_activity_name", "Spring letter");
	expect("tracking_activities.4", "-");
	snprintf(path, sizeof(path), "%s/activity_details?tracking_activity_type=em_sends", base);
	call(200, "GET", path, NULL);
	expect_some("tracking_activities.0");
}

static void a_landing_pages_reports_can_be_filtered(void **state)
{
	call(200, "GET", DETAILS "p_contact_opens", NULL);
	expect_some("tracking_activities.2");
	expect("_links.next", "null");
	call(200, "GET", DETAILS "p_unique_contact_opens", NULL);
	expect("tracking_activities.2", "-");
	call(200, "GET", DETAILS "p_unique_contact_opens?contacts_filter=carl", NULL);
	expect("tracking_activities.0.first_name", "Carla");
	expect("tracking_activities.1", "-");
	call(200, "GET", DETAILS "p_unique_contact_clicks", NULL);
	expect("tracking_activities.0.tracking_activity_type", "p_contact_click");
	call(200, "GET", DETAILS "p_unique_contact_adds", NULL);
	expect_some("tracking_activities.0");
	call(200, "GET", DETAILS "p_unique_contact_updates", NULL);
	expect_some("tracking_activities.0");
	call(200, "GET", DETAILS "p_unique_contact_sms_optins", NULL);
	expect_some("tracking_activities.0");
}

/* ---- segments ---- */

#define CRITERIA(tag)                                                                              \
	"'segment_criteria':'{\\'version\\':\\'1.0.0\\',\\'criteria\\':{\\'type\\':\\'and\\',"     \
	"\\'group\\':[{\\'source\\':\\'tags\\',\\'field\\':\\'tag_id\\',\\'op\\':\\'eq\\',"        \
	"\\'const_value\\':\\'" tag "\\'}]}}'"

static void a_segment_has_members_by_its_criteria(void **state)
{
	char path[100];
	call(201, "POST", "/v3/segments", "{'name':'Hot'," CRITERIA(HOT) "}");
	snprintf(path, sizeof(path), "/v3/contacts?segment_id=%s", at("segment_id"));
	call(202, "GET", path, NULL);
	wait_ms(3000);
	call(200, "GET", path, NULL);
	expect("contacts.0.contact_id", ADA);
	expect("contacts.1.first_name", "Grace");
	expect("contacts.2", "-");
	call(409, "POST", "/v3/segments", "{'name':'Hot'," CRITERIA(HOT) "}");
	call(400, "POST", "/v3/segments", "{'name':'Bad','segment_criteria':'{}'}");
	call(201, "POST", "/v3/activities/add_list_memberships",
	     "{'source':{'segment_id':14},'list_ids':['" CUSTOMERS "']}");
}

static void segments_are_read_renamed_and_deleted(void **state)
{
	call(200, "GET", "/v3/segments?sort_by=name", NULL);
	expect("segments.0.name", "Leads");
	expect("segments.1.segment_id", "14");
	expect("_links.next", "null");
	call(200, "GET", "/v3/segments/14", NULL);
	assert_non_null(strstr(at("segment_criteria"), "last-n-campaigns"));
	call(200, "PATCH", "/v3/segments/14/name", "{'name':'Sleepers'}");
	expect("name", "Sleepers");
	call(400, "PUT", "/v3/segments/14", "{'name':'Sleepers'}");
	call(200, "PUT", "/v3/segments/14", "{'name':'Hot'," CRITERIA(HOT) "}");
	call(204, "DELETE", "/v3/segments/14", NULL);
	call(200, "GET", "/v3/segments/14", NULL);
	call(404, "PATCH", "/v3/segments/14/name", "{'name':'Back'}");
	call(200, "GET", "/v3/segments", NULL);
	expect("segments.1", "-");
	call(404, "GET", "/v3/contacts?segment_id=14", NULL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, api_start, api_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_campaign_is_made_with_its_two_activities),
		T(a_letter_needs_a_tracking_image_and_a_confirmed_sender),
		T(campaigns_are_listed_in_pages_and_found_by_old_ids),
		T(an_activity_is_overwritten_but_for_its_subresources),
		T(a_letter_sent_now_reaches_the_active_members),
		T(a_scheduled_letter_leaves_at_its_time_unless_it_is_called_back),
		T(a_resend_goes_to_those_who_did_not_open),
		T(an_ab_test_stands_once_on_a_draft),
		T(a_letters_reports_list_what_contacts_did),
		T(statistics_name_unknown_ids_and_refuse_malformed_ones),
		T(a_contacts_reports_count_its_letters),
		T(a_landing_pages_reports_can_be_filtered),
		T(a_segment_has_members_by_its_criteria),
		T(segments_are_read_renamed_and_deleted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
