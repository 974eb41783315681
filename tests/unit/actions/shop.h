/* The connector of an API in memory: one action of each effect class, a merging update, and jobs. */
#pragma once

#define SHOP                                                                                       \
	"connector:\n"                                                                             \
	"  name: shop\n"                                                                           \
	"  title: Shop\n"                                                                          \
	"  about: Of these tests.\n"                                                               \
	"  base_url: http://api.test\n"                                                            \
	"  auth: [none]\n"                                                                         \
	"  errors: {key: [key], message: [message], by_status: {404: not_found, 409: conflict}}\n" \
	"  job:\n"                                                                                 \
	"    action: job_status\n"                                                                 \
	"    param: id\n"                                                                          \
	"    id: id\n"                                                                             \
	"    state: state\n"                                                                       \
	"    running: [running]\n"                                                                 \
	"    states: {completed: completed, failed: failed}\n"                                     \
	"    list: list_jobs\n"                                                                    \
	"    items: jobs\n"                                                                        \
	"    created: created\n"                                                                   \
	"    kept: 10d\n"                                                                          \
	"  paging: {link: [next]}\n"                                                               \
	"group: All\n"                                                                             \
	"x-job: &job {fields: {id: string, state: string, created: datetime, file: string}}\n"     \
	"x-customer: &customer {fields: {id: string, key: string, name: string, deleted: string, " \
	"a: integer, b: integer, created: datetime}}\n"                                            \
	"actions:\n"                                                                               \
	"  look: {title: Look, about: Reads., method: GET, path: '/customers/{id}', "              \
	"params: {id: string}, success: [200], answer: *customer, effect: read}\n"                 \
	"  find: {title: Find, about: Finds., method: GET, path: /customers, "                     \
	"params: {key: {type: string, in: query}}, success: [200], "                               \
	"answer: {fields: {items: {items: *customer}}}, effect: read}\n"                           \
	"  rename: {title: Rename, about: Renames., method: PUT, path: '/names/{id}', "            \
	"params: {id: string, name: {type: string, in: body}}, success: [200], "                   \
	"answer: *customer, effect: idempotent}\n"                                                 \
	"  change: {title: Change, about: Changes., method: PUT, path: '/customers/{id}', "        \
	"params: {id: string, a: {type: integer, in: body}, b: {type: integer, in: body}, "        \
	"raw: {type: boolean, in: local}}, success: [200], answer: *customer, "                    \
	"effect: idempotent, errors: {409: conflict}, "                                            \
	"merge: {read: look, key: {id: id}, carry: [a, b], unless: raw}}\n"                        \
	"  create: {title: Create, about: Creates., method: POST, path: /customers, "              \
	"params: {key: {type: string, in: body, required: true}, name: {type: string, in: body}, " \
	"ref: {type: integer, in: body}}, success: [201], answer: *customer, effect: keyed, "      \
	"errors: {409: exists}, reconcile: {look_up: find, key: {key: key}, match: {key: key}, "   \
	"agree: [name], items: items, created: created, deleted: deleted, id: id}}\n"              \
	"  order: {title: Order, about: Orders., method: POST, path: /orders, "                    \
	"params: {ref: {type: integer, in: body}}, success: [201], "                               \
	"answer: {fields: {id: string}}, effect: once}\n"                                          \
	"  tag: {title: Tag, about: Tags., method: POST, path: /jobs/tag, "                        \
	"params: {ref: {type: integer, in: body}}, success: [201], answer: *job, effect: job, "    \
	"job: true, repeat: harmless}\n"                                                           \
	"  purge: {title: Purge, about: Purges., method: POST, path: /jobs/purge, "                \
	"params: {ref: {type: integer, in: body}}, success: [201], answer: *job, effect: job, "    \
	"job: true}\n"                                                                             \
	"  list_jobs: {title: Jobs, about: Lists jobs., method: GET, path: /jobs, "                \
	"params: {limit: {type: integer, in: query, max: 50, default: 20}, "                       \
	"from: {type: integer, in: query}}, success: [200], "                                      \
	"answer: {fields: {jobs: {items: *job}, next: string}}, "                                  \
	"paging: {items: jobs, limit: limit, max: 50, size: 20}, effect: read}\n"                  \
	"  job_status: {title: Job, about: Reads a job., method: GET, path: '/jobs/{id}', "        \
	"params: {id: string}, success: [200], answer: *job, effect: read}\n"
