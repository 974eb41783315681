/* Where steps may send what rules say: `egress:` of pawl.yaml. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "engine/base/err.h"

struct egress;

/*
 * From {allow: [entries], private: deny or allow}. An entry is a host, *.host for all below it, either with a
 * port, or an address or a net such as 10.1.0.0/16, which allows it though it is private.
 */
struct egress *egress_new(const json_t *conf);
void egress_free(struct egress *e);
/* Whether it can be an entry of `allow`. */
bool egress_is_entry(const char *text);
/* Whether the host of this address may be asked. e may be NULL. ERR_INVALID, ERR_FORBIDDEN. */
int egress_url(const struct egress *e, const char *url, struct errmsg *msg);
/* The same of the address that the host's name stands for. */
bool egress_addr(const struct egress *e, const struct sockaddr *addr);
