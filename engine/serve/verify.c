/* Who may send: the short forms of the configuration, all of which are schemes. */
#include "engine/serve/verify.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/serve/preset.h"
#include "engine/serve/scheme.h"

struct verify {
	char *word;
	struct scheme *scheme; /* NULL: none */
	char *token;           /* of handshakes, or NULL */
};

void verify_free(struct verify *v)
{
	if (!v)
		return;
	scheme_free(v->scheme);
	free(v->token);
	free(v->word);
	free(v);
}

const char *verify_word(const struct verify *v)
{
	return v->word;
}

const char *verify_header(const struct verify *v)
{
	return v->scheme ? scheme_header(v->scheme) : NULL;
}

const char *verify_query(const struct verify *v)
{
	return v->scheme ? scheme_query(v->scheme) : NULL;
}

bool verify_wants_url(const struct verify *v)
{
	return v->scheme && scheme_wants_url(v->scheme);
}

const char *verify_secret(const struct verify *v)
{
	return v->scheme ? scheme_secret(v->scheme) : NULL;
}

const char *verify_token(const struct verify *v)
{
	return v->token;
}

/* ---- from the configuration ---- */

static const char *preset_name(const json_t *conf)
{
	const char *name = json_str(conf, "preset");
	return name ? name : json_str(conf, "scheme");
}

const json_t *verify_preset(const json_t *conf)
{
	const char *name = preset_name(conf);
	return name ? preset_find(name) : NULL;
}

static json_t *bearer(const json_t *secret)
{
	return json_pack("{s:s, s:O}", "type", "token", "secret", secret);
}

static json_t *mac(const json_t *conf)
{
	json_t *v = json_pack("{s:s, s:{s:O*, s:O*, s:O*}}", "type", "hmac", "signature", "header",
			      json_object_get(conf, "header"), "prefix",
			      json_object_get(conf, "prefix"), "encoding",
			      json_object_get(conf, "encoding"));
	if (json_object_get(conf, "algorithm"))
		json_object_set(v, "algorithm", json_object_get(conf, "algorithm"));
	if (json_object_get(conf, "secret"))
		json_object_set(v, "secret", json_object_get(conf, "secret"));
	return v;
}

/* The preset's scheme with what is said beside its name: the secret, a window of its own … */
static json_t *named(const json_t *conf, struct errmsg *msg)
{
	const char *name = preset_name(conf), *near;
	const json_t *preset = preset_find(name);
	if (!preset) {
		near = preset_suggest(name);
		(void)err_set(msg, ERR_INVALID, "there is no preset '%s'%s%s%s", name,
			      near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
		return NULL;
	}
	json_t *v = json_clone(json_object_get(preset, "verify"));
	json_int_t ms = json_int(conf, "tolerance", 0);
	json_object_update(v, (json_t *)conf);
	if (ms && json_object_get(v, "timestamp"))
		json_object_set_new(json_object_get(v, "timestamp"), "tolerance",
				    json_integer(ms / 1000));
	return v;
}

/* The scheme that a short form means; NULL with msg. *ret_word: what it is called. */
static json_t *scheme_of(const json_t *conf, const char **ret_word, struct errmsg *msg)
{
	json_t *token = json_object_get(conf, "bearer"), *signature = json_object_get(conf, "hmac");
	const char *name = preset_name(conf), *type = json_str(conf, "type");
	*ret_word = token ? "bearer" : signature ? "hmac" : name ? name : type;
	if (token && json_object_size(conf) == 1)
		return bearer(token);
	if (signature && json_object_size(conf) == 1)
		return mac(signature);
	if (name && !token && !signature)
		return named(conf, msg);
	if (type && !token && !signature)
		return json_incref((json_t *)conf);
	(void)err_set(
		msg, ERR_INVALID,
		"verify must be one of none, {bearer: …}, {hmac: {…}}, {preset: NAME, secret: …} "
		"and {type: …}");
	return NULL;
}

static int read_config(struct verify *v, const json_t *conf, struct errmsg *msg)
{
	const char *word = "none", *token = json_str(conf, "token");
	if (!json_is_string(conf) || strcmp(json_string_value(conf), "none") != 0) {
		json_auto_t *scheme = scheme_of(conf, &word, msg);
		v->scheme = scheme ? scheme_new(scheme, msg) : NULL;
		if (!v->scheme)
			return msg->code;
	}
	v->word = mem_strdup(word);
	v->token = token ? mem_strdup(token) : NULL;
	return 0;
}

struct verify *verify_new(const json_t *config, struct errmsg *msg)
{
	struct verify *v = mem_alloc(sizeof(*v));
	if (read_config(v, config, msg) == 0)
		return v;
	verify_free(v);
	return NULL;
}

/* ---- of a request ---- */

int verify_request(const struct verify *v, const struct server_req *r, const struct verify_at *at,
		   struct errmsg *msg)
{
	return v->scheme ? scheme_verify(v->scheme, r, at->public_url, at->now_ms, msg) : 0;
}

bool verify_bearer(const struct server_req *r, const char *token)
{
	size_t count;
	const char *header = server_req_header(r, "authorization", &count);
	if (!header || count != 1 || !token || !*token || strncasecmp(header, "Bearer ", 7) != 0)
		return false;
	const char *given = header + 7 + strspn(header + 7, " ");
	return ct_equal(given, strlen(given), token, strlen(token));
}
