/* Where steps may send what rules say. */
#include "actions/egress.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"

#define HOST_MAX 256

/* An address as 16 bytes; IPv4 as ::ffff:a.b.c.d. */
struct net {
	unsigned char at[16];
	unsigned bits;
};

struct egress {
	bool any, open; /* no list of hosts; private addresses too */
	json_t *hosts;  /* texts in lower case */
	struct net *nets;
	size_t n_nets;
};

/* ---- addresses ---- */

static void map_v4(const void *v4, unsigned char to[16])
{
	static const unsigned char prefix[12] = {[10] = 0xff, [11] = 0xff};
	memcpy(to, prefix, 12);
	memcpy(to + 12, v4, 4);
}

static bool address_parse(const char *text, unsigned char to[16])
{
	struct in_addr v4;
	struct in6_addr v6;
	if (inet_pton(AF_INET, text, &v4) == 1)
		map_v4(&v4, to);
	else if (inet_pton(AF_INET6, text, &v6) == 1)
		memcpy(to, &v6, 16);
	else
		return false;
	return true;
}

static bool net_parse(const char *text, struct net *ret)
{
	const char *slash = strchr(text, '/');
	auto_free char *addr = mem_strndup(text, slash ? (size_t)(slash - text) : strlen(text));
	if (!address_parse(addr, ret->at))
		return false;
	unsigned max = strchr(addr, ':') ? 128 : 32;
	char *end = "";
	unsigned long bits = slash ? strtoul(slash + 1, &end, 10) : max;
	if (*end || bits > max || (slash && (slash[1] < '0' || slash[1] > '9')))
		return false;
	ret->bits = (unsigned)bits + 128 - max;
	return true;
}

static bool net_has(const struct net *n, const unsigned char at[16])
{
	size_t whole = n->bits / 8;
	unsigned rest = n->bits % 8;
	if (memcmp(n->at, at, whole) != 0)
		return false;
	return !rest || ((n->at[whole] ^ at[whole]) >> (8 - rest)) == 0;
}

/* What is not everybody's: this machine, private and shared nets, links, groups, and what is reserved. */
static bool is_private(const unsigned char at[16])
{
	static const char *const nets[] = {
		"0.0.0.0/8",      "10.0.0.0/8",    "100.64.0.0/10",   "127.0.0.0/8",
		"169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",
		"192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"224.0.0.0/3",    "::/96",         "64:ff9b:1::/48",  "100::/64",
		"2001:db8::/32",  "fc00::/7",      "fe80::/9",        "ff00::/8"};
	struct net n;
	for (size_t i = 0; i < sizeof(nets) / sizeof(*nets); i++)
		if (net_parse(nets[i], &n) && net_has(&n, at))
			return true;
	return false;
}

/* The IPv4 address that an IPv6 one is a way to (NAT64, 6to4). */
static bool inner_v4(const unsigned char at[16], unsigned char to[16])
{
	struct net n;
	if (net_parse("64:ff9b::/96", &n) && net_has(&n, at))
		map_v4(at + 12, to);
	else if (net_parse("2002::/16", &n) && net_has(&n, at))
		map_v4(at + 2, to);
	else
		return false;
	return true;
}

static bool is_listed(const struct egress *e, const unsigned char at[16])
{
	for (size_t i = 0; e && i < e->n_nets; i++)
		if (net_has(&e->nets[i], at))
			return true;
	return false;
}

bool egress_addr(const struct egress *e, const struct sockaddr *addr)
{
	unsigned char at[16], inner[16];
	if (addr->sa_family == AF_INET)
		map_v4(&((const struct sockaddr_in *)(const void *)addr)->sin_addr, at);
	else if (addr->sa_family == AF_INET6)
		memcpy(at, &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr, 16);
	else
		return false;
	if ((e && e->open) || is_listed(e, at))
		return true;
	return !is_private(at) && !(inner_v4(at, inner) && is_private(inner));
}

/* ---- hosts ---- */

static bool is_host_entry(const char *text)
{
	const char *p = strncmp(text, "*.", 2) == 0 ? text + 2 : text;
	size_t len = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
	if (strcmp(text, "*") == 0)
		return true;
	if (!len || (p[len] && p[len] != ':'))
		return false;
	const char *port = p[len] ? p + len + 1 : NULL;
	return !port || (*port && strspn(port, "0123456789") == strlen(port));
}

bool egress_is_entry(const char *text)
{
	struct net n;
	return net_parse(text, &n) || is_host_entry(text);
}

static void add_entry(struct egress *e, const char *text)
{
	struct net n;
	if (!net_parse(text, &n)) {
		json_array_append_new(e->hosts, json_string(text));
		return;
	}
	e->nets = mem_realloc(e->nets, (e->n_nets + 1) * sizeof(n));
	e->nets[e->n_nets++] = n;
}

struct egress *egress_new(const json_t *conf)
{
	struct egress *e = mem_alloc(sizeof(*e));
	const json_t *allow = json_object_get(conf, "allow");
	const char *private = json_str(conf, "private");
	size_t i;
	json_t *v;
	*e = (struct egress){.any = !allow, .hosts = json_array()};
	e->open = private && strcmp(private, "allow") == 0;
	json_array_foreach ((json_t *)allow, i, v)
		add_entry(e, json_string_value(v));
	return e;
}

void egress_free(struct egress *e)
{
	if (!e)
		return;
	json_decref(e->hosts);
	free(e->nets);
	free(e);
}

/* "*.example.com:8443" over host and port. */
static bool entry_fits(const char *entry, const char *host, const char *port)
{
	size_t len = strcspn(entry, ":"), have = strlen(host);
	if (entry[len] && strcmp(entry + len + 1, port) != 0)
		return false;
	if (len == 1 && *entry == '*')
		return true;
	if (*entry != '*')
		return have == len && strncasecmp(entry, host, len) == 0;
	return have > len - 1 && strncasecmp(host + have - (len - 1), entry + 1, len - 1) == 0;
}

/* Host and port, read so that libcurl cannot read them in another way. */
static int split_url(const char *url, char host[HOST_MAX], char port[8], struct errmsg *msg)
{
	bool tls = strncasecmp(url, "https://", 8) == 0;
	if (!tls && strncasecmp(url, "http://", 7) != 0)
		return err_set(msg, ERR_INVALID,
			       "an address begins with https:// or http://, and '%.60s' does not",
			       url);
	for (const char *p = url; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '\\')
			return err_set(msg, ERR_INVALID,
				       "the address holds a blank, a control character or a "
				       "backslash: say values under query:");
	const char *from = url + (tls ? 8 : 7);
	size_t all = strcspn(from, "/?#");
	if (memchr(from, '@', all) || memchr(from, '%', all))
		return err_set(msg, ERR_INVALID,
			       "an address holds no name and password: say them "
			       "under headers:");
	bool v6 = *from == '[';
	size_t len = v6 ? strcspn(from, "]") : strcspn(from, ":/?#");
	const char *end = from + len + v6;
	if (!len || len >= HOST_MAX || (size_t)(end - from) > all)
		return err_set(msg, ERR_INVALID, "the address has no host");
	snprintf(host, HOST_MAX, "%.*s", (int)len - v6, from + v6);
	size_t last = strlen(host);
	if (last > 1 && host[last - 1] == '.')
		host[last - 1] = 0;
	if (*end == ':' && (size_t)(from + all - end) > 1)
		snprintf(port, 8, "%.*s", (int)(from + all - end - 1), end + 1);
	else
		snprintf(port, 8, "%s", tls ? "443" : "80");
	return 0;
}

int egress_url(const struct egress *e, const char *url, struct errmsg *msg)
{
	char host[HOST_MAX], port[8];
	unsigned char at[16];
	size_t i;
	json_t *v;
	int err = split_url(url, host, port, msg);
	if (err || !e || e->any)
		return err;
	if (address_parse(host, at) && is_listed(e, at))
		return 0;
	json_array_foreach (e->hosts, i, v)
		if (entry_fits(json_string_value(v), host, port))
			return 0;
	return err_set(msg, ERR_FORBIDDEN,
		       "%s:%s is not under egress.allow in pawl.yaml: name it there, or make it a "
		       "connection",
		       host, port);
}
