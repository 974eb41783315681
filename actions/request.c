/* Renders a call's parameters into the text of a request, and that into a record and back. */
#include "actions/request.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "actions/shape.h"
#include "actions/split.h"
#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"

#define BODY_MAX (16u << 20)
#define TARGET_MAX (256u << 10) /* lists of ids in a path or query make long ones */
#define BOUNDARY_LEN 32         /* hex digits */

/* What one rendering works on. */
struct render {
	const struct action *a;
	const json_t *params;              /* checked and normal */
	const struct action_param **order; /* the action's parameters by their wire names */
	const struct request_env *env;
	struct http_request_text *out;
	struct errmsg *msg;
};

void request_done(struct http_request_text *r)
{
	free(r->method);
	free(r->target);
	free(r->url);
	free(r->body);
	for (size_t i = 0; i < r->n_files; i++)
		file_in_done(&r->files[i].in);
	free(r->files);
	json_decref(r->headers);
	*r = (struct http_request_text){0};
}

/* Everything but RFC 3986's unreserved characters is escaped: '+', '/', ',' and blanks too. */
static void escape(struct buf *b, const char *text, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c < 0x80 && (isalnum(c) || (c && strchr("-._~", c))))
			(void)buf_putc(b, (char)c);
		else {
			char code[3] = {'%', hex[c >> 4], hex[c & 15]};
			(void)buf_add(b, code, sizeof(code));
		}
	}
}

/* A scalar as text: strings as they are, the rest as JSON writes it. malloc'd, *len set. */
static char *scalar_text(const json_t *v, size_t *len)
{
	char *text;
	if (json_is_string(v)) {
		*len = json_string_length(v);
		text = mem_alloc(*len + 1);
		memcpy(text, json_string_value(v), *len);
		return text;
	}
	text = json_text(v);
	*len = strlen(text);
	return text;
}

static void add_scalar(struct buf *b, const json_t *v, bool escaped)
{
	size_t len;
	auto_free char *text = scalar_text(v, &len);
	if (escaped)
		escape(b, text, len);
	else
		(void)buf_add(b, text, len);
}

/* A value that stands in one place: lists with literal commas between their elements. */
static void add_value(struct buf *b, const json_t *v, bool escaped)
{
	const json_t *element;
	size_t i;
	if (!json_is_array(v))
		add_scalar(b, v, escaped);
	json_array_foreach ((json_t *)v, i, element) {
		if (i)
			(void)buf_putc(b, ',');
		add_scalar(b, element, escaped);
	}
}

/* Missing, null and empty lists are not sent outside of bodies. */
static const json_t *sent_value(const struct render *r, const struct action_param *p)
{
	const json_t *v = json_object_get(r->params, p->name);
	bool empty = !v || json_is_null(v) || (json_is_array(v) && !json_array_size(v));
	return empty && p->in != IN_BODY ? NULL : v;
}

/* Path and query. */

static const struct action_param *path_param(const struct render *r, const char *wire, size_t len)
{
	for (size_t i = 0; i < r->a->n_params; i++) {
		const struct action_param *p = &r->a->param[i];
		if (p->in == IN_PATH && strlen(p->wire) == len && !strncmp(p->wire, wire, len))
			return p;
	}
	return NULL;
}

/* An empty or dotted segment would make another address of it. */
static int add_segment(struct render *r, struct buf *b, const struct action_param *p)
{
	struct buf text = BUF_INIT;
	const json_t *v = p ? sent_value(r, p) : NULL;
	int err = 0;
	if (v)
		add_value(&text, v, false);
	if (!text.len || strcmp(text.data, ".") == 0 || strcmp(text.data, "..") == 0)
		err = err_set(r->msg, ERR_INVALID, "%s: must not be empty or made of dots",
			      p ? p->name : "path");
	else
		add_value(b, v, true);
	buf_done(&text);
	return err;
}

static int add_path(struct render *r, struct buf *b)
{
	const char *p = r->a->path;
	while (*p) {
		size_t plain = strcspn(p, "{");
		(void)buf_add(b, p, plain);
		p += plain;
		if (!*p)
			break;
		size_t len = strcspn(++p, "}");
		int err = add_segment(r, b, path_param(r, p, len));
		if (err)
			return err;
		p += len + (p[len] == '}');
	}
	return 0;
}

static void add_pair(struct buf *b, const char *name, const json_t *v, char *sep)
{
	if (*sep)
		(void)buf_putc(b, *sep);
	*sep = '&';
	escape(b, name, strlen(name));
	(void)buf_putc(b, '=');
	add_value(b, v, true);
}

/* All parameters of one place as name=value pairs; *sep stands before the first, if it is set. */
static void add_pairs(struct render *r, struct buf *b, enum param_in in, char *sep)
{
	for (size_t i = 0; i < r->a->n_params; i++) {
		const struct action_param *p = r->order[i];
		const json_t *v = p->in == in ? sent_value(r, p) : NULL, *element;
		size_t at;
		if (v && p->repeat && json_is_array(v)) {
			json_array_foreach ((json_t *)v, at, element)
				add_pair(b, p->wire, element, sep);
		} else if (v)
			add_pair(b, p->wire, v, sep);
	}
}

static int render_target(struct render *r)
{
	struct buf b = BUF_INIT;
	char sep = strchr(r->a->path, '?') ? '&' : '?';
	int err = add_path(r, &b);
	if (!err)
		add_pairs(r, &b, IN_QUERY, &sep);
	if (!err && b.len > TARGET_MAX)
		err = err_set(r->msg, ERR_TOOBIG, "the address would be over %u bytes", TARGET_MAX);
	if (!err)
		r->out->target = buf_take(&b);
	buf_done(&b);
	return err;
}

/* Bodies. */

static void set_header(struct render *r, const char *name, const char *value)
{
	json_object_set_new(r->out->headers, name, json_string(value));
}

static int keep_body(struct render *r, struct buf *b, const char *type)
{
	if (b->len > BODY_MAX) {
		buf_done(b);
		return err_set(r->msg, ERR_TOOBIG, "the body would be over %u bytes", BODY_MAX);
	}
	r->out->body_len = b->len;
	r->out->body = buf_take(b);
	set_header(r, "Content-Type", type);
	return 0;
}

static int keep_json(struct render *r, const json_t *v)
{
	auto_free char *text = json_canonical(v);
	struct buf b = BUF_INIT;
	(void)buf_puts(&b, text);
	return keep_body(r, &b, "application/json");
}

static int render_shape(struct render *r)
{
	json_auto_t *body = shape_fill(r->a->shape, r->params);
	return keep_json(r, body);
}

static int render_json(struct render *r)
{
	if (r->a->shape)
		return render_shape(r);
	json_auto_t *body = json_object();
	for (size_t i = 0; i < r->a->n_params; i++) {
		const struct action_param *p = &r->a->param[i];
		json_t *v = p->in == IN_BODY ? (json_t *)sent_value(r, p) : NULL;
		if (v)
			json_object_set(body, p->wire, v);
	}
	return keep_json(r, body);
}

static int render_bare(struct render *r)
{
	for (size_t i = 0; i < r->a->n_params; i++) {
		const struct action_param *p = &r->a->param[i];
		const json_t *v = p->in == IN_BODY ? sent_value(r, p) : NULL;
		if (v)
			return keep_json(r, v);
	}
	return 0;
}

static int render_form(struct render *r)
{
	struct buf b = BUF_INIT;
	char sep = '\0';
	add_pairs(r, &b, IN_FORM, &sep);
	return keep_body(r, &b, "application/x-www-form-urlencoded");
}

/* A name inside quotes of a part's head: what could end it is escaped as browsers do. */
static void add_quoted(struct buf *b, const char *text)
{
	(void)buf_putc(b, '"');
	for (; *text; text++)
		if (*text == '"' || *text == '\r' || *text == '\n')
			(void)buf_printf(b, "%%%02X", (unsigned char)*text);
		else
			(void)buf_putc(b, *text);
	(void)buf_putc(b, '"');
}

static const char *file_type(const char *name)
{
	static const struct {
		const char *end, *type;
	} types[] = {{".csv", "text/csv"}, {".txt", "text/plain"}, {".json", "application/json"}};
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; dot && i < sizeof(types) / sizeof(*types); i++)
		if (strcasecmp(dot, types[i].end) == 0)
			return types[i].type;
	return "application/octet-stream";
}

/* Bytes of the file that stand here; a part of one has its head in front. */
static int add_range(struct render *r, const struct buf *b, const struct file_in *in, int64_t from,
		     int64_t to)
{
	struct http_request_text *out = r->out;
	if (from == to)
		return 0;
	struct request_file f = {.in = *in, .from = from, .to = to, .at = b->len};
	f.in.fd = fcntl(in->fd, F_DUPFD_CLOEXEC, 3);
	if (f.in.fd < 0)
		return err_set(r->msg, ERR_IO, "too many open files");
	out->files = mem_realloc(out->files, (out->n_files + 1) * sizeof(*out->files));
	out->files[out->n_files++] = f;
	return 0;
}

static int add_found(struct render *r, struct buf *b, const struct action_param *p, const json_t *v)
{
	struct file_in in;
	struct split_part part;
	int64_t head;
	int err = files_find(r->env->files, r->env->owner ? r->env->owner : "", v, &in, r->msg);
	if (err)
		return err_wrap(r->msg, "%s", p->name);
	if (!split_range(v, in.size, &head, &part))
		err = err_set(r->msg, ERR_INVALID, "%s: the file has no such part", p->name);
	if (!err)
		err = add_range(r, b, &in, 0, head);
	if (!err)
		err = add_range(r, b, &in, part.from, part.to);
	file_in_done(&in);
	return err;
}

/* The effect's own name where the action says so; a name with another ending than is due gets that. */
static char *file_name(const struct render *r, const struct action_param *p, const json_t *v)
{
	const char *said = json_str(v, "name"), *usual = p->filename ? p->filename : p->wire;
	const char *end = strrchr(usual, '.');
	size_t len = end ? strlen(end) : 0;
	if (r->env->name && r->a->named_param && strcmp(p->name, r->a->named_param) == 0)
		return mem_printf("%s%s", r->env->name, end ? end : "");
	if (!said || !*said)
		return mem_strdup(usual);
	bool fits =
		strlen(said) >= len && strcasecmp(said + strlen(said) - len, end ? end : "") == 0;
	return mem_printf("%s%s", said, fits ? "" : end);
}

static int add_file(struct render *r, struct buf *b, const struct action_param *p, const json_t *v)
{
	const json_t *text = json_is_string(v) ? v : json_object_get(v, "text");
	if (!json_is_string(text) && !files_is_value(v))
		return err_set(r->msg, ERR_INVALID, "%s: the file's content is not there", p->name);
	auto_free char *name = file_name(r, p, v);
	(void)buf_puts(b, "; filename=");
	add_quoted(b, name);
	(void)buf_printf(b, "\r\nContent-Type: %s\r\n\r\n", file_type(name));
	if (!json_is_string(text))
		return add_found(r, b, p, v);
	(void)buf_add(b, json_string_value(text), json_string_length(text));
	return 0;
}

static int add_part(struct render *r, struct buf *b, const struct action_param *p, const json_t *v,
		    const char *boundary)
{
	int err = 0;
	(void)buf_printf(b, "--%s\r\nContent-Disposition: form-data; name=", boundary);
	add_quoted(b, p->wire);
	if (p->schema->type == SCHEMA_FILE)
		err = add_file(r, b, p, v);
	else {
		(void)buf_puts(b, "\r\n\r\n");
		add_value(b, v, false);
	}
	(void)buf_puts(b, "\r\n");
	return err;
}

static int add_parts(struct render *r, struct buf *b, const char *boundary)
{
	for (size_t i = 0; i < r->a->n_params; i++) {
		const struct action_param *p = r->order[i];
		const json_t *v = p->in == IN_FORM ? sent_value(r, p) : NULL, *element;
		size_t at;
		int err = 0;
		if (v && p->repeat && json_is_array(v)) {
			json_array_foreach ((json_t *)v, at, element)
				err = err ? err : add_part(r, b, p, element, boundary);
		} else if (v)
			err = add_part(r, b, p, v, boundary);
		if (err)
			return err;
	}
	(void)buf_printf(b, "--%s--\r\n", boundary);
	return 0;
}

static void forget_files(struct http_request_text *out)
{
	for (size_t i = 0; i < out->n_files; i++)
		file_in_done(&out->files[i].in);
	out->n_files = 0;
}

/*
 * The boundary is the hash of the parts, so that it stands in none of them and never changes. A file's
 * random id, made after its content was there, stands for that.
 */
static int render_multipart(struct render *r)
{
	char hash[HASH_HEX_LEN];
	struct buf b = BUF_INIT;
	int err = add_parts(r, &b, "");
	for (size_t i = 0; !err && i < r->out->n_files; i++)
		(void)buf_printf(&b, "%s %lld", r->out->files[i].in.id,
				 (long long)r->out->files[i].from);
	if (!err) {
		(void)sha256_hex(b.data, b.len, hash);
		hash[BOUNDARY_LEN] = '\0';
		buf_clear(&b);
		forget_files(r->out);
		err = add_parts(r, &b, hash);
	}
	if (err) {
		buf_done(&b);
		return err;
	}
	auto_free char *type = mem_printf("multipart/form-data; boundary=%s", hash);
	return keep_body(r, &b, type);
}

static int render_body(struct render *r)
{
	switch (r->a->body) {
	case BODY_JSON:
		return render_json(r);
	case BODY_BARE:
		return render_bare(r);
	case BODY_FORM:
		return render_form(r);
	case BODY_MULTIPART:
		return render_multipart(r);
	case BODY_NONE:
		break;
	}
	return 0;
}

static int render_headers(struct render *r)
{
	set_header(r, "Accept", r->a->accept ? r->a->accept : "application/json");
	for (size_t i = 0; i < r->a->n_params; i++) {
		const struct action_param *p = r->order[i];
		const json_t *v = p->in == IN_HEADER ? sent_value(r, p) : NULL;
		struct buf b = BUF_INIT;
		if (v)
			add_value(&b, v, false);
		bool broken = b.len && (strpbrk(b.data, "\r\n") || strlen(b.data) != b.len);
		if (v && !broken)
			set_header(r, p->wire, buf_str(&b));
		buf_done(&b);
		if (broken)
			return err_set(r->msg, ERR_INVALID, "%s: a header has one line", p->name);
	}
	return 0;
}

static int by_wire(const void *x, const void *y)
{
	const struct action_param *const *a = x, *const *b = y;
	return strcmp((*a)->wire, (*b)->wire);
}

static char *join_url(const char *base_url, const char *target)
{
	size_t len = strlen(base_url);
	while (len && base_url[len - 1] == '/')
		len--;
	return mem_printf("%.*s%s", (int)len, base_url, target);
}

int request_render(const struct action *a, const json_t *params, const char *base_url,
		   struct http_request_text *out, struct errmsg *msg)
{
	static const struct request_env none;
	return request_render_in(a, params, base_url, &none, out, msg);
}

int request_render_in(const struct action *a, const json_t *params, const char *base_url,
		      const struct request_env *env, struct http_request_text *out,
		      struct errmsg *msg)
{
	*out = (struct http_request_text){0};
	int err = action_check_first(a, params, msg);
	if (err)
		return err;
	json_auto_t *normal = schema_normal(a->params, params);
	auto_free const struct action_param **order = mem_alloc((a->n_params + 1) * sizeof(*order));
	for (size_t i = 0; i < a->n_params; i++)
		order[i] = &a->param[i];
	qsort(order, a->n_params, sizeof(*order), by_wire);
	struct render r = {
		.a = a, .params = normal, .order = order, .env = env, .out = out, .msg = msg};
	out->method = mem_strdup(a->method);
	out->headers = json_object();
	err = render_target(&r);
	if (!err)
		err = render_headers(&r);
	if (!err)
		err = render_body(&r);
	if (!err)
		out->url = join_url(base_url, out->target);
	else
		request_done(out);
	return err;
}

/* Pages. */

/* The length of "https://host:port" in a URL, or 0 when it is none. */
static size_t origin_len(const char *url)
{
	const char *rest = strstr(url, "://");
	if (!rest || (strncasecmp(url, "http:", 5) != 0 && strncasecmp(url, "https:", 6) != 0))
		return 0;
	rest += 3;
	return (size_t)(rest - url) + strcspn(rest, "/?#");
}

int request_next_url(const char *base_url, const char *link, char **ret_url, struct errmsg *msg)
{
	size_t base = origin_len(base_url), at = origin_len(link);
	for (const char *p = link; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '\\')
			return err_set(msg, ERR_REJECTED, "the next page's link is malformed");
	if (link[0] == '/' && link[1] != '/') {
		*ret_url = mem_printf("%.*s%s", (int)base, base_url, link);
		return 0;
	}
	if (!at || at != base || strncasecmp(base_url, link, base) != 0)
		return err_set(msg, ERR_REJECTED, "the next page's link leads elsewhere: %.100s",
			       link);
	*ret_url = mem_strdup(link);
	return 0;
}

/* Reading. */

int64_t request_size(const struct http_request_text *r)
{
	int64_t size = (int64_t)r->body_len;
	for (size_t i = 0; i < r->n_files; i++)
		size += r->files[i].to - r->files[i].from;
	return size;
}

void request_rewind(struct http_request_text *r)
{
	r->next_file = r->text_at = 0;
	r->file_at = 0;
}

static ssize_t read_file(struct http_request_text *r, const struct request_file *f, void *to,
			 size_t max)
{
	int64_t left = f->to - f->from - r->file_at;
	ssize_t n = file_in_read(&f->in, f->from + r->file_at, to,
				 left < (int64_t)max ? (size_t)left : max, NULL);
	if (n <= 0)
		return -1; /* it is shorter than it was: nobody may change it */
	r->file_at += n;
	if (r->file_at == f->to - f->from) {
		r->next_file++;
		r->file_at = 0;
	}
	return n;
}

ssize_t request_read(struct http_request_text *r, void *to, size_t max)
{
	const struct request_file *f = r->next_file < r->n_files ? &r->files[r->next_file] : NULL;
	if (f && f->at == r->text_at)
		return read_file(r, f, to, max);
	size_t left = (f ? f->at : r->body_len) - r->text_at, len = left < max ? left : max;
	if (len)
		memcpy(to, r->body + r->text_at, len);
	r->text_at += len;
	return (ssize_t)len;
}

/* Records. */

static json_t *text_json(const char *text, size_t len)
{
	json_t *v = memchr(text, '\0', len) ? NULL : json_stringn(text, len);
	return v ? v : json_string("(no text)");
}

static json_t *parts_json(const struct http_request_text *r)
{
	json_t *parts = json_array();
	size_t at = 0;
	for (size_t i = 0; i < r->n_files; i++) {
		const struct request_file *f = &r->files[i];
		if (f->at > at)
			json_array_append_new(parts, text_json(r->body + at, f->at - at));
		json_array_append_new(parts,
				      json_pack("{s:s, s:I, s:I}", "file", f->in.id, "from",
						(json_int_t)f->from, "to", (json_int_t)f->to));
		at = f->at;
	}
	json_array_append_new(parts, text_json(r->body + at, r->body_len - at));
	return parts;
}

json_t *request_json(const struct http_request_text *r)
{
	json_t *record = json_object(), *text;
	json_object_set_new(record, "method", json_string(r->method));
	json_object_set_new(record, "target", json_string(r->target));
	json_object_set(record, "headers", r->headers);
	if (r->n_files)
		json_object_set_new(record, "parts", parts_json(r));
	if (!r->body || r->n_files)
		return record;
	text = memchr(r->body, '\0', r->body_len) ? NULL : json_stringn(r->body, r->body_len);
	if (text)
		json_object_set_new(record, "body", text);
	else {
		auto_free char *code = base64_encode(r->body, r->body_len, false);
		json_object_set_new(record, "body64", json_string(code));
	}
	return record;
}

static int read_body(const json_t *record, struct http_request_text *out, struct errmsg *msg)
{
	const json_t *text = json_object_get(record, "body");
	const char *code = json_str(record, "body64");
	if (json_is_string(text))
		out->body = scalar_text(text, &out->body_len);
	else if (code)
		out->body = (char *)base64_decode(code, strlen(code), &out->body_len);
	if (code && !out->body)
		return err_set(msg, ERR_PARSE, "the request's body64 is damaged");
	return 0;
}

int request_from_json(const json_t *record, const char *base_url, struct http_request_text *out,
		      struct errmsg *msg)
{
	const char *method = json_str(record, "method"), *target = json_str(record, "target");
	const json_t *headers = json_object_get(record, "headers");
	*out = (struct http_request_text){0};
	if (!method || !target || !json_is_object(headers) || json_object_get(record, "parts"))
		return err_set(msg, ERR_PARSE, "the request's record is damaged");
	int err = read_body(record, out, msg);
	if (err)
		return err;
	out->method = mem_strdup(method);
	out->target = mem_strdup(target);
	out->url = join_url(base_url, target);
	out->headers = json_deep_copy(headers);
	return 0;
}
