/* Leave to send one request. */
#include "actions/pass.h"

bool pass_ask(struct pass *p, const struct services *s)
{
	p->services = s;
	p->err = 0;
	p->due = 0;
	p->held = false;
	p->at = PASS_GRANTED;
	return true;
}

const char *pass_leave(struct pass *p)
{
	p->at = PASS_LEFT;
	return p->conn->authorization;
}

void pass_answered(struct pass *p, int err, int64_t peer_ms)
{
	(void)p;
	(void)err;
	(void)peer_ms;
}

bool pass_can_renew(const struct pass *p)
{
	(void)p;
	return false;
}

void pass_done(struct pass *p)
{
	p->at = PASS_IDLE;
}
