/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Snapshots for the unit tests, built by hand and audited: the report's own
 * example, a clean run of CMD, a leaking driver, a hostile host. Figures are
 * invented but consistent: groups sum to the totals.
 */
#ifndef GUP_TEST_FIXTURE_H
#define GUP_TEST_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "audit.h"
#include "forms.h"
#include "snapshot.h"
#include "suppress.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define MS 1000000ULL
#define S (1000 * MS)
#define KIB 1024ULL
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TAKEN (1795351447218 * MS)    /* 2026-11-22T12:44:07.218Z */
#define EXITED (TAKEN - 7984808 * MS) /* 10:31:02.410 */

/* Arrays grow, so elements are named by index; the pointer is good until the next add. */
static inline int add_process(struct snapshot *snap, uint32_t pid, const char *comm)
{
	struct process *process =
		snapshot__append(snap, &snap->processes, &snap->process_cnt, sizeof(*process));

	process->pid = pid;
	process->comm = snapshot__str(snap, comm);
	process->uid = 1001;
	process->started_ns = TAKEN - 9092447 * MS;
	process->start_boot_ns = 1000 * S + pid;
	process->forked_from = -1;
	process->cgroup = "/system.slice/train.service";
	process->exit_status = -1;
	return snap->process_cnt - 1;
}

static inline void end_process(struct snapshot *snap, int at, uint64_t when_ns)
{
	snap->processes[at].exited = true;
	snap->processes[at].exited_ns = when_ns;
	snap->processes[at].exit_status = 0;
}

/* Functions innermost first, "function@module" or "function@file"; ends with NULL. */
static inline int add_stack(struct snapshot *snap, bool user, const char *why,
			    const char *const *functions)
{
	struct stack *stack =
		snapshot__append(snap, &snap->stacks, &snap->stack_cnt, sizeof(*stack));
	struct frame *frame;
	char *name, *at;

	stack->user = user;
	stack->complete = !why;
	stack->why = why;
	for (; *functions; functions++) {
		frame = snapshot__append(snap, &stack->frames, &stack->frame_cnt, sizeof(*frame));
		name = (char *)snapshot__str(snap, *functions);
		at = strchr(name, '@');
		if (at)
			*at++ = '\0';
		frame->function = *name ? name : NULL;
		*(user ? &frame->file : &frame->module) = at;
		frame->offset = user ? 1063707 : 0;
	}
	return snap->stack_cnt - 1;
}

static inline struct group *add_group(struct snapshot *snap, int owner, uint64_t pins,
				      uint64_t folios, uint64_t bytes)
{
	struct group *group =
		snapshot__append(snap, &snap->groups, &snap->group_cnt, sizeof(*group));

	group->owner = owner;
	group->owner_basis = owner < 0 ? BASIS_UNKNOWN : BASIS_RECORDED;
	group->memory_of = -1;
	group->q = (struct quantity){ pins, folios, bytes };
	group->oldest_ns = TAKEN - 9085798 * MS;
	group->newest_ns = group->oldest_ns + 379 * MS;
	group->api = API_PIN_USER_PAGES_FAST;
	group->flags = PIN_WRITE | PIN_LONGTERM;
	group->calls = 1;
	group->kernel_stack = group->user_stack = -1;
	group->through.fd = -1;
	group->holders_complete = true;
	return group;
}

static inline void add_memory(struct snapshot *snap, struct group *group, enum mem_kind kind,
			      uint64_t folio_bytes, uint64_t folios)
{
	struct memory *memory =
		snapshot__append(snap, &group->memory, &group->memory_cnt, sizeof(*memory));

	*memory = (struct memory){
		.kind = kind, .folio_bytes = folio_bytes, .folios = folios, .zone = "Normal"
	};
}

static inline void add_holder(struct snapshot *snap, struct group *group, int process, int fd,
			      enum basis basis, const char *why)
{
	struct holder *holder =
		snapshot__append(snap, &group->held_by, &group->held_by_cnt, sizeof(*holder));

	*holder = (struct holder){ process, fd, basis, why };
}

static inline void set_through(struct group *group, const char *kind, const char *path, int fd,
			       const char *syscall)
{
	group->through = (struct through){ true, kind, path, fd, syscall };
}

/* Totals from the groups, which must not overlap. */
static inline void add_up(struct snapshot *snap)
{
	struct quantity *sum;
	size_t i;

	snap->pinned = snap->attributed = snap->unattributed = (struct quantity){ 0 };
	for (i = 0; i < snap->group_cnt; i++) {
		sum = snap->groups[i].owner < 0 ? &snap->unattributed : &snap->attributed;
		sum->pins += snap->groups[i].q.pins;
		sum->folios += snap->groups[i].q.folios;
		sum->bytes += snap->groups[i].q.bytes;
	}
	snap->pinned.pins = snap->attributed.pins + snap->unattributed.pins;
	snap->pinned.folios = snap->attributed.folios + snap->unattributed.folios;
	snap->pinned.bytes = snap->attributed.bytes + snap->unattributed.bytes;
}

static inline struct snapshot *fixture_empty(void)
{
	struct snapshot *snap = snapshot__new();

	assert_non_null(snap);
	snap->tool = "gup-leakcheck";
	snap->version = "0.1.0";
	snap->taken_ns = TAKEN;
	snap->host = "node17";
	snap->kernel = "6.12.57";
	snap->arch = "x86_64";
	snap->boot_id = "6f0c2f0e-6d0b-4b62-9a55-0d7a4f5c3e11";
	snap->page_size = 4096;
	snap->ram_bytes = 24 * GIB;
	snap->grace_ns = 2 * S;
	snap->waited_ns = 2 * S;
	snap->checks = (struct checks){
		.source = "own tracker",
		.tracking_since_ns = TAKEN - 3 * S,
		.plan = "core",
		.has_ledger = true,
		.hooks_attached = 14,
		.hooks_wanted = 14,
		.cpu_percent = -1,
	};
	return snap;
}

/* The example of the report: an RDMA region that a fork()ed child keeps open. */
static inline struct snapshot *fixture_rdma(void)
{
	static const char *const kernel[] = { "pin_user_pages_fast",
					      "ib_umem_get@ib_uverbs",
					      "mlx5_ib_reg_user_mr@mlx5_ib",
					      "ib_uverbs_reg_mr@ib_uverbs",
					      "ib_uverbs_ioctl@ib_uverbs",
					      "__x64_sys_ioctl",
					      "do_syscall_64",
					      NULL };
	static const char *const user[] = { "ioctl@libc.so.6", "ibv_cmd_reg_mr@libibverbs.so.1",
					    "@libmlx5.so.1", NULL };
	struct snapshot *snap = fixture_empty();
	int owner = add_process(snap, 4186, "python3"), child = add_process(snap, 4199, "python3");
	int fio = add_process(snap, 5120, "fio"), ibacm = add_process(snap, 702, "ibacm");
	struct group *group;

	end_process(snap, owner, EXITED);
	snap->processes[child].forked_from = owner;
	group = add_group(snap, owner, 314597, 843, 614 * 2 * MIB + 229 * 4 * KIB);
	group->calls = 615;
	group->kernel_stack = add_stack(snap, false, NULL, kernel);
	group->user_stack = add_stack(snap, true, "libmlx5.so.1 has no frame pointers", user);
	group->stack_sampled = true;
	set_through(group, "rdma", "/dev/infiniband/uverbs0", 9, "ioctl");
	add_holder(snap, group, child, 9, BASIS_SAME_OPEN_FILE, NULL);
	add_memory(snap, group, MEM_THP, 2 * MIB, 614);
	add_memory(snap, group, MEM_ANON, 4 * KIB, 229);
	group->mapped_known = true;

	group = add_group(snap, fio, 768, 768, 3 * MIB);
	group->flags = PIN_WRITE;
	group->oldest_ns = group->newest_ns = TAKEN - 4 * MS;
	set_through(group, "file", "/srv/data.img", 5, "io_submit");
	add_memory(snap, group, MEM_ANON, 4 * KIB, 768);

	group = add_group(snap, -1, 3, 3, 12 * KIB);
	group->oldest_ns = group->newest_ns = 0;
	add_holder(snap, group, ibacm, -1, BASIS_LIKELY, "maps them, VmPin 12 kB");
	add_memory(snap, group, MEM_ANON, 4 * KIB, 3);
	add_up(snap);
	snap->checks.scanned_struct_pages = 6291456;
	snap->checks.scan_ms = 31;
	snap->checks.cpu_percent = 0.3;
	snap->checks.bpf_bytes = 26319257;
	return snap;
}

static inline struct site *add_site(struct snapshot *snap, const char *caller, const char *module,
				    uint64_t calls, uint64_t pins)
{
	struct site *site = snapshot__append(snap, &snap->sites, &snap->site_cnt, sizeof(*site));

	site->api = API_PIN_USER_PAGES_FAST;
	site->caller = caller;
	site->caller_module = module;
	site->kernel_stack = -1;
	site->calls = calls;
	site->pages_asked = site->pins = pins;
	site->in_tree = true;
	return site;
}

static inline void add_release(struct snapshot *snap, struct site *site, const char *function,
			       uint64_t pins)
{
	struct release_site *release =
		snapshot__append(snap, &site->releases, &site->release_cnt, sizeof(*release));

	release->function = function;
	release->pins = pins;
	site->released += pins;
	site->left = site->pins - site->released;
}

static inline void add_errno(struct snapshot *snap, struct site *site, int err, uint64_t calls)
{
	struct errno_cnt *errs = snapshot__append(snap, &site->errs, &site->err_cnt, sizeof(*errs));

	*errs = (struct errno_cnt){ err, calls };
	site->failed_calls += calls;
}

static inline void set_cmd(struct snapshot *snap, const char *cmd, uint64_t pins)
{
	snap->cmd = cmd;
	snap->cmd_known_status = true;
	snap->ran_ns = 1310 * MS;
	snap->cmd_pins = pins;
	snap->checks.vmstat_known = snap->checks.vmstat_agrees = true;
	snap->checks.vmstat_acquired = snap->checks.events_acquired = pins;
	snap->checks.vmstat_released = snap->checks.events_released = pins;
}

static inline struct snapshot *fixture_clean(void)
{
	struct snapshot *snap = fixture_empty();
	struct site *site;

	set_cmd(snap, "fio --name=read --direct=1 --filename=/srv/data.img", 1031);
	site = add_site(snap, "iov_iter_extract_pages", NULL, 17, 1031);
	add_release(snap, site, "unpin_user_page < bio_release_pages", 1031);
	add_up(snap);
	return snap;
}

/* A driver that keeps what a short return got, and what its error path forgot. */
static inline struct snapshot *fixture_leak(void)
{
	static const char *const kernel[] = { "pin_user_pages_fast", "leaky_pin@leaky",
					      "leaky_ioctl@leaky", "__x64_sys_ioctl", NULL };
	struct snapshot *snap = fixture_empty();
	int owner = add_process(snap, 811, "camera"), server = add_process(snap, 77, "iosrv");
	struct get_site *get;
	struct group *group;
	struct site *site;

	set_cmd(snap, "camera --once", 2153);
	end_process(snap, owner, TAKEN - 2100 * MS);
	snap->processes[owner].in_tree = true;
	group = add_group(snap, owner, 29, 29, 116 * KIB);
	group->oldest_ns = TAKEN - 3 * S;
	group->newest_ns = TAKEN - 2200 * MS;
	group->kernel_stack = add_stack(snap, false, NULL, kernel);
	set_through(group, "char", "/dev/leaky", 3, "ioctl");
	group->file_released = true;
	add_memory(snap, group, MEM_ANON, 4 * KIB, 29);
	group = add_group(snap, server, 8, 8, 32 * KIB);
	set_through(group, "io_uring", "[io_uring]", 6, "io_uring_register");

	snap->other_for_cmd = (struct quantity){ 8, 8, 32 * KIB };
	site = add_site(snap, "leaky_pin", "leaky", 41, 2053);
	site->kernel_stack = 0;
	site->short_calls = 1;
	site->pages_asked = 2099;
	add_errno(snap, site, EFAULT, 3);
	add_errno(snap, site, ENOMEM, 2);
	add_release(snap, site, "unpin_user_pages < leaky_unpin [leaky]", 2000);
	add_release(snap, site, "unpin_user_page < leaky_release [leaky]", 24);
	site = add_site(snap, NULL, NULL, 2, 100); /* 40 of its releases have no known site */
	site->api = API_UNKNOWN;
	add_release(snap, site, "unpin_user_page < bio_release_pages", 60);
	site->released = 100;
	site->left = 0;
	get = snapshot__append(snap, &snap->get_sites, &snap->get_site_cnt, sizeof(*get));
	*get = (struct get_site){ "get_user_pages_fast", "get_futex_key", NULL, 12031, 12031 };
	add_up(snap);
	snap->checks.vmstat_released = snap->checks.events_released = 2124;
	return snap;
}

#define HOSTILE "\033]0;own\007\033[2J\n\r\tevil\xff\xc3\x28\xe2\x80\xae"

/* Names that would clear the screen, forge lines or be no UTF-8; and long ones. */
static inline struct snapshot *fixture_hostile(void)
{
	static const char *const user[] = { "a;b\nc@" HOSTILE, NULL };
	static char path[301];
	struct snapshot *snap = fixture_empty();
	int owner = add_process(snap, 666, HOSTILE), child = add_process(snap, 667, HOSTILE);
	struct group *group;

	memset(path, 'p', sizeof(path) - 1);
	path[0] = '/';
	memcpy(path + 100, "\033[31m\n\xe6\xbc\xa2\xe5\xad\x97", 12);
	end_process(snap, owner, EXITED);
	snap->processes[owner].cgroup = path;
	group = add_group(snap, owner, 5, 5, 20 * KIB);
	group->user_stack = add_stack(snap, true, NULL, user);
	set_through(group, "char", path, 4, HOSTILE);
	add_holder(snap, group, child, 4, BASIS_LIKELY, "has \033[7m open");
	add_memory(snap, group, MEM_FILE, 4 * KIB, 5);
	group->memory[0].file = path;
	add_group(snap, child, 1, 1, 4 * KIB)->through.path = path;
	snap->cmd = HOSTILE;
	add_up(snap);
	return snap;
}

/* Everything that can go wrong with the view, and wrong releases. */
static inline struct snapshot *fixture_degraded(void)
{
	struct snapshot *snap = fixture_empty();
	int owner = add_process(snap, 90, "blkd");
	struct wrong_release *wrong;
	struct hook_gap *gap;
	struct group *group;

	end_process(snap, owner, EXITED);
	add_group(snap, owner, 12, 12, 48 * KIB);
	group = add_group(snap, add_process(snap, 91, "qemu"), 512, 1, 2 * MIB);
	add_memory(snap, group, MEM_HUGETLB, 2 * MIB, 1);
	group->memory[0].zone = "Movable";
	group->shares_folios = true;
	wrong = snapshot__append(snap, &snap->wrongs, &snap->wrong_cnt, sizeof(*wrong));
	*wrong = (struct wrong_release){ WRONG_PUT_PAGE, 3, "put_page < blk_done [blkd]", owner };
	gap = snapshot__append(snap, &snap->checks.missing, &snap->checks.missing_cnt,
			       sizeof(*gap));
	*gap = (struct hook_gap){ "unpin_user_folio", "attach failed: EBUSY", false };
	snap->checks.hooks_attached = 13;
	snap->checks.recursion_misses = 10;
	snap->checks.missed_acquires = 3;
	snap->checks.repaired = 7;
	snap->checks.map_full = 5;
	snap->checks.stacks_lost = 2;
	snap->checks.selftest = "passed: process_vm_readv small and THP; io_uring unverified";
	add_up(snap);
	return snap;
}

static inline void audit(struct snapshot *snap)
{
	struct audit_options opts = { .cmd_mode = snap->cmd != NULL };

	snapshot__audit(snap, &opts);
}

typedef int (*form_fn)(FILE *out, const struct snapshot *snap);

/* What the form writes, malloced. */
static inline char *written(const struct snapshot *snap, form_fn form)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	assert_non_null(out);
	assert_int_equal(form(out, snap), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static inline char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 65536);

	assert_non_null(text);
	if (file) {
		assert_true(fread(text, 1, 65535, file) < 65535);
		fclose(file);
	}
	return text;
}

/* Compares with a golden file, exactly; UPDATE_GOLDEN=1 rewrites it instead. */
static inline void assert_golden(const char *name, const char *text)
{
	const char *dir = getenv("GOLDEN_DIR");
	char path[512], *want;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "tests/golden", name);
	if (getenv("UPDATE_GOLDEN")) {
		file = fopen(path, "w");
		assert_non_null(file);
		fputs(text, file);
		assert_int_equal(fclose(file), 0);
	}
	want = read_file(path);
	if (strcmp(want, text) != 0)
		print_message("%s differs; this came out:\n%s\n", path, text);
	assert_string_equal(text, want);
	free(want);
}

#endif
