/*
 * One exchange as libcurl sees it: a handle, what the request sets on it, what libcurl asks and gives
 * meanwhile, and what its result means. Private to engine/io; http.c drives the handles.
 */
#pragma once

#include <curl/curl.h>

#include "engine/io/http.h"

/* A libcurl handle and what one request hands to it. */
struct http_easy {
	struct link link;
	CURL *curl;
	struct buf text;          /* the header lines, NUL-terminated one after another */
	struct curl_slist *nodes; /* libcurl's list of them */
	size_t cap;
	char error[CURL_ERROR_SIZE];
};

/* Aborts when memory is out. */
struct http_easy *exchange_easy_new(void);
void exchange_easy_free(struct http_easy *e);
/* 0, or ERR_INVALID with r->msg: before a handle is taken. */
int exchange_check(struct http_req *r);
/* Sets r->easy up for r. 0, or ERR_INVALID with r->msg. */
int exchange_prepare(struct http_req *r);
/* Whether any byte of the request has left. */
bool exchange_has_left(const struct http_req *r);
/* Sets r's status, reach, err and msg from libcurl's result. */
void exchange_judge(struct http_req *r, CURLcode rc);
