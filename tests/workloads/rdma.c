// SPDX-License-Identifier: GPL-2.0
/*
 * rdma: register a memory region with an RDMA device, hold it, deregister it.
 *
 * Drives ib_umem_get (v7.3: __ib_umem_get_va), which pins by pin_user_pages_fast with
 * FOLL_LONGTERM. Works with any device; in a guest with the software device of rdma_rxe:
 * `rdma link add rxe0 type rxe netdev DEV`. The protocol on stdout is that of the program pins.
 */
#include <argp.h>
#include <errno.h>
#include <infiniband/verbs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pinargs.h"

#define SETTLE_MS 2000

struct env {
	const char *device;
	const char *kind;
	unsigned long count;
	unsigned long hold_ms;
	unsigned long holder_ms;
	bool read_only;
	bool wait;
	bool vmstat;
	bool fork_holder;
	bool munmap_child;
	bool close_only;

	struct mem mem;
	struct ibv_context *ctx;
	struct ibv_pd *pd;
	struct ibv_mr *mr;
	struct pin_stat base;
};

enum { OPT_WAIT = 256, OPT_VMSTAT, OPT_FORK_HOLDER, OPT_MUNMAP_CHILD, OPT_CLOSE };

static const struct argp_option options[] = {
	{ "device", 'd', "NAME", 0, "RDMA device (default rxe0)", 0 },
	{ "count", 'n', "N", 0, "pages (default 1031)", 0 },
	{ "kind", 'k', "KIND", 0, "memory, as of the program pins (default anon)", 0 },
	{ "read-only", 'r', NULL, 0, "a region that the device may only read", 0 },
	{ "hold", 'H', "SECONDS", 0, "hold the pins so long", 0 },
	{ "wait", OPT_WAIT, NULL, 0, "hold the pins until a line, or the end, of stdin", 0 },
	{ "close", OPT_CLOSE, NULL, 0, "exit without deregistering", 0 },
	{ "fork-holder", OPT_FORK_HOLDER, "SECONDS", 0,
	  "while pinned, fork a child that keeps the "
	  "uverbs file open so long, and exit",
	  0 },
	{ "munmap-child", OPT_MUNMAP_CHILD, NULL, 0, "that child unmaps the memory", 0 },
	{ "vmstat", OPT_VMSTAT, NULL, 0, "print how far /proc/vmstat went up", 0 },
	{ 0 },
};

static const char doc[] =
	"Pin memory by an RDMA memory region.\v"
	"Prints `pinned PAGES` and `released`, or `holder PID`, as the program pins does. "
	"Exit status: 0 done, 2 usage, 4 failed, 77 no such device.";

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct env *env = state->input;

	switch (key) {
	case 'd':
		env->device = arg;
		break;
	case 'n':
		env->count = num_arg(arg, state);
		break;
	case 'k':
		env->kind = kind_arg(arg, state);
		break;
	case 'r':
		env->read_only = true;
		break;
	case 'H':
		env->hold_ms = ms_arg(arg, state);
		break;
	case OPT_WAIT:
		env->wait = true;
		break;
	case OPT_CLOSE:
		env->close_only = true;
		break;
	case OPT_FORK_HOLDER:
		env->fork_holder = true;
		env->holder_ms = ms_arg(arg, state);
		break;
	case OPT_MUNMAP_CHILD:
		env->munmap_child = true;
		break;
	case OPT_VMSTAT:
		env->vmstat = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int open_device(struct env *env)
{
	struct ibv_device **list = ibv_get_device_list(NULL);

	for (unsigned int i = 0; list && list[i] && !env->ctx; i++) {
		if (!strcmp(ibv_get_device_name(list[i]), env->device))
			env->ctx = ibv_open_device(list[i]);
	}
	if (list)
		ibv_free_device_list(list);
	errno = 0;
	return env->ctx ? 0 : skip("no RDMA device %s", env->device);
}

static int pin(struct env *env)
{
	int access = env->read_only ? 0 : IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE;

	env->pd = ibv_alloc_pd(env->ctx);
	if (!env->pd)
		return fail("ibv_alloc_pd");
	env->mr = ibv_reg_mr(env->pd, env->mem.addr, env->mem.len, access);
	return env->mr ? 0 : fail("ibv_reg_mr of %zu bytes", env->mem.len);
}

static int release(struct env *env)
{
	errno = ibv_dereg_mr(env->mr);
	if (errno)
		return fail("ibv_dereg_mr");
	if (ibv_dealloc_pd(env->pd) || ibv_close_device(env->ctx))
		return fail("closing %s", env->device);
	return 0;
}

static int run(struct env *env)
{
	int status = open_device(env);

	if (!status)
		status = mem__map(&env->mem, env->kind, env->count);
	if (!status && env->vmstat)
		status = pin_stat__read(&env->base);
	if (!status)
		status = pin(env);
	if (!status)
		status = env->vmstat ? say_vmstat(&env->base, "held") : 0;
	if (status)
		return status;
	say("pinned %lu", env->count);
	sleep_ms(env->hold_ms);
	if (env->wait)
		wait_line();
	if (env->fork_holder)
		return fork_holder(&env->mem, env->munmap_child, env->holder_ms);
	if (env->close_only)
		return 0;
	status = release(env);
	if (status)
		return status;
	if (env->vmstat)
		pin_stat__settle(&env->base, SETTLE_MS);
	say("released");
	return env->vmstat ? say_vmstat(&env->base, "end") : 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse_opt, NULL, doc, NULL, NULL, NULL };
	struct env env = { .device = "rxe0", .kind = "anon", .count = 1031, .mem.fd = -1 };

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &env);
	raise_memlock();
	return run(&env);
}
