/* Records and fields of CSV. */
#include "engine/base/csv.h"

#include <string.h>

static const unsigned char mark[3] = {0xef, 0xbb, 0xbf};

/* Whether a byte belongs to a mark at the file's beginning. */
static bool is_mark(struct csv *c, unsigned char byte)
{
	if (c->mark < sizeof(mark) && byte == mark[c->mark]) {
		c->mark++;
		return true;
	}
	c->mark = sizeof(mark) + 1;
	return false;
}

static void step(struct csv *c, char byte)
{
	switch (c->at) {
	case CSV_QUOTED:
		if (byte == '"')
			c->at = CSV_QUOTE;
		break;
	case CSV_QUOTE:
		c->at = byte == '"'    ? CSV_QUOTED
			: byte == ','  ? CSV_FIELD
			: byte == '\r' ? CSV_QUOTE
				       : CSV_PLAIN;
		break;
	case CSV_FIELD:
	case CSV_PLAIN:
	default:
		c->at = byte == ','                         ? CSV_FIELD
			: byte == '"' && c->at == CSV_FIELD ? CSV_QUOTED
							    : CSV_PLAIN;
	}
}

size_t csv_scan(struct csv *c, const char *data, size_t len, bool *ret_end)
{
	*ret_end = false;
	for (size_t i = 0; i < len; i++) {
		if (c->mark <= sizeof(mark) && is_mark(c, (unsigned char)data[i]))
			continue;
		c->lines += data[i] == '\n';
		if (data[i] != '\n' || c->at == CSV_QUOTED) {
			step(c, data[i]);
			continue;
		}
		c->at = CSV_FIELD;
		*ret_end = true;
		return i + 1;
	}
	return len;
}

static size_t without_end(const char *record, size_t len)
{
	if (len && record[len - 1] == '\n')
		len--;
	if (len && record[len - 1] == '\r')
		len--;
	return len;
}

bool csv_is_blank(const char *record, size_t len)
{
	return without_end(record, len) == 0;
}

static bool add_field(json_t *list, struct buf *field)
{
	json_t *text = memchr(buf_str(field), 0, field->len)
			       ? NULL
			       : json_stringn(buf_str(field), field->len);
	buf_clear(field);
	return text && json_array_append_new(list, text) == 0;
}

json_t *csv_fields(const char *record, size_t len)
{
	json_t *list = json_array();
	struct buf field = BUF_INIT;
	struct csv c = {.mark = sizeof(mark) + 1};
	bool ok = true;
	len = without_end(record, len);
	size_t i =
		len >= sizeof(mark) && memcmp(record, mark, sizeof(mark)) == 0 ? sizeof(mark) : 0;
	for (; i < len && ok; i++) {
		int before = (int)c.at;
		step(&c, record[i]);
		if (c.at == CSV_FIELD)
			ok = add_field(list, &field);
		else if (!(before == CSV_FIELD && c.at == CSV_QUOTED) && c.at != CSV_QUOTE)
			(void)buf_putc(&field, record[i]);
	}
	ok = ok && add_field(list, &field);
	buf_done(&field);
	if (ok)
		return list;
	json_decref(list);
	return NULL;
}

void csv_add(struct buf *b, const char *text, size_t len)
{
	bool plain = !memchr(text, '"', len) && !memchr(text, ',', len) &&
		     !memchr(text, '\n', len) && !memchr(text, '\r', len);
	if (plain) {
		(void)buf_add(b, text, len);
		return;
	}
	(void)buf_putc(b, '"');
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			(void)buf_putc(b, '"');
		(void)buf_putc(b, text[i]);
	}
	(void)buf_putc(b, '"');
}
