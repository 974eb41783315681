/*
 * The end of conversations on platforms that tell of none: a rule of its own, PLATFORM.idle, gathers what is said
 * in a conversation until nothing was said for a while, and emits conversation.ended. A window costs no memory.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/base/timefmt.h"
#include "engine/rule/compile.h"

static const char form[] =
	"api: pawl/1\n"
	"rule: %s.idle\n"
	"about: tells that conversations of %s have ended when nothing was said for %s\n"
	"when:\n"
	"  - {conversation: message.*%s}\n"
	"  - {conversation: conversation.*%s}\n"
	"if: event.type ~= 'conversation.ended'%s\n"
	"collect: {key: =event.subject, for: 3650d, quiet: %s, max: 10000}\n"
	"do:\n"
	"  - if: '#events >= 10000'\n" /* the window is full, and the conversation goes on */
	"    do: [{stop: it goes on}]\n"
	"  - emit: conversation.ended\n"
	"    data: '={source = event.source, subject = event.subject, item = {platform = data.platform, "
	"account = data.account, conversation = data.conversation, participant = {role = \"bot\"}, "
	"outcome = {code = \"idle\"}}}'\n";

/* What comes as `native` may be of any platform: of those that have an entry of their own it is theirs. */
static char *others(const struct rule_idle *all, const struct rule_idle *own)
{
	struct buf b = BUF_INIT;
	for (const struct rule_idle *i = all; i->platform && !strcmp(own->platform, "native"); i++)
		if (i != own)
			(void)buf_printf(&b, " and data.platform ~= '%s'", i->platform);
	return buf_take(&b);
}

struct plan *idle_compile(const struct rule_env *env, const struct rule_idle *i, struct findings *f)
{
	char span[TIME_TEXT_LEN];
	const char *name = i->platform;
	bool native = strcmp(name, "native") == 0;
	auto_free char *platform = native ? mem_strdup("") : mem_printf(", platform: %s", name);
	auto_free char *not_theirs = others(env->idle, i);
	(void)duration_format(i->ms, span);
	auto_free char *text = mem_printf(form, name, name, span, platform, platform,
					  not_theirs ? not_theirs : "", span);
	return compile_own(env, "pawl.yaml", text, f);
}
