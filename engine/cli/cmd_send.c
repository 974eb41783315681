/* pawl send: an event into a running service; --wait follows what it starts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/id.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/cli/cli.h"
#include "engine/cli/client.h"
#include "engine/cli/follow.h"
#include "engine/cli/params.h"
#include "engine/cli/print.h"
#include "engine/io/loop.h"
#include "engine/io/server.h"

#define WAIT_MS 60000
static const char webhook[] = "webhook:";

/* The kinds of conversation events. */
static const char *const conversation_kinds[] = {
	"conversation.started", "message.received",   "message.sent",       "intent.detected",
	"lead.captured",        "handoff.requested",  "handoff.completed",  "action.requested",
	"conversation.updated", "conversation.rated", "conversation.ended", "message.updated",
	"message.status",
};

static bool is_conversation(const char *kind)
{
	for (size_t i = 0; i < sizeof(conversation_kinds) / sizeof(*conversation_kinds); i++)
		if (!strcmp(conversation_kinds[i], kind))
			return true;
	return false;
}

/* --data and the words; NULL after a message. */
static json_t *data_of(const struct cli *c)
{
	struct errmsg msg;
	const char *text = cli_value(c, "data");
	json_t *data = text ? params_data(text, NULL, &msg) : json_object();
	int err = data ? 0 : -1;
	for (size_t i = 1; i < c->n_words && !err; i++)
		err = params_set(data, c->words[i], NULL, &msg);
	if (!err)
		return data;
	json_decref(data);
	(void)cli_wrong(c, "%s", msg.text);
	return NULL;
}

/* The text at a key of data; when there is none, def is put there. */
static const char *text_or(json_t *data, const char *key, const char *def)
{
	if (!json_object_get(data, key))
		json_object_set_new(data, key, json_string(def));
	const char *text = json_str(data, key);
	return text ? text : def;
}

/* What every conversation event has; the rest is the sender's. Gives its subject, malloc'd. */
static char *fill_conversation(json_t *data)
{
	const char *platform = text_or(data, "platform", "native");
	const char *account = text_or(data, "account", "cli");
	json_t *conversation = json_object_get(data, "conversation");
	if (!conversation) {
		conversation = json_object();
		json_object_set_new(data, "conversation", conversation);
	}
	const char *id = "cli";
	if (json_is_object(conversation)) {
		id = text_or(conversation, "id", "cli");
		(void)text_or(conversation, "channel", platform);
	}
	return mem_printf("%s:%s:%s", platform, account, id);
}

static json_t *cloud_event(const struct cli *c, const char *kind, json_t *data, bool conversation)
{
	char id[ID_TEXT_LEN], time[TIME_TEXT_LEN];
	auto_free char *subject = conversation ? fill_conversation(data) : NULL;
	auto_free char *source =
		conversation ? mem_printf("/conversations/%s/%s", json_str(data, "platform"),
					  json_str(data, "account"))
			     : mem_strdup("/cli");
	const char *given = cli_value(c, "id"), *about = cli_value(c, "subject");
	id_format(id_new(&clock_real, &rng_real), id);
	time_format(clock_real.wall_ms(&clock_real), time);
	json_t *e = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:O}", "specversion", "1.0", "id",
			      given ? given : id, "source", source, "type", kind, "time", time,
			      "datacontenttype", "application/json", "data", data);
	about = about ? about : subject;
	if (e && about)
		json_object_set_new(e, "subject", json_string(about));
	return e;
}

/* An event on its way: where to and as what. Freed by its maker. */
struct mail {
	char *path;
	json_t *body;
	const char *type;
};

static int prepare(const struct cli *c, json_t *data, struct mail *m)
{
	const char *kind = c->words[0];
	if (!strncmp(kind, webhook, sizeof(webhook) - 1)) {
		struct buf path = BUF_INIT;
		const char *name = kind + sizeof(webhook) - 1;
		if (cli_has(c, "subject") || cli_has(c, "id"))
			return cli_wrong(c, "a webhook has no --subject and no --id of ours");
		(void)buf_puts(&path, "/hooks/");
		(void)url_encode(&path, name, strlen(name), "/");
		*m = (struct mail){buf_take(&path), json_incref(data), "application/json"};
		return CLI_DONE;
	}
	bool conversation = is_conversation(kind);
	*m = (struct mail){
		.path = mem_strdup(conversation ? "/conversations/native" : "/events"),
		.body = cloud_event(c, kind, data, conversation),
		.type = "application/cloudevents+json",
	};
	return m->body ? CLI_DONE : cli_wrong(c, "platform and account must be texts");
}

/* A time-out on the loop's clock, or 0 with --timeout 0. */
static int wait_until(const struct cli *c, struct client *client, int64_t *ret)
{
	const char *text = cli_value(c, "timeout");
	int64_t ms = WAIT_MS;
	struct errmsg msg;
	if (text && duration_parse(text, &ms, &msg) != 0)
		return cli_wrong(c, "--timeout: %s", msg.text);
	*ret = loop_boot_ms(client_loop(client)) + ms;
	return CLI_DONE;
}

/* The ids of what was accepted: {id} of one, {ids} of several. */
static int told(const struct cli *c, struct client *client, int status, const json_t *answer)
{
	const char *id = json_str(answer, "id");
	if (!id)
		return cli_cannot(c, "what answers at %s is no pawl", client_url(client));
	if (status == 200)
		fprintf(stderr, "the service has this event already\n");
	if (cli_has(c, "json") && !cli_has(c, "wait"))
		return print_json(answer);
	struct buf b = BUF_INIT;
	(void)print_text(&b, id, 0);
	(void)buf_putc(&b, '\n');
	if (cli_has(c, "json")) { /* stdout is for the runs */
		buf_done(&b);
		return CLI_DONE;
	}
	return print_out(&b);
}

static int post(const struct cli *c, struct client *client, const struct mail *m)
{
	json_auto_t *answer = NULL;
	int64_t until = 0;
	int status, code = wait_until(c, client, &until);
	if (code != CLI_DONE)
		return code;
	code = client_send(client, m->path, m->type, m->body, &status, &answer);
	if (code == CLI_DONE)
		code = told(c, client, status, answer);
	if (code == CLI_DONE && cli_has(c, "wait"))
		code = follow_event(c, client, json_str(answer, "id"), until);
	return code;
}

static int run(struct cli *c)
{
	int code = CLI_USAGE;
	json_auto_t *data = data_of(c);
	struct mail m = {0};
	if (!data)
		return code;
	code = prepare(c, data, &m);
	struct client *client = code == CLI_DONE ? client_open(c, &code) : NULL;
	if (client)
		code = post(c, client, &m);
	client_free(client);
	json_decref(m.body);
	free(m.path);
	return code;
}

static const struct cli_option options[] = {
	{"data", 0, false, "JSON", "the event's data; @FILE reads a file, - standard input"},
	{"subject", 0, false, "S", "what it is about; a conversation's has its default"},
	{"id", 0, false, "ID",
	 "the sender's id: the same id again is the same event (default: a new one)"},
	{"wait", 0, false, NULL,
	 "follow the runs that it starts to their end and show their timelines; exit code 1 when one has "
	 "not completed"},
	{"timeout", 0, false, "T", "how long --wait waits (default: 60s)"},
	{0},
};

const struct command command_send = {
	.name = "send",
	.summary = "sends an event into a running service and prints its id",
	.usage = "KIND [KEY=VALUE…]",
	.about =
		"KIND is a kind of conversation event (lead.captured, message.received …), webhook:NAME for "
		"a hook of the configuration, or the type of any other event.\n\n"
		"KEY=VALUE sets a text in its data, KEY.SUB=VALUE nests, KEY:=JSON gives any other value, "
		"KEY=@FILE a file's text. They come over what --data gives.\n\n"
		"    pawl send lead.captured contact.email=ada@example.com contact.consent.status=granted "
		"--wait",
	.options = options,
	.words_min = 1,
	.words_max = CLI_WORDS_ANY,
	.run = run,
};
