// SPDX-License-Identifier: GPL-2.0-only
/*
 * The evidence against a folder that plays /proc, with what hostile processes
 * can put there: accounts, open files, rings. Page tables: test_evidence_maps.c. The real /proc: test_evidence_live.c.
 */
#include "proc_tree.h"

#include <sys/wait.h>

/* ---- accounts ---- */

static void test_accounts(void **state)
{
	static const char comm[] = "a) R (b\n) 7 (";
	const struct proc_tree *tree = *state;
	const struct evidence_proc *proc;
	struct evidence evidence;

	tree__add(tree, 11, comm, 0,
		  "Name:\tVmPin: 9 kB\nUid:\t1001\t0\t0\t0\nVmLck:\t 8 kB\nVmPin:\t 52 kB\n");
	tree__add(tree, 13, "kworker", 0x00200000, "VmPin:\t 4 kB\n");
	tree__add(tree, 17, "nothing", 0, "Uid:\t0\t0\t0\t0\nVmLck:\t 0 kB\n");
	tree__add(tree, 19, "unlimited", 0, "VmLck:\t 12 kB\n");
	tree__text(
		tree, 19, "limits",
		"Max locked memory         unlimited            unlimited            bytes     \n");
	tree__add(tree, 23, "garbage", 0, "VmLck:\t 16 kB\n");
	tree__text(tree, 23, "stat", "23 garbage");
	read_tree(tree, NULL, 0, false, &evidence);
	assert_int_equal(evidence.proc_cnt, 2);
	proc = find_proc(&evidence, 11);
	assert_non_null(proc);
	assert_string_equal(proc->comm, comm);
	assert_int_equal(proc->uid, 1001);
	assert_int_equal(proc->vm_pin_bytes, 52 << 10);
	assert_int_equal(proc->vm_lck_bytes, 8 << 10);
	assert_int_equal(proc->memlock_limit, 8388608);
	assert_int_equal(proc->start_boot_ns, 1100 * 1000000000ULL / sysconf(_SC_CLK_TCK));
	assert_true(proc->fds_read);
	assert_int_equal(find_proc(&evidence, 19)->memlock_limit, UINT64_MAX);
	assert_false(
		evidence.complete); /* one could not be understood, and nobody tells who hides */
	assert_int_equal(evidence.denied, 0);
	evidence__free(&evidence);
}

static void test_complete(void **state)
{
	const struct proc_tree *tree = *state;
	struct evidence evidence;
	char path[256];

	snprintf(path, sizeof(path), "%s/self", tree->path);
	assert_int_equal(mkdir(path, 0755), 0);
	strcat(path, "/ns");
	assert_int_equal(mkdir(path, 0755), 0);
	strcat(path, "/pid");
	assert_int_equal(symlink("pid:[4026532000]", path), 0);
	read_tree(tree, NULL, 0, false, &evidence);
	assert_false(evidence.complete); /* a name space of its own */
	evidence__free(&evidence);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("pid:[4026531836]", path), 0);
	tree__add(tree, 11, "gone", 0, "VmLck:\t 8 kB\n");
	tree__path(tree, 11, "stat", path, sizeof(path));
	assert_int_equal(unlink(path), 0); /* ended while we looked */
	read_tree(tree, NULL, 0, false, &evidence);
	assert_true(evidence.complete);
	assert_int_equal(evidence.proc_cnt, 0);
	evidence__free(&evidence);
}

/* Another user's process: known by its accounts, its files are nobody's business. */
static void test_denied(void **state)
{
	const struct proc_tree *tree = *state;
	struct evidence evidence;
	char path[256];
	pid_t child;
	int status;

	if (geteuid())
		skip();
	tree__add(tree, 11, "secret", 0, "VmLck:\t 8 kB\n");
	tree__add(tree, 13, "secret", 0, "");
	tree__add(tree, 17, "open", 0, "VmLck:\t 8 kB\n");
	tree__path(tree, 11, "fd", path, sizeof(path));
	assert_int_equal(chmod(path, 0), 0);
	tree__path(tree, 13, "fd", path, sizeof(path));
	assert_int_equal(chmod(path, 0), 0);
	assert_int_equal(chmod(tree->path, 0755), 0);
	child = fork();
	if (!child) {
		if (setresuid(65534, 65534, 65534))
			_exit(2);
		read_tree(tree, NULL, 0, false, &evidence);
		_exit(evidence.denied == 2 && !evidence.complete && evidence.proc_cnt == 2 &&
				      !find_proc(&evidence, 11)->fds_read &&
				      find_proc(&evidence, 17)->fds_read
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* ---- fdinfo ---- */

static void feed(struct ring_lines *lines, const char *const *text, size_t cnt)
{
	*lines = (struct ring_lines){};
	for (size_t i = 0; i < cnt; i++)
		assert_int_equal(ring_lines__feed(lines, text[i]), 0);
}

static void test_ring_lines(void **state)
{
	static const char *const plain[] = {
		"UserFiles:\t2",
		"    0: /dev/null",
		"    1: <none>",
		"UserBufs:\t4",
		"    0: 0x7f0c9b1af000/53248",
		"    1: <none>",
		"    2: 0x0/4096",
		"    3: 0x7f0000000000/8192",
		"PollList:",
		"    4: 0x7f0000100000/8192",
	};
	/* A file's name that plays a section of buffers. */
	static const char *const hostile[] = {
		"UserFiles:\t1",       "    0: x",     "UserBufs:\t1",
		"    0: 0x10000/4096", "UserBufs:\t1", "    0: 0x20000/4096",
		"PollList:",
	};
	static const char *const garbage[] = {
		"UserBufs:\t99999999999999999999999",
		"0: 0xffffffffffffffff/4294967295",
		"1: 0x1000/",
		"2: 0x1000/-1",
		"3: zz/4096",
		"4: 0x1000/99999999999999999999",
		"5: /",
		"6: 0x3000/4096",
		"7:",
		"8: 0x4000/4096",
		"",
		"UserBufs:",
		"\xff\xfe: 0x1/1",
	};
	struct ring_lines lines;

	(void)state;
	feed(&lines, plain, ARRAY_SIZE(plain));
	assert_int_equal(lines.told, 4);
	assert_int_equal(lines.cnt, 2);
	assert_int_equal(lines.bufs[0].addr, 0x7f0c9b1af000);
	assert_int_equal(lines.bufs[0].len, 53248);
	assert_int_equal(lines.bufs[1].len, 8192);
	free(lines.bufs);
	feed(&lines, hostile, ARRAY_SIZE(hostile));
	assert_int_equal(lines.cnt, 1);
	assert_int_equal(lines.bufs[0].addr, 0x20000);
	free(lines.bufs);
	feed(&lines, garbage, ARRAY_SIZE(garbage));
	assert_int_equal(lines.cnt, 1);
	assert_int_equal(lines.bufs[0].addr, 0x3000);
	free(lines.bufs);
}

static void test_files(void **state)
{
	const struct proc_tree *tree = *state;
	const struct evidence_proc *proc;
	struct evidence evidence;
	char path[256];

	tree__add(tree, 11, "files", 0, "");
	tree__fd(tree, 11, 3, "anon_inode:[eventfd]", "event", "");
	tree__fd(tree, 11, 5, "anon_inode:[io_uring]", "ring",
		 "pos:\t0\nUserBufs:\t2\n    0: 0x10000/4096\n    1: 0x20000/8192\n");
	tree__fd(tree, 11, 7, "/dev/kvm", NULL, "");
	tree__fd(tree, 11, 11, "/tmp/anon_inode:[io_uring]", NULL, "UserBufs:\t1\n");
	tree__fd(tree, 11, 13, "socket:[1234]", NULL, "");
	tree__fd(tree, 11, 17, "/dev/null", NULL, "");
	tree__add(tree, 13, "busy", 0, "");
	tree__fd(tree, 13, 3, "anon_inode:[io_uring]", "busy", "UserBufs:\t7\nPollList:\n");
	tree__path(tree, 13, "fd/cwd", path, sizeof(path));
	assert_int_equal(symlink("anon_inode:[io_uring]", path), 0); /* no number: not asked */
	read_tree(tree, NULL, 0, false, &evidence);
	proc = find_proc(&evidence, 11);
	assert_non_null(proc);
	assert_int_equal(proc->file_cnt, 1 + !access("/dev/kvm", F_OK));
	for (size_t i = 0; i < proc->file_cnt; i++) {
		const struct evidence_file *file = &proc->files[i];

		if (file->fd == 7) {
			assert_string_equal(file->kind, "kvm");
			assert_string_equal(file->path, "/dev/kvm");
			continue;
		}
		assert_int_equal(file->fd, 5);
		assert_string_equal(file->kind, "io_uring");
		assert_string_equal(file->path, "[io_uring]");
		assert_int_equal(file->says_bytes, 12288);
		assert_string_equal(file->says, "UserBufs 2, 12.0 KiB");
	}
	proc = find_proc(&evidence, 13);
	assert_int_equal(proc->file_cnt, 1);
	assert_int_equal(proc->files[0].says_bytes, 0);
	assert_string_equal(proc->files[0].says, "UserBufs 7");
	evidence__free(&evidence);
}

/* ---- rings ---- */

static size_t matches_of(const struct evidence *evidence, uint32_t pid, int fd)
{
	size_t cnt = 0;

	for (size_t i = 0; i < evidence->match_cnt; i++) {
		const struct evidence_match *match = &evidence->matches[i];
		const struct evidence_proc *proc = &evidence->procs[match->proc];

		cnt += proc->pid == pid && proc->files[match->file].fd == fd;
		assert_true(!i || match[-1].hit <= match->hit);
	}
	return cnt;
}

#define RING "anon_inode:[io_uring]"

static void test_matches(void **state)
{
	static const char info[] = "UserBufs:\t3\n    0: 0x100800/16384\n    1: 0x200000/8192\n"
				   "    2: 0x7fffffff0000/4294967295\n";
	const struct proc_tree *tree = *state;
	struct evidence_folio *folios = small_folios(5000, 31);
	struct evidence evidence;

	/* 5 pages by a buffer that is not aligned, 2 by another; one page beside is not in it. */
	tree__add(tree, 11, "owner", 0, "");
	tree__map(tree, 11, 0x100000, 5000, 6);
	tree__map(tree, 11, 0x200000, 5010, 3);
	tree__fd(tree, 11, 3, RING, "ring1", info);
	/* A child that holds the ring, with pages of its own at these addresses. */
	tree__add(tree, 13, "child", 0, "");
	tree__map(tree, 13, 0x100000, 7000, 8);
	tree__fd(tree, 13, 5, RING, "ring1", info);
	/* A holder without that memory. */
	tree__add(tree, 17, "empty", 0, "");
	tree__fd(tree, 17, 7, RING, "ring1", info);
	/* Two processes disagree about page 2 of another ring: only page 1 is said. */
	tree__add(tree, 19, "left", 0, "");
	tree__map(tree, 19, 0x300000, 5020, 2);
	tree__fd(tree, 19, 3, RING, "ring2", "UserBufs:\t1\n    0: 0x300000/8192\n");
	tree__add(tree, 23, "right", 0, "");
	tree__map(tree, 23, 0x301000, 5025, 1);
	tree__fd(tree, 23, 3, RING, "ring2", "UserBufs:\t1\n    0: 0x300000/8192\n");
	read_tree(tree, folios, 31, false, &evidence);
	assert_int_equal(matches_of(&evidence, 11, 3), 5 + 2);
	assert_int_equal(matches_of(&evidence, 13, 5), 0);
	assert_int_equal(matches_of(&evidence, 17, 7), 0);
	assert_int_equal(matches_of(&evidence, 19, 3), 1);
	assert_int_equal(matches_of(&evidence, 23, 3), 0);
	assert_int_equal(evidence.match_cnt, 8);
	assert_int_equal(evidence.matches[0].hit, 0);
	assert_int_equal(evidence.matches[4].hit, 4);
	assert_int_equal(evidence.matches[5].hit, 10);
	assert_int_equal(evidence.matches[7].hit, 20);
	evidence__free(&evidence);
	free(folios);
}

/* A buffer in a huge page, registered in pieces that are not in order: said once. */
static void test_match_once(void **state)
{
	static const struct evidence_folio folios[] = { { 512, 9 }, { 1024, 9 } };
	const struct proc_tree *tree = *state;
	struct evidence evidence;

	tree__add(tree, 11, "owner", 0, "");
	tree__map(tree, 11, 0x200000, 512, 512);
	tree__map(tree, 11, 0x400000, 1024, 512);
	tree__fd(tree, 11, 3, RING, "ring1",
		 "UserBufs:\t3\n 0: 0x200000/8192\n 1: 0x400000/4096\n 2: 0x300000/1048576\n");
	read_tree(tree, folios, 2, false, &evidence);
	assert_int_equal(evidence.match_cnt, 2);
	assert_int_equal(evidence.matches[0].hit, 0);
	assert_int_equal(evidence.matches[1].hit, 1);
	evidence__free(&evidence);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		tree_test(test_accounts),   tree_test(test_complete),
		tree_test(test_denied),	    cmocka_unit_test(test_ring_lines),
		tree_test(test_files),	    tree_test(test_matches),
		tree_test(test_match_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
