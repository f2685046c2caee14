// SPDX-License-Identifier: GPL-2.0-only
/*
 * The terminal: taken once, given back on every way out. Ordinary ends go
 * through top_term__stop(); a crash writes prepared bytes from its handler,
 * which calls nothing but what signal-safety(7) allows.
 */
#include <err.h>
#include <errno.h>
#include <langinfo.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "top_ui.h"
#include "util.h"

#include <term.h> /* last: its macros are called lines and columns */

static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGQUIT };
static const int endings[] = { SIGTERM, SIGHUP, SIGINT };

/* A handler has no argument to find these by. */
static struct {
	struct termios before;
	sigset_t mask; /* of signals, before */
	char restore[256];
	size_t restore_len;
	volatile sig_atomic_t ended;
	int said;   /* what went to stderr meanwhile */
	int errors; /* the real stderr */
	SCREEN *screen;
} term = { .said = -1, .errors = -1 };

static void on_crash(int sig)
{
	ssize_t put = write(STDOUT_FILENO, term.restore, term.restore_len);

	(void)put;
	tcsetattr(STDIN_FILENO, TCSANOW, &term.before);
	if (term.errors >= 0)
		dup2(term.errors, STDERR_FILENO);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void on_ending(int sig)
{
	term.ended = sig;
}

/* Adds a capability without its padding, "$<5>". */
static void add_capability(const char *name)
{
	const char *c = tigetstr((char *)name);

	if (!c || c == (char *)-1)
		return;
	for (; *c && term.restore_len < sizeof(term.restore); c++) {
		if (c[0] == '$' && c[1] == '<' && strchr(c, '>'))
			c = strchr(c, '>');
		else
			term.restore[term.restore_len++] = *c;
	}
}

static void watch_signals(void)
{
	static char stack[1 << 14]; /* a handler needs one of its own when the stack is full */
	struct sigaction crash = { .sa_handler = on_crash, .sa_flags = SA_ONSTACK | SA_NODEFER };
	struct sigaction end = { .sa_handler = on_ending };
	stack_t alternative = { .ss_sp = stack, .ss_size = sizeof(stack) };
	sigset_t block;

	sigaltstack(&alternative, NULL);
	sigemptyset(&block);
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		sigaddset(&block, endings[i]);
		sigaction(endings[i], &end, NULL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		sigaction(crashes[i], &crash, NULL);
	/* They arrive only in ppoll(), so that none is missed before it. */
	sigaddset(&block, SIGWINCH);
	sigprocmask(SIG_BLOCK, &block, &term.mask);
}

static int refuse(const char *why)
{
	const char *name = getenv("TERM");

	warnx("%s (TERM=%s): use -b for lines of text", why, name ? name : "");
	return -ENOTTY;
}

/* Looks the terminal up, and prepares what gives it back. */
static int look_up_terminal(void)
{
	static const char *const capabilities[] = { "rmkx", "cnorm", "sgr0", "rmcup" };
	const char *name = getenv("TERM");
	bool moves;
	int found;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		warnx("the live view needs a terminal: use -b for lines of text");
		return -ENOTTY;
	}
	if (!name || setupterm(name, STDOUT_FILENO, &found) != OK)
		return refuse("this terminal is not known here");
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++)
		add_capability(capabilities[i]);
	moves = tigetstr("cup") && tigetstr("cup") != (char *)-1;
	del_curterm(cur_term); /* newterm() makes its own */
	return moves ? 0 : refuse("this terminal cannot move its cursor");
}

static void keep_stderr(void)
{
	term.said = memfd_create("gup-pintop-stderr", MFD_CLOEXEC);
	if (term.said < 0)
		return;
	term.errors = dup(STDERR_FILENO);
	dup2(term.said, STDERR_FILENO);
}

static void give_back_stderr(void)
{
	char text[512];
	ssize_t len;

	if (term.errors < 0)
		return;
	dup2(term.errors, STDERR_FILENO);
	lseek(term.said, 0, SEEK_SET);
	while ((len = read(term.said, text, sizeof(text))) > 0)
		if (write(STDERR_FILENO, text, len) != len)
			break;
	close(term.said);
	close(term.errors);
	term.said = term.errors = -1;
}

static void set_colors(void)
{
	static const short colors[] = { 0, COLOR_RED, COLOR_YELLOW, COLOR_GREEN, COLOR_CYAN };
	const char *no_color = getenv("NO_COLOR");

	if ((no_color && *no_color) || !has_colors() || start_color() != OK)
		return;
	use_default_colors();
	for (short i = 1; i < (short)ARRAY_SIZE(colors); i++)
		init_pair(i, colors[i], -1);
}

/* Ctrl-S would freeze the screen, and the program with it. */
static void ignore_flow_control(void)
{
	struct termios mode;

	tcgetattr(STDIN_FILENO, &mode);
	mode.c_iflag &= ~(tcflag_t)IXON;
	tcsetattr(STDIN_FILENO, TCSANOW, &mode);
	def_prog_mode();
}

int top_term__start(bool ascii, bool *utf8)
{
	int err = look_up_terminal();

	if (err)
		return err;
	tcgetattr(STDIN_FILENO, &term.before);
	term.screen = newterm(NULL, stdout, stdin);
	if (!term.screen)
		return refuse("this terminal cannot show a screen");
	keep_stderr();
	watch_signals();
	*utf8 = !ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	set_colors();
	cbreak();
	noecho();
	ignore_flow_control();
	nodelay(stdscr, true);
	keypad(stdscr, true);
	set_escdelay(25);
	curs_set(0);
	return 0;
}

void top_term__stop(void)
{
	if (!term.screen)
		return;
	endwin();
	delscreen(term.screen);
	term.screen = NULL;
	give_back_stderr();
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		signal(endings[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, &term.mask, NULL);
}

int top_term__signal(void)
{
	return term.ended;
}

void top_term__wait(int fd, bool busy)
{
	static const struct timespec none_at_all;
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				{ .fd = fd, .events = POLLIN } };
	sigset_t none;

	sigemptyset(&none);
	if (ppoll(fds, ARRAY_SIZE(fds), busy ? &none_at_all : NULL, &none) > 0 &&
	    fds[0].revents & (POLLHUP | POLLERR))
		term.ended = SIGHUP;
}
