/* The fields of a normalised conversation event: what a filter on one can ever match. */
#include <stdio.h>
#include <string.h>

#include "engine/base/suggest.h"
#include "engine/rule/compile.h"

const char *const conversation_kinds[] = {
	"conversation.started", "message.received",
	"message.sent",         "intent.detected",
	"lead.captured",        "handoff.requested",
	"handoff.completed",    "action.requested",
	"conversation.updated", "conversation.rated",
	"conversation.ended",   "message.updated",
	"message.status",       NULL,
};

static const char *const statuses[] = {"open", "pending", "snoozed", "closed", NULL};
static const char *const assignees[] = {"bot", "agent", "team", NULL};
static const char *const roles[] = {"customer", "bot", "agent", "system", NULL};
static const char *const formats[] = {"plain", "markdown", "html", NULL};
static const char *const deliveries[] = {"sent", "delivered", "read", "failed", NULL};
static const char *const consents[] = {"granted", "denied", "unknown", NULL};
static const char *const moods[] = {"negative", "neutral", "positive", NULL};

/* OPEN: an object whose keys the platform or the author chooses. */
static const struct field {
	const char *path;
	enum field_type type;
	const char *const *values;
} fields[] = {
	{"platform", FIELD_SCALAR},
	{"account", FIELD_SCALAR},
	{"conversation", FIELD_MAP},
	{"conversation.id", FIELD_SCALAR},
	{"conversation.channel", FIELD_SCALAR},
	{"conversation.status", FIELD_SCALAR, statuses},
	{"conversation.url", FIELD_SCALAR},
	{"conversation.assignee", FIELD_MAP},
	{"conversation.assignee.type", FIELD_SCALAR, assignees},
	{"conversation.assignee.id", FIELD_SCALAR},
	{"conversation.assignee.name", FIELD_SCALAR},
	{"conversation.labels", FIELD_LIST},
	{"conversation.attributes", FIELD_OPEN},
	{"participant", FIELD_MAP},
	{"participant.id", FIELD_SCALAR},
	{"participant.role", FIELD_SCALAR, roles},
	{"participant.name", FIELD_SCALAR},
	{"participant.email", FIELD_SCALAR},
	{"participant.phone", FIELD_SCALAR},
	{"participant.external_id", FIELD_SCALAR},
	{"locale", FIELD_SCALAR},
	{"message", FIELD_MAP},
	{"message.id", FIELD_SCALAR},
	{"message.text", FIELD_SCALAR},
	{"message.format", FIELD_SCALAR, formats},
	{"message.reply_to", FIELD_SCALAR},
	{"message.choice", FIELD_OPEN},
	{"message.choice.id", FIELD_SCALAR},
	{"message.choice.title", FIELD_SCALAR},
	{"message.attachments", FIELD_LIST},
	{"message.status", FIELD_SCALAR, deliveries},
	{"intent", FIELD_MAP},
	{"intent.name", FIELD_SCALAR},
	{"intent.confidence", FIELD_SCALAR},
	{"intent.alternatives", FIELD_LIST},
	{"entities", FIELD_LIST},
	{"slots", FIELD_OPEN},
	{"contact", FIELD_MAP},
	{"contact.email", FIELD_SCALAR},
	{"contact.phone", FIELD_SCALAR},
	{"contact.first_name", FIELD_SCALAR},
	{"contact.last_name", FIELD_SCALAR},
	{"contact.name", FIELD_SCALAR},
	{"contact.company", FIELD_SCALAR},
	{"contact.consent", FIELD_MAP},
	{"contact.consent.status", FIELD_SCALAR, consents},
	{"contact.consent.at", FIELD_SCALAR},
	{"contact.consent.text", FIELD_SCALAR},
	{"contact.custom", FIELD_OPEN},
	{"sentiment", FIELD_MAP},
	{"sentiment.score", FIELD_SCALAR},
	{"sentiment.magnitude", FIELD_SCALAR},
	{"sentiment.label", FIELD_SCALAR, moods},
	{"handoff", FIELD_MAP},
	{"handoff.to", FIELD_SCALAR},
	{"handoff.reason", FIELD_SCALAR},
	{"action", FIELD_MAP},
	{"action.call_id", FIELD_SCALAR},
	{"action.name", FIELD_SCALAR},
	{"action.arguments", FIELD_OPEN},
	{"outcome", FIELD_MAP},
	{"outcome.code", FIELD_SCALAR},
	{"outcome.rating", FIELD_SCALAR},
	{"outcome.remark", FIELD_SCALAR},
	{"transcript", FIELD_MAP},
	{"transcript.url", FIELD_SCALAR},
	{"transcript.ref", FIELD_SCALAR},
	{"changed", FIELD_LIST},
};
#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static const struct field *find(const char *path, size_t len)
{
	for (size_t i = 0; i < N_FIELDS; i++)
		if (strlen(fields[i].path) == len && !memcmp(fields[i].path, path, len))
			return &fields[i];
	return NULL;
}

/* The nearest whole path; a path without its first part ("email") finds the one that ends so. */
static const char *nearest(const char *path)
{
	const char *names[N_FIELDS];
	for (size_t i = 0; i < N_FIELDS; i++)
		names[i] = fields[i].path;
	const char *near = suggest(path, names, N_FIELDS);
	for (size_t i = 0; i < N_FIELDS && !near && !strchr(path, '.'); i++) {
		const char *dot = strrchr(names[i], '.');
		if (dot && !strcmp(dot + 1, path))
			near = names[i];
	}
	return near;
}

enum field_type conversation_field(const char *path, const char *const **ret_values, char *near,
				   size_t max)
{
	size_t len = strlen(path);
	const struct field *f = find(path, len);
	*ret_values = f ? f->values : NULL;
	near[0] = '\0';
	if (f)
		return f->type;
	/* Below an open object anything may be, and below a list's places too. */
	for (size_t i = len; i-- > 0;) {
		const struct field *above = path[i] == '.' ? find(path, i) : NULL;
		if (above && (above->type == FIELD_OPEN || above->type == FIELD_LIST))
			return FIELD_SCALAR;
	}
	const char *name = nearest(path);
	snprintf(near, max, "%s", name ? name : "");
	return FIELD_NONE;
}

const char *conversation_path_at(size_t i, const char *const **ret_values)
{
	for (size_t k = 0; k < N_FIELDS; k++)
		if (fields[k].type == FIELD_SCALAR && i-- == 0) {
			*ret_values = fields[k].values;
			return fields[k].path;
		}
	return NULL;
}
