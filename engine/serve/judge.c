/* Signature schemes, applied to a request. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/serve/media.h"
#include "engine/serve/scheme_private.h"

#define OFFERED_MAX 16

struct judging {
	const struct scheme *s;
	const struct server_req *r;
	const char *public_url;
	char *stamp;                /* its text; owned */
	const char *id;             /* or NULL */
	char *offered[OFFERED_MAX]; /* signatures, as texts; owned */
	size_t n_offered;
};

/* The header's one value. A header that came twice may have been added on the way: refused. */
static const char *only_header(const struct server_req *r, const char *name, struct errmsg *msg)
{
	size_t count;
	const char *value = server_req_header(r, name, &count);
	if (!value)
		(void)err_set(msg, ERR_AUTH, "the header %s is missing", name);
	else if (count > 1)
		(void)err_set(msg, ERR_AUTH, "the header %s came %zu times", name, count);
	return value && count == 1 ? value : NULL;
}

static char *trimmed(const char *text, size_t len)
{
	while (len && isspace((unsigned char)*text))
		text++, len--;
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	return mem_strndup(text, len);
}

/* One part of the header: "v1=abc", or just "abc". */
static void take_part(struct judging *j, const char *text, size_t len)
{
	const struct scheme *s = j->s;
	auto_free char *part = trimmed(text, len);
	char *eq = s->kv ? strchr(part, *s->kv) : NULL;
	const char *value = eq ? eq + 1 : part;
	if (eq)
		*eq = '\0';
	if (eq && s->stamp_part && strcmp(part, s->stamp_part) == 0 && !j->stamp)
		j->stamp = mem_strdup(value);
	if (s->kv && (!eq || strcmp(part, s->part) != 0))
		return;
	size_t prefix = s->prefix ? strlen(s->prefix) : 0;
	if (prefix && strncmp(value, s->prefix, prefix) != 0)
		return;
	if (j->n_offered < OFFERED_MAX)
		j->offered[j->n_offered++] = mem_strdup(value + prefix);
}

static int take_signatures(struct judging *j, struct errmsg *msg)
{
	const struct scheme *s = j->s;
	const char *value = only_header(j->r, s->header, msg);
	if (!value)
		return ERR_AUTH;
	const char separators[] = {s->list ? *s->list : '\0', '\0'};
	for (;;) {
		size_t len = s->list ? strcspn(value, separators) : strlen(value);
		take_part(j, value, len);
		if (!value[len])
			break;
		value += len + 1;
	}
	return j->n_offered ? 0
			    : err_set(msg, ERR_AUTH, "the header %s has no signature of this kind",
				      s->header);
}

static int64_t stamp_ms(const struct scheme *s, const char *text)
{
	int64_t ms;
	char *end;
	if (s->stamp == STAMP_RFC3339)
		return time_parse(text, &ms, NULL) == 0 ? ms : -1;
	if (!isdigit((unsigned char)*text) || strlen(text) > 15)
		return -1;
	ms = strtoll(text, &end, 10);
	return *end ? -1 : s->stamp == STAMP_UNIX_MS ? ms : ms * 1000;
}

/* Both ways: a clock that is ahead must not prolong the life of what was recorded. */
static int take_stamp(struct judging *j, int64_t now_ms, struct errmsg *msg)
{
	const struct scheme *s = j->s;
	const char *value = s->stamp_header ? only_header(j->r, s->stamp_header, msg) : j->stamp;
	if (!s->stamp)
		return 0;
	if (!value)
		return s->stamp_header ? ERR_AUTH
				       : err_set(msg, ERR_AUTH, "the signature has no time");
	if (s->stamp_header)
		j->stamp = mem_strdup(value);
	int64_t at = stamp_ms(s, value);
	if (at < 0)
		return err_set(msg, ERR_AUTH, "the signature's time cannot be read");
	if (at < now_ms - s->tolerance_ms || at > now_ms + s->tolerance_ms)
		return err_set(msg, ERR_AUTH, "the signature's time is too far from now");
	return 0;
}

/* ---- what was signed ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_values(struct buf *b, const char *name, const json_t *v)
{
	size_t n = json_is_array(v) ? json_array_size(v) : 1, k = 0;
	const char **all = mem_alloc(n * sizeof(*all));
	for (size_t i = 0; i < n; i++) {
		const json_t *one = json_is_array(v) ? json_array_get(v, i) : v;
		all[k++] = json_string_value(one) ? json_string_value(one) : "";
	}
	qsort(all, k, sizeof(*all), by_name);
	for (size_t i = 0; i < k; i++)
		if (!i || strcmp(all[i - 1], all[i]) != 0)
			(void)buf_printf(b, "%s%s", name, all[i]);
	free(all);
}

/* Names and values of a form, by name, without anything between; of several values each once, sorted. */
static void add_form(struct buf *b, const struct server_req *r)
{
	json_auto_t *form = media_is(r, "application/x-www-form-urlencoded")
				    ? media_form(r->body, r->body_len)
				    : NULL;
	size_t n = json_object_size(form), i = 0;
	const char **names = mem_alloc((n + 1) * sizeof(*names)), *name;
	json_t *v;
	json_object_foreach (form, name, v)
		names[i++] = name;
	qsort(names, n, sizeof(*names), by_name);
	for (i = 0; i < n; i++)
		add_values(b, names[i], json_object_get(form, names[i]));
	free(names);
}

/* The address with those escapes decoded that the sender had decoded when it signed. */
static char *decoded(const struct scheme *s, const char *url)
{
	struct buf b = BUF_INIT;
	for (const char *p = url; *p; p++) {
		bool known = false;
		json_t *v;
		size_t i;
		json_array_foreach (s->url_decode, i, v)
			known |= *p == '%' && strncasecmp(p, json_string_value(v), 3) == 0;
		unsigned char byte;
		if (known && hex_decode(p + 1, 2, &byte, 1) == 1) {
			(void)buf_putc(&b, (char)byte);
			p += 2;
		} else {
			(void)buf_putc(&b, *p);
		}
	}
	return buf_take(&b);
}

/* Where the port begins in "https://host:port/…", or would stand; *ret_end behind it. */
static size_t port_at(const char *url, size_t *ret_end)
{
	const char *host = strstr(url, "://"), *from = host ? host + 3 : url;
	size_t len = strcspn(from, "/?");
	const char *colon = memrchr(from, ':', len);
	if (colon && memchr(colon, ']', (size_t)(from + len - colon)))
		colon = NULL; /* inside of an IPv6 address */
	*ret_end = (size_t)(from + len - url);
	return colon ? (size_t)(colon - url) : *ret_end;
}

static char *with_port(const char *url, bool port)
{
	size_t end, at = port_at(url, &end);
	bool https = strncasecmp(url, "https:", 6) == 0;
	if (port && at == end)
		return mem_printf("%.*s:%s%s", (int)at, url, https ? "443" : "80", url + end);
	if (!port && at != end)
		return mem_printf("%.*s%s", (int)at, url, url + end);
	return mem_strdup(url);
}

static char *escaped(const char *url)
{
	struct buf b = BUF_INIT;
	for (const char *p = url; *p; p++)
		(void)buf_puts(&b, *p == '\'' ? "%27" : (char[]){*p, '\0'});
	return buf_take(&b);
}

/* All forms of the address that may have been signed, owned texts; the number of them. */
static size_t urls_of(const struct judging *j, char *out[6])
{
	const struct scheme *s = j->s;
	const struct server_req *r = j->r;
	auto_free char *whole = mem_printf("%s%s%s%s", j->public_url ? j->public_url : "", r->path,
					   *r->query ? "?" : "", r->query);
	size_t n = 0;
	out[n++] = decoded(s, whole);
	if (s->strip_port)
		out[n++] = with_port(out[0], false);
	if (s->add_port)
		out[n++] = with_port(out[0], true);
	for (size_t i = 0, k = n; s->escape_apostrophe && i < k; i++)
		out[n++] = escaped(out[i]);
	return n;
}

static void add_token(struct buf *b, const struct judging *j, const char *token,
		      const struct secret *key, const char *url)
{
	if (strncmp(token, "{body}", 6) == 0)
		(void)buf_add(b, j->r->body, j->r->body_len);
	else if (strncmp(token, "{timestamp}", 11) == 0)
		(void)buf_puts(b, j->stamp ? j->stamp : "");
	else if (strncmp(token, "{id}", 4) == 0)
		(void)buf_puts(b, j->id ? j->id : "");
	else if (strncmp(token, "{method}", 8) == 0)
		(void)buf_puts(b, j->r->method);
	else if (strncmp(token, "{url}", 5) == 0)
		(void)buf_puts(b, url);
	else if (strncmp(token, "{form_sorted}", 13) == 0)
		add_form(b, j->r);
	else
		(void)buf_add(b, key->bytes, key->len);
}

static void build(struct buf *b, const struct judging *j, const struct secret *key, const char *url)
{
	for (const char *p = j->s->signed_text; *p;) {
		const char *end = *p == '{' ? strchr(p, '}') : NULL;
		if (end)
			add_token(b, j, p, key, url);
		else
			(void)buf_putc(b, *p);
		p = end ? end + 1 : p + 1;
	}
}

/* ---- comparing ---- */

static size_t read_mac(bool base64, const char *text, unsigned char out[MAC_MAX])
{
	size_t len;
	if (!base64) {
		int n = hex_decode(text, strlen(text), out, MAC_MAX);
		return n > 0 ? (size_t)n : 0;
	}
	auto_free unsigned char *bytes = base64_decode(text, strlen(text), &len);
	if (!bytes || len > MAC_MAX)
		return 0;
	memcpy(out, bytes, len);
	return len;
}

static bool fits_one(const struct judging *j, const struct secret *key, const struct buf *text,
		     const char *offered)
{
	unsigned char given[MAC_MAX], own[MAC_MAX];
	const struct scheme *s = j->s;
	size_t len = read_mac(s->base64, offered, given);
	if (s->type == T_ED25519)
		return len == ED25519_SIGNATURE_LEN &&
		       ed25519_verify(key->bytes, given, text->data, text->len);
	size_t own_len = s->type == T_HASH ? digest(s->algorithm, text->data, text->len, own)
					   : hmac(s->algorithm, key->bytes, key->len, text->data,
						  text->len, own);
	return len && ct_equal(given, len, own, own_len);
}

/* All are tried, so that the time does not tell which one fits. */
static bool fits_any(const struct judging *j, const char *url)
{
	bool fits = false;
	for (size_t k = 0; k < j->s->n_secrets; k++) {
		struct buf text = BUF_INIT;
		build(&text, j, &j->s->secrets[k], url);
		(void)buf_str(&text);
		for (size_t i = 0; i < j->n_offered; i++)
			fits |= fits_one(j, &j->s->secrets[k], &text, j->offered[i]);
		buf_done(&text);
	}
	return fits;
}

/* A body that is not in what was signed has a digest in the address, which is. */
static int check_digest(const struct judging *j, struct errmsg *msg)
{
	const struct scheme *s = j->s;
	unsigned char given[MAC_MAX], own[MAC_MAX];
	if (!s->digest_query || media_is(j->r, "application/x-www-form-urlencoded"))
		return 0;
	auto_free char *text = server_req_query(j->r, s->digest_query);
	if (!text)
		return j->r->body_len
			       ? err_set(msg, ERR_AUTH, "nothing signs the body: %s is missing",
					 s->digest_query)
			       : 0;
	size_t len = read_mac(s->digest_base64, text, given);
	size_t own_len = digest(s->digest_algorithm, j->r->body, j->r->body_len, own);
	return len && ct_equal(given, len, own, own_len)
		       ? 0
		       : err_set(msg, ERR_AUTH, "the body is another than %s says",
				 s->digest_query);
}

static int judge(struct judging *j, int64_t now_ms, struct errmsg *msg)
{
	const struct scheme *s = j->s;
	char *urls[6];
	bool fits = false;
	int err = take_signatures(j, msg);
	if (!err)
		err = take_stamp(j, now_ms, msg);
	if (!err && s->id_header && !(j->id = only_header(j->r, s->id_header, msg)))
		err = ERR_AUTH;
	if (!err)
		err = check_digest(j, msg);
	if (err)
		return err;
	if (!scheme_wants_url(s))
		fits = fits_any(j, "");
	size_t n = scheme_wants_url(s) ? urls_of(j, urls) : 0;
	for (size_t i = 0; i < n; i++) {
		fits |= fits_any(j, urls[i]);
		free(urls[i]);
	}
	return fits ? 0 : err_set(msg, ERR_AUTH, "the signature in %s does not fit", s->header);
}

/* ---- tokens ---- */

static bool is_secret(const struct scheme *s, const char *given)
{
	bool fits = false;
	for (size_t i = 0; i < s->n_secrets; i++)
		fits |= ct_equal(given, strlen(given), s->secrets[i].text,
				 strlen(s->secrets[i].text));
	return fits;
}

static int judge_token(const struct scheme *s, const struct server_req *r, struct errmsg *msg)
{
	if (s->query) {
		auto_free char *given = server_req_query(r, s->query);
		return given && is_secret(s, given)
			       ? 0
			       : err_set(msg, ERR_AUTH, "the token in %s does not fit", s->query);
	}
	const char *value = only_header(r, s->header ? s->header : "authorization", msg);
	if (!value)
		return ERR_AUTH;
	if (s->header)
		return is_secret(s, value) ? 0 : err_set(msg, ERR_AUTH, "the token does not fit");
	if (strncasecmp(value, "Bearer ", 7) != 0)
		return err_set(msg, ERR_AUTH, "the header authorization has no bearer token");
	return is_secret(s, value + 7 + strspn(value + 7, " "))
		       ? 0
		       : err_set(msg, ERR_AUTH, "the bearer token does not fit");
}

/* RFC 7617. */
static int judge_basic(const struct scheme *s, const struct server_req *r, struct errmsg *msg)
{
	const char *value = only_header(r, "authorization", msg);
	size_t len = 0, user = strlen(s->user);
	if (!value)
		return ERR_AUTH;
	auto_free unsigned char *bytes =
		strncasecmp(value, "Basic ", 6) == 0
			? base64_decode(value + 6 + strspn(value + 6, " "),
					strlen(value + 6 + strspn(value + 6, " ")), &len)
			: NULL;
	auto_free char *text = bytes ? mem_strndup((const char *)bytes, len) : NULL;
	bool named = text && strlen(text) == len && len > user && text[user] == ':' &&
		     ct_equal(text, user, s->user, user);
	return is_secret(s, named ? text + user + 1 : "") && named
		       ? 0
		       : err_set(msg, ERR_AUTH, "the name and password do not fit");
}

/* ---- JSON Web Signatures ---- */

static int judge_jws(const struct scheme *s, const struct server_req *r, int64_t now_ms,
		     struct errmsg *msg)
{
	const char *value = only_header(r, s->header, msg);
	int64_t at = 0;
	if (!value)
		return ERR_AUTH;
	int err = jws_verify(s->jwks, value, r->body, r->body_len, s->stamp_part, &at, msg);
	if (err || !s->stamp)
		return err;
	int64_t ms = s->stamp == STAMP_UNIX_MS ? at : at * 1000;
	return ms < now_ms - s->tolerance_ms || ms > now_ms + s->tolerance_ms
		       ? err_set(msg, ERR_AUTH, "the signature's time is too far from now")
		       : 0;
}

int scheme_verify(const struct scheme *s, const struct server_req *r, const char *public_url,
		  int64_t now_ms, struct errmsg *msg)
{
	struct judging j = {.s = s, .r = r, .public_url = public_url};
	int err;
	if (s->type == T_TOKEN)
		return judge_token(s, r, msg);
	if (s->type == T_BASIC)
		return judge_basic(s, r, msg);
	if (s->type == T_JWS)
		return judge_jws(s, r, now_ms, msg);
	err = judge(&j, now_ms, msg);
	for (size_t i = 0; i < j.n_offered; i++)
		free(j.offered[i]);
	free(j.stamp);
	return err;
}
