/* time.parse format add parts: instants are seconds, whole ones integers; zones by name. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/calendar.h"
#include "engine/base/timefmt.h"
#include "engine/lua/lib.h"
#include "engine/lua/machine.h"

#define SECONDS_MAX 253402300799.0 /* the end of the year 9999 */

static const struct zone *zone_arg(lua_State *L, int arg)
{
	struct machine *m = machine_of(L);
	const char *name = luaL_optstring(L, arg, m->zone);
	budget_charge(L, 50);
	const struct zone *z = zone_find(&m->zones, name);
	if (!z)
		luaL_error(L, "there is no time zone '%s'", name);
	return z;
}

/* Whole seconds, and what is left of them. */
static int64_t time_arg(lua_State *L, int arg, double *ret_rest)
{
	double t = luaL_checknumber(L, arg), whole = floor(t);
	if (!(t >= -SECONDS_MAX && t <= SECONDS_MAX))
		luaL_argerror(L, arg, "no time between the years -6000 and 9999");
	*ret_rest = t - whole;
	return (int64_t)whole;
}

static void push_time(lua_State *L, int64_t s, double rest)
{
	if (rest > 0)
		lua_pushnumber(L, (double)s + rest);
	else
		lua_pushinteger(L, s);
}

/* A text without an offset is a local time: read as UTC, then moved to the zone. */
static bool parse_local(const char *text, const struct zone *z, int64_t *ret_ms)
{
	char with_z[80];
	const char *clock = strpbrk(text, "Tt ");
	bool has_seconds = clock && strchr(clock, ':') != strrchr(clock, ':');
	int n = snprintf(with_z, sizeof(with_z), "%s%s%sZ", text, clock ? "" : "T00:00",
			 has_seconds ? "" : ":00");
	if (n < 0 || (size_t)n >= sizeof(with_z) || time_parse(with_z, ret_ms, NULL) != 0)
		return false;
	int64_t s = *ret_ms / 1000 - (*ret_ms % 1000 < 0), rest = *ret_ms - s * 1000;
	*ret_ms = zone_to_utc(z, s) * 1000 + rest;
	return true;
}

static bool has_offset(const char *text)
{
	const char *clock = strpbrk(text, "Tt ");
	return clock && strpbrk(clock + 1, "Zz+-");
}

static int time_parse_fn(lua_State *L)
{
	luaL_checkany(L, 1);
	if (lua_isnil(L, 1))
		return 1;
	const char *text = luaL_checkstring(L, 1);
	const struct zone *z = zone_arg(L, 2);
	int64_t ms;
	struct errmsg msg = {0};
	if (!has_offset(text)) {
		if (!parse_local(text, z, &ms))
			return luaL_error(L, "'%s' is no time such as 2026-11-24T09:00:00Z", text);
	} else if (time_parse(text, &ms, &msg) != 0) {
		return luaL_error(L, "%s", msg.text);
	}
	int64_t s = ms / 1000 - (ms % 1000 < 0);
	push_time(L, s, (double)(ms - s * 1000) / 1000);
	return 1;
}

static void add_offset(luaL_Buffer *b, int offset_s, const char *colon)
{
	char text[16];
	int a = abs(offset_s) / 60;
	snprintf(text, sizeof(text), "%c%02d%s%02d", offset_s < 0 ? '-' : '+', a / 60, colon,
		 a % 60);
	luaL_addstring(b, text);
}

static const char *const weekdays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
				       "Friday", "Saturday", "Sunday"};
static const char *const months[] = {"January",   "February", "March",    "April",
				     "May",       "June",     "July",     "August",
				     "September", "October",  "November", "December"};

/* One conversion; the words are English in every locale. */
static bool add_conversion(luaL_Buffer *b, char c, const struct calendar *t, int64_t utc_s)
{
	char text[64];
	int half = t->hour % 12 ? t->hour % 12 : 12;
	switch (c) {
	case 'Y':
		snprintf(text, sizeof(text), "%04lld", (long long)t->year);
		break;
	case 'y':
		snprintf(text, sizeof(text), "%02d", (int)((t->year % 100 + 100) % 100));
		break;
	case 'm':
		snprintf(text, sizeof(text), "%02d", t->month);
		break;
	case 'd':
		snprintf(text, sizeof(text), "%02d", t->day);
		break;
	case 'e':
		snprintf(text, sizeof(text), "%d", t->day);
		break;
	case 'H':
		snprintf(text, sizeof(text), "%02d", t->hour);
		break;
	case 'I':
		snprintf(text, sizeof(text), "%02d", half);
		break;
	case 'M':
		snprintf(text, sizeof(text), "%02d", t->min);
		break;
	case 'S':
		snprintf(text, sizeof(text), "%02d", t->sec);
		break;
	case 'p':
		snprintf(text, sizeof(text), "%s", t->hour < 12 ? "AM" : "PM");
		break;
	case 'j':
		snprintf(text, sizeof(text), "%03d", t->yearday);
		break;
	case 'u':
		snprintf(text, sizeof(text), "%d", t->weekday);
		break;
	case 'w':
		snprintf(text, sizeof(text), "%d", t->weekday % 7);
		break;
	case 's':
		snprintf(text, sizeof(text), "%lld", (long long)utc_s);
		break;
	case 'F':
		snprintf(text, sizeof(text), "%04lld-%02d-%02d", (long long)t->year, t->month,
			 t->day);
		break;
	case 'T':
		snprintf(text, sizeof(text), "%02d:%02d:%02d", t->hour, t->min, t->sec);
		break;
	case 'R':
		snprintf(text, sizeof(text), "%02d:%02d", t->hour, t->min);
		break;
	case 'A':
		snprintf(text, sizeof(text), "%s", weekdays[t->weekday - 1]);
		break;
	case 'a':
		snprintf(text, sizeof(text), "%.3s", weekdays[t->weekday - 1]);
		break;
	case 'B':
		snprintf(text, sizeof(text), "%s", months[t->month - 1]);
		break;
	case 'b':
		snprintf(text, sizeof(text), "%.3s", months[t->month - 1]);
		break;
	case 'z':
		add_offset(b, t->offset_s, "");
		return true;
	case '%':
		luaL_addchar(b, '%');
		return true;
	default:
		return false;
	}
	luaL_addstring(b, text);
	return true;
}

static int format_as(lua_State *L, const char *format, const struct zone *z, int64_t s)
{
	struct calendar t = calendar_of(z, s);
	luaL_Buffer b;
	luaL_buffinit(L, &b);
	for (const char *p = format; *p; p++) {
		if (*p != '%')
			luaL_addchar(&b, *p);
		else if (!p[1] || !add_conversion(&b, *++p, &t, s))
			return luaL_error(L, "time.format: there is no %%%c", *p);
	}
	luaL_pushresult(&b);
	return 1;
}

/* RFC 3339 with the zone's offset; milliseconds only when there are some. */
static int format_default(lua_State *L, const struct zone *z, int64_t s, double rest)
{
	char millis[16] = "";
	int ms = (int)(rest * 1000 + 0.5);
	if (ms == 1000)
		s++, ms = 0;
	if (ms)
		snprintf(millis, sizeof(millis), ".%03d", ms);
	struct calendar t = calendar_of(z, s);
	luaL_Buffer b;
	luaL_buffinit(L, &b);
	add_conversion(&b, 'F', &t, s);
	luaL_addchar(&b, 'T');
	add_conversion(&b, 'T', &t, s);
	luaL_addstring(&b, millis);
	if (t.offset_s == 0)
		luaL_addchar(&b, 'Z');
	else
		add_offset(&b, t.offset_s, ":");
	luaL_pushresult(&b);
	return 1;
}

static int time_format_fn(lua_State *L)
{
	double rest;
	int64_t s = time_arg(L, 1, &rest);
	size_t len = 0;
	const char *format = luaL_optlstring(L, 2, NULL, &len);
	const struct zone *z = zone_arg(L, 3);
	budget_charge(L, len * 4);
	return format ? format_as(L, format, z, s) : format_default(L, z, s, rest);
}

static int time_add(lua_State *L)
{
	double rest;
	int64_t s = time_arg(L, 1, &rest);
	const struct zone *z;
	if (lua_type(L, 2) == LUA_TNUMBER)
		return luaL_argerror(L, 2, "a span needs a unit: \"90s\", \"1mo\"");
	const char *span = luaL_checkstring(L, 2);
	z = zone_arg(L, 3);
	struct errmsg msg = {0};
	if (calendar_add(z, s, span, &s, &msg) != 0)
		return luaL_error(L, "time.add: %s", msg.text);
	push_time(L, s, rest);
	return 1;
}

static void set_part(lua_State *L, const char *name, int64_t v)
{
	lua_pushinteger(L, v);
	lua_setfield(L, -2, name);
}

static int time_parts(lua_State *L)
{
	double rest;
	int64_t s = time_arg(L, 1, &rest);
	struct calendar t = calendar_of(zone_arg(L, 2), s);
	lua_createtable(L, 0, 9);
	set_part(L, "year", t.year);
	set_part(L, "month", t.month);
	set_part(L, "day", t.day);
	set_part(L, "hour", t.hour);
	set_part(L, "min", t.min);
	set_part(L, "sec", t.sec);
	set_part(L, "weekday", t.weekday);
	set_part(L, "yearday", t.yearday);
	set_part(L, "offset", t.offset_s);
	return 1;
}

void lib_time_open(lua_State *L)
{
	static const luaL_Reg rows[] = {{"parse", time_parse_fn},
					{"format", time_format_fn},
					{"add", time_add},
					{"parts", time_parts},
					{NULL, NULL}};
	lua_newtable(L);
	luaL_setfuncs(L, rows, 0);
	lib_lock(L, NULL);
	lua_setfield(L, -2, "time");
}
