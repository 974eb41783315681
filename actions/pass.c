/* Leave to send one request: credentials first, then a place in the rate. */
#include "actions/pass.h"

#include "actions/purse.h"

bool pass_ask(struct pass *p, const struct services *s)
{
	pass_done(p);
	p->services = s;
	p->err = 0;
	p->due = 0;
	p->held = false;
	if (p->conn->purse)
		return purse_ask(p->conn->purse, p);
	p->at = PASS_GRANTED;
	return true;
}

const char *pass_leave(struct pass *p)
{
	p->at = PASS_LEFT;
	if (p->conn->purse)
		purse_leave(p->conn->purse, p);
	return p->conn->authorization;
}

void pass_answered(struct pass *p, const struct pass_answer *r)
{
	if (p->conn->purse)
		purse_answered(p->conn->purse, p, r);
}

bool pass_can_renew(const struct pass *p)
{
	(void)p;
	return false;
}

void pass_done(struct pass *p)
{
	if (p->conn && p->conn->purse)
		purse_done(p->conn->purse, p);
	p->at = PASS_IDLE;
}
