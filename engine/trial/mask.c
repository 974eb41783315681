/* Masks personal data: a first pass learns what is personal, a second one replaces it wherever it stands. */
#include "engine/trial/mask.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/json.h"

#define PHONE_DIGITS 7
#define TEXT_MIN 2 /* shorter ones stand inside too many other words */

struct mask {
	json_t *known; /* {what was there: what stands for it} */
	unsigned n;
};

static const char *const fields[] = {
	"first_name",   "last_name",     "middle_name", "full_name",
	"display_name", "nickname",      "company",     "company_name",
	"organization", "job_title",     "street",      "street2",
	"street_line1", "street_line2",  "city",        "postal_code",
	"zip",          "zip_code",      "birthday",    "birthday_month",
	"birthday_day", "anniversary",   "phone",       "phone_number",
	"email",        "email_address", "ip",          "ip_address",
	"username",     "handle",        NULL};

static bool is_field(const char *key)
{
	for (size_t i = 0; key && fields[i]; i++)
		if (strcasecmp(fields[i], key) == 0)
			return true;
	return false;
}

/* ---- addresses and numbers inside a text ---- */

static bool is_local(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("._%+-", c));
}

static bool is_host(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '.';
}

/* The e-mail address around this '@': its length, 0 when there is none; *ret_from its beginning. */
static size_t email_at(const char *text, const char *at, const char **ret_from)
{
	const char *from = at, *to = at + 1;
	while (from > text && is_local(from[-1]))
		from--;
	while (is_host(*to))
		to++;
	while (to > at + 1 && !isalnum((unsigned char)to[-1]))
		to--;
	*ret_from = from;
	return from < at && memchr(at, '.', (size_t)(to - at)) ? (size_t)(to - from) : 0;
}

/* A phone number in its international form. */
static size_t phone_at(const char *text)
{
	size_t len = 1, digits = 0;
	while (isdigit((unsigned char)text[len]) || (text[len] && strchr(" -().", text[len])))
		digits += isdigit((unsigned char)text[len++]) != 0;
	while (len > 1 && !isdigit((unsigned char)text[len - 1]))
		len--;
	return digits >= PHONE_DIGITS ? len : 0;
}

/* ---- what stands for it ---- */

/* "Ada Lovelace" is "Name3", "ZÜRICH" "NAME3": case may matter to a rule. */
static char *name_like(const char *text, unsigned n)
{
	bool any_lower = false, any_upper = false;
	for (const char *c = text; *c; c++) {
		any_lower |= islower((unsigned char)*c) != 0;
		any_upper |= isupper((unsigned char)*c) != 0;
	}
	return mem_printf("%s%u", !any_upper ? "name" : any_lower ? "Name" : "NAME", n);
}

static char *number_like(const char *text, unsigned n)
{
	char *out = mem_strdup(text), *c = out + strlen(out);
	for (unsigned left = n; c-- > out;)
		if (isdigit((unsigned char)*c)) {
			*c = (char)('0' + left % 10);
			left /= 10;
		}
	return out;
}

static bool is_number(const char *text)
{
	bool any = false;
	for (; *text; text++) {
		any |= isdigit((unsigned char)*text) != 0;
		if (isalpha((unsigned char)*text) || *text & 0x80)
			return false;
	}
	return any;
}

static void learn(struct mask *m, const char *text, size_t len,
		  char *(*make)(const char *, unsigned))
{
	auto_free char *key = mem_strndup(text, len);
	if (len < TEXT_MIN || json_object_get(m->known, key))
		return;
	auto_free char *other = make(key, ++m->n);
	json_object_set_new(m->known, key, json_string(other));
}

static char *email_like(const char *text, unsigned n)
{
	(void)text;
	return mem_printf("person%u@example.com", n);
}

/* One that differs in its letters' case alone is the same address. */
static void learn_email(struct mask *m, const char *text, size_t len)
{
	auto_free char *lower = mem_strndup(text, len), *key = mem_strndup(text, len);
	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	learn(m, lower, len, email_like);
	json_object_set(m->known, key, json_object_get(m->known, lower));
}

static void learn_inside(struct mask *m, const char *text)
{
	for (const char *c = text; *c; c++) {
		const char *from = c;
		size_t len = *c == '@' ? email_at(text, c, &from) : *c == '+' ? phone_at(c) : 0;
		if (len && *c == '@')
			learn_email(m, from, len);
		else if (len)
			learn(m, from, len, number_like);
	}
}

static void learn_all(struct mask *m, const char *key, const json_t *v)
{
	const char *k;
	json_t *x;
	size_t i;
	if (json_is_object(v)) {
		json_object_foreach ((json_t *)v, k, x)
			learn_all(m, k, x);
	} else if (json_is_array(v)) {
		json_array_foreach ((json_t *)v, i, x)
			learn_all(m, key, x);
	} else if (json_is_string(v)) {
		const char *text = json_string_value(v);
		learn_inside(m, text);
		if (is_field(key) && !strchr(text, '@'))
			learn(m, text, strlen(text), is_number(text) ? number_like : name_like);
	}
}

/* ---- replacing ---- */

/* The longest known text that begins here, as a word of its own. */
static const char *known_at(const struct mask *m, const char *text, bool in_word, size_t *ret_len)
{
	const char *key, *found = NULL;
	json_t *other;
	*ret_len = 0;
	json_object_foreach (m->known, key, other) {
		size_t len = strlen(key);
		bool word = !in_word && !isalnum((unsigned char)text[len]);
		if (len > *ret_len && word && strncmp(text, key, len) == 0) {
			*ret_len = len;
			found = json_string_value(other);
		}
	}
	return found;
}

static json_t *replaced(const struct mask *m, const char *text)
{
	struct buf b = BUF_INIT;
	for (const char *c = text; *c;) {
		size_t len;
		bool in_word = c > text && isalnum((unsigned char)c[-1]);
		const char *other = known_at(m, c, in_word, &len);
		if (other)
			(void)buf_puts(&b, other);
		else
			(void)buf_putc(&b, *c);
		c += other ? len : 1;
	}
	json_t *v = json_string(buf_str(&b));
	buf_done(&b);
	return v;
}

static json_t *masked(const struct mask *m, const json_t *v)
{
	const char *key;
	json_t *x, *out;
	size_t i;
	if (json_is_string(v))
		return replaced(m, json_string_value(v));
	if (json_is_array(v)) {
		out = json_array();
		json_array_foreach ((json_t *)v, i, x)
			json_array_append_new(out, masked(m, x));
		return out;
	}
	if (!json_is_object(v))
		return json_incref((json_t *)v);
	out = json_object();
	json_object_foreach ((json_t *)v, key, x)
		json_object_set_new(out, key, masked(m, x));
	return out;
}

void mask_personal(json_t *v)
{
	struct mask m = {.known = json_object()};
	const char *key;
	json_t *x;
	void *next;
	learn_all(&m, NULL, v);
	json_object_foreach_safe (v, next, key, x)
		json_object_set_new(v, key, masked(&m, x));
	json_decref(m.known);
}
