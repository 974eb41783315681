/*
 * Fuzzes signatures: whatever stands in the headers, the query and the body, a request that nobody has signed is
 * refused. The first line of an input is the preset's name, the next ones are headers, the rest is the body.
 */
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/serve/pick.h"
#include "engine/serve/preset.h"
#include "engine/serve/several.h"
#include "engine/serve/verify.h"
#include "tests/fuzz/fuzz.h"

#define SECRET "whsec_c2VjcmV0IHRoYXQgbm9ib2R5IGd1ZXNzZXM="
#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEADERS 12

static struct verify *verify_of(const char *preset)
{
	bool discord = strcmp(preset, "discord") == 0;
	const char *secret = discord ? KEY
			     : strcmp(preset, "standard-webhooks-v1a") == 0
				     ? "whpk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
				     : SECRET;
	json_auto_t *conf = json_pack("{s:s, s:s}", "preset", preset, "secret", secret);
	struct errmsg msg;
	return verify_new(conf, &msg);
}

/* "Name: value" lines up to an empty one; lower case, as the listener gives them. */
static size_t headers_of(char **rest, struct server_header *to)
{
	size_t n = 0;
	for (char *line; n < HEADERS && (line = strsep(rest, "\n")) && *line;) {
		char *colon = strchr(line, ':');
		if (!colon)
			continue;
		*colon = '\0';
		for (char *p = line; *p; p++)
			*p |= *p >= 'A' && *p <= 'Z' ? 0x20 : 0;
		to[n++] = (struct server_header){line, colon + 1 + strspn(colon + 1, " ")};
	}
	return n;
}

static void pick_all(const json_t *preset, const struct server_req *r)
{
	json_auto_t *data = json_loadb(r->body, r->body_len, JSON_DECODE_ANY, NULL);
	if (!data)
		return; /* such a body is refused before */
	bool whole;
	auto_free char *id = pick_text(json_object_get(preset, "id"), r, data, &whole);
	auto_free char *kind = pick_text(json_object_get(preset, "type"), r, data, NULL);
	json_auto_t *parts =
		json_str(preset, "split") ? several_list(data, json_str(preset, "split")) : NULL;
	fuzz_check(!id || strlen(id) <= 512);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = mem_strndup((const char *)data, size);
	char *rest = text;
	const char *preset = strsep(&rest, "\n");
	struct server_header headers[HEADERS];
	struct errmsg msg = {0};
	struct verify *v = verify_of(preset);
	if (!v || !rest) {
		verify_free(v);
		return 0;
	}
	size_t n = headers_of(&rest, headers);
	const char *body = rest ? rest : "", *query = strchr(body, '?');
	struct server_req r = {.method = "POST",
			       .path = "/hooks/x",
			       .query = query ? query + 1 : "",
			       .headers = headers,
			       .n_headers = n,
			       .body = body,
			       .body_len = strlen(body)};
	int err = verify_request(v, &r, &(struct verify_at){"https://h.example.com", 1614265330000},
				 &msg);
	/* A token can be written down, which an input may come to do; a signature cannot be guessed. */
	const char *type = json_str(json_object_get(preset_find(preset), "verify"), "type");
	fuzz_check(err == ERR_AUTH || (err == 0 && strcmp(type, "token") == 0));
	pick_all(preset_find(preset), &r);
	verify_free(v);
	return 0;
}
