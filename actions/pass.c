/* Leave to send one request: credentials first, then a place in the rate. */
#include "actions/pass.h"

#include "actions/purse.h"

/* True: decided. */
static bool ask_rate(struct pass *p)
{
	if (p->conn->purse)
		return purse_ask(p->conn->purse, p);
	p->at = PASS_GRANTED;
	return true;
}

/* ---- credentials ---- */

/* There is a token, or a reason why there is none. True: decided. */
static bool with_token(struct pass *p)
{
	const struct token_wait *w = &p->token;
	if (!w->err)
		return ask_rate(p);
	p->at = PASS_IDLE;
	p->err = w->err;
	p->msg = w->msg;
	p->due = w->due;
	p->held = w->held;
	return true;
}

static void on_token(struct token_wait *w)
{
	struct pass *p = container_of(w, struct pass, token);
	if (with_token(p))
		p->cb(p);
}

bool pass_ask(struct pass *p, const struct services *s)
{
	pass_done(p);
	p->services = s;
	p->err = 0;
	p->due = 0;
	p->held = false;
	p->at = PASS_ASKED;
	p->token.cb = on_token;
	return token_ask(s->tokens, p->conn, p->auth, &p->token) ? with_token(p) : false;
}

const char *pass_leave(struct pass *p)
{
	p->at = PASS_LEFT;
	if (p->conn->purse)
		purse_leave(p->conn->purse, p);
	return token_leave(&p->token, p->conn);
}

void pass_answered(struct pass *p, const struct pass_answer *r)
{
	if (r->err != ERR_AUTH)
		token_proved(&p->token);
	if (p->conn->purse)
		purse_answered(p->conn->purse, p, r);
}

bool pass_can_renew(struct pass *p)
{
	return token_refused(&p->token);
}

void pass_done(struct pass *p)
{
	token_done(&p->token);
	if (p->conn && p->conn->purse)
		purse_done(p->conn->purse, p);
	p->at = PASS_IDLE;
}
