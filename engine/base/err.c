/* Error codes: the rows of ERR_MAP as look-ups, and the making of messages. */
#include "engine/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *text;
	enum err_class class;
} rows[ERR_COUNT] = {[ERR_OK] = {"ok", "ok", ERR_PERMANENT},
#define X(code, cls, nm, txt) [ERR_##code##_] = {nm, txt, ERR_##cls},
		     ERR_MAP(X)
#undef X
};

/* The row of a returned code, or -1. Written so that INT_MIN is not negated. */
static int row_of(int code)
{
	return code <= 0 && code > -ERR_COUNT ? -code : -1;
}

const char *err_name(int code)
{
	int i = row_of(code);
	return i < 0 ? "unknown" : rows[i].name;
}

const char *err_text(int code)
{
	int i = row_of(code);
	return i < 0 ? "unknown error" : rows[i].text;
}

enum err_class err_class(int code)
{
	int i = row_of(code);
	return i < 0 ? ERR_PERMANENT : rows[i].class;
}

int err_by_name(const char *name)
{
	for (int i = 1; name && i < ERR_COUNT; i++)
		if (!strcmp(rows[i].name, name))
			return -i;
	return 0;
}

/*
 * Copies as much of text as fits. What is cut must not end within a UTF-8 character: it goes into
 * JSON, which refuses broken ones.
 */
static void put_text(struct errmsg *msg, const char *text)
{
	size_t len = strlen(text);
	if (len >= sizeof(msg->text)) {
		len = sizeof(msg->text) - 1;
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(msg->text, text, len);
	msg->text[len] = '\0';
}

int err_set(struct errmsg *msg, int code, const char *fmt, ...)
{
	if (!msg)
		return code;
	/* The arguments may point into msg itself, so the text is made aside. */
	char text[2 * sizeof(msg->text)];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put_text(msg, text);
	msg->code = code;
	return code;
}

int err_wrap(struct errmsg *msg, const char *fmt, ...)
{
	if (!msg)
		return 0;
	char context[sizeof(msg->text)], text[2 * sizeof(msg->text) + 2];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(context, sizeof(context), fmt, ap);
	va_end(ap);
	snprintf(text, sizeof(text), "%s: %s", context, msg->text);
	put_text(msg, text);
	return msg->code;
}
