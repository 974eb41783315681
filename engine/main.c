/* The program: signals, the seed of hashing, then the command line. */
#include <signal.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/crash.h"
#include "engine/base/log.h"
#include "engine/base/map.h"
#include "engine/cli/cli.h"

/* The last moves go to stderr with write(2) alone, then the signal does what it does by default. */
static void on_crash(int signo)
{
	static const char head[] = "pawl: crashed; the last moves:\n";
	ssize_t n = write(STDERR_FILENO, head, sizeof(head) - 1);
	(void)n;
	log_ring_dump(STDERR_FILENO);
	crash_note();
	(void)raise(signo);
}

static void set_signals(void)
{
	/* A crash on an exhausted stack has none to run the handler on. */
	static char stack[64 * 1024];
	stack_t alt = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction crash = {.sa_handler = on_crash,
				  .sa_flags = SA_RESETHAND | SA_NODEFER | SA_ONSTACK};
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	(void)sigaltstack(&alt, NULL);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		struct sigaction old;
		/* A sanitizer has its own handler, whose report says more. */
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			(void)sigaction(signals[i], &crash, NULL);
	}
	(void)signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	set_signals();
	map_seed(rng_u64(&rng_real));
	return cli_main(argc, argv);
}
