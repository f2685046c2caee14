// SPDX-License-Identifier: GPL-2.0-only
/*
 * The client of gup-pind's socket against daemons that answer well, wrongly,
 * too little, too much, too slowly or not at all. Each is a child that serves
 * one connection.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "pind_client.h"
#include "util.h"

#define OK_HEADER "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n"

static char folder[] = "/tmp/gup-client-XXXXXX", path[64];
static const struct pind_client client = { path, 2000, 1 << 20 };

struct answer {
	const char *text;
	size_t bytes; /* 0 = strlen(text) */
	int repeat;   /* how often the text is sent */
	int hold_ms;  /* between two of them, and before the end */
	int want;     /* errno */
};

static int listen_here(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

static _Noreturn void serve(int listener, const struct answer *answer)
{
	size_t bytes = answer->bytes ? answer->bytes : strlen(answer->text);
	char request[512];
	int fd = accept(listener, NULL, NULL);
	ssize_t got = read(fd, request, sizeof(request) - 1);

	request[got > 0 ? got : 0] = '\0';
	if (strncmp(request, "GET /here HTTP/1.0\r\n", 20) || !strstr(request, "\r\n\r\n"))
		_exit(1);
	for (int i = 0; i < answer->repeat; i++) {
		if (send(fd, answer->text, bytes, MSG_NOSIGNAL) < 0)
			_exit(0);
		poll(NULL, 0, answer->hold_ms);
	}
	_exit(0);
}

/* What the client makes of it: the body, or NULL with errno. */
static char *get(const struct answer *answer, size_t *bytes)
{
	int listener = listen_here(), status, err;
	char why[256] = "", *body;
	pid_t child = fork();

	if (!child)
		serve(listener, answer);
	close(listener);
	body = pind_client__get(&client, "/here", bytes, why, sizeof(why));
	err = errno;
	if (!body) {
		assert_non_null(strstr(why, path));
		assert_null(strchr(why, '\n'));
	}
	kill(child, answer->hold_ms ? SIGKILL : 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(answer->hold_ms || !status);
	errno = err;
	return body;
}

static void test_whole(void **state)
{
	static const struct answer whole[] = {
		{ OK_HEADER "Content-Length: 5\r\n\r\nhello", 0, 1, 0, 0 },
		{ OK_HEADER "content-length:   5\r\nX: y\r\n\r\nhello", 0, 1, 0, 0 },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 0, 1, 0, 0 },
	};
	static const char nul[] = OK_HEADER "Content-Length: 3\r\n\r\na\0b";
	const struct answer with_nul = { nul, sizeof(nul) - 1, 1, 0, 0 };
	size_t bytes;
	char *body;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		body = get(&whole[i], &bytes);
		assert_non_null(body);
		assert_int_equal(bytes, 5);
		assert_string_equal(body, "hello");
		free(body);
	}
	body = get(&with_nul, &bytes);
	assert_non_null(body);
	assert_int_equal(bytes, 3);
	assert_memory_equal(body, "a\0b", 4);
	free(body);
}

static void test_broken(void **state)
{
	static const struct answer broken[] = {
		{ "", 0, 1, 0, EPROTO },
		{ "\0\0\0\0", 4, 1, 0, EPROTO },
		{ "SSH-2.0-OpenSSH_9.2\r\n\r\n", 0, 1, 0, EPROTO },
		{ OK_HEADER "Content-Length: 5\r\n", 0, 1, 0, EPROTO },
		{ OK_HEADER "\r\nhello", 0, 1, 0, EPROTO },
		{ OK_HEADER "Content-Length: 5\r\n\r\nhell", 0, 1, 0, EPROTO },
		{ OK_HEADER "Content-Length: 5\r\n\r\nhello!", 0, 1, 0, EPROTO },
		{ OK_HEADER "Content-Length: five\r\n\r\nhello", 0, 1, 0, EPROTO },
		{ OK_HEADER "Content-Length: -5\r\n\r\nhello", 0, 1, 0, EPROTO },
		{ OK_HEADER "Content-Length: 99999999999999999999\r\n\r\nhello", 0, 1, 0, EPROTO },
		{ "HTTP/1.0 404 Not Found\r\nContent-Length: 2\r\n\r\nno", 0, 1, 0, EPROTO },
		{ "HTTP/1.0 503 Unavailable\r\nContent-Length: 2\r\n\r\nno", 0, 1, 0, EAGAIN },
		/* nothing in time; a byte now and then; more than there may be */
		{ "", 0, 1, 60000, ETIMEDOUT },
		{ "H", 0, 1000, 100, ETIMEDOUT },
		{ "HTTP/1.0 200 OK HTTP/1.0 200 OK ", 0, 100000, 0, EPROTO },
	};
	size_t bytes;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		char *body = get(&broken[i], &bytes);

		if (body || errno != broken[i].want)
			print_message("answer %zu: %s\n", i, body ? body : strerror(errno));
		assert_null(body);
		assert_int_equal(errno, broken[i].want);
	}
}

static void test_nobody(void **state)
{
	struct pind_client other = client;
	char why[256], long_path[200];
	size_t bytes;

	(void)state;
	close(listen_here()); /* a socket that nobody listens at any more */
	assert_null(pind_client__get(&client, "/here", &bytes, why, sizeof(why)));
	assert_int_equal(errno, ENOENT);
	unlink(path);
	assert_null(pind_client__get(&client, "/here", &bytes, why, sizeof(why)));
	assert_int_equal(errno, ENOENT);
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	other.socket = long_path;
	assert_null(pind_client__get(&other, "/here", &bytes, why, sizeof(why)));
	assert_int_equal(errno, ENAMETOOLONG);
}

/* Somebody listens, but does not accept: connecting has its time, too. */
static void test_full(void **state)
{
	int listener = listen_here(), fds[16];
	struct pind_client hasty = client;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char why[256];
	size_t bytes;

	(void)state;
	strcpy(addr.sun_path, path);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fds[i], (struct sockaddr *)&addr, sizeof(addr));
	}
	hasty.timeout_ms = 200;
	assert_null(pind_client__get(&hasty, "/here", &bytes, why, sizeof(why)));
	assert_int_equal(errno, ETIMEDOUT);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	close(listener);
}

static void test_forbidden(void **state)
{
	char why[256] = "";
	size_t bytes;
	int listener;

	(void)state;
	if (geteuid()) {
		print_message("needs root\n");
		skip();
	}
	listener = listen_here();
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(seteuid(65534), 0);
	assert_null(pind_client__get(&client, "/here", &bytes, why, sizeof(why)));
	assert_int_equal(errno, EACCES);
	assert_int_equal(seteuid(0), 0);
	assert_non_null(strstr(why, "group"));
	close(listener);
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder) || chmod(folder, 0755))
		return -1;
	snprintf(path, sizeof(path), "%s/socket", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),	  cmocka_unit_test(test_broken),
		cmocka_unit_test(test_nobody),	  cmocka_unit_test(test_full),
		cmocka_unit_test(test_forbidden),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
