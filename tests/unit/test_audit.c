// SPDX-License-Identifier: GPL-2.0-only
/*
 * The audit on constructed snapshots: one row a situation and the state that
 * it must get, then levels, exit status, filters, names of findings.
 */
#include "fixture.h"

/* One group, and what is known about it. */
struct situation {
	const char *what;
	enum state want;
	const char *certainty; /* of the finding; NULL = none */
	int exit_code;
	bool dead, in_tree, cmd, short_lived, mapped, looked, unowned, unwhole;
	uint64_t dead_for_ns, age_ns;
	enum basis holder; /* BASIS_UNKNOWN = none */
	const char *kind;  /* NULL = through no file */
};

static struct snapshot *build(const struct situation *s)
{
	struct snapshot *snap = fixture_empty();
	int owner = add_process(snap, 10, "owner"), other = add_process(snap, 11, "other");
	struct group *group = add_group(snap, s->unowned ? -1 : owner, 5, 5, 20 * KIB);

	if (s->dead)
		end_process(snap, owner, TAKEN - (s->dead_for_ns ? s->dead_for_ns : 60 * S));
	snap->processes[owner].in_tree = s->in_tree;
	snap->cmd = s->cmd ? "cmd" : NULL;
	group->oldest_ns = TAKEN - (s->age_ns ? s->age_ns : 3600 * S);
	if (s->short_lived)
		group->flags &= ~PIN_LONGTERM;
	if (s->kind)
		set_through(group, s->kind, "/dev/x", 3, "ioctl");
	else
		group->through.syscall = "process_vm_readv";
	if (s->holder)
		add_holder(snap, group, other, 3, s->holder, NULL);
	group->mapped_folios = s->mapped ? 5 : 0;
	group->holders_complete = s->looked;
	snap->checks.map_full = s->unwhole ? 1 : 0;
	add_up(snap);
	audit(snap);
	return snap;
}

#define GONE .dead = true, .looked = true
#define BY_CMD .cmd = true, .in_tree = true
#define FILE_HELD .kind = "char", .holder = BASIS_SAME_OPEN_FILE

static const struct situation situations[] = {
	{ "long pin of the living", STATE_HELD, NULL, 0, .looked = true },
	{ "I/O", STATE_IN_FLIGHT, NULL, 0, .short_lived = true, .age_ns = 4 * MS },
	{ "slow I/O", STATE_SHORT_HELD, "exact", 0, .short_lived = true, .age_ns = 11 * S },
	{ "nobody's", STATE_UNATTRIBUTED, NULL, 0, .unowned = true, .looked = true },
	{ "leak", STATE_LEAKED, "exact", 1, GONE },
	{ "leak through a file", STATE_LEAKED, "suspect", 1, GONE, .kind = "char" },
	{ "orphan", STATE_ORPHANED, "exact", 1, GONE, FILE_HELD },
	{ "likely orphan", STATE_ORPHANED, "suspect", 1, GONE, .kind = "char",
	  .holder = BASIS_LIKELY },
	{ "handed over", STATE_HANDED_OVER, "exact", 0, GONE, FILE_HELD, .mapped = true },
	{ "not all files read", STATE_UNKNOWN_HOLDER, "suspect", 1, .dead = true },
	{ "umem may be shared", STATE_UNKNOWN_HOLDER, "suspect", 1, GONE, .kind = "xdp" },
	{ "books with gaps", STATE_UNKNOWN_HOLDER, "suspect", 1, GONE, .unwhole = true },
	{ "just gone", STATE_RELEASING, NULL, 0, GONE, .dead_for_ns = 1999 * MS },
	{ "just gone, held", STATE_RELEASING, NULL, 0, GONE, FILE_HELD, .dead_for_ns = 1999 * MS },
	{ "grace over", STATE_LEAKED, "exact", 1, GONE, .dead_for_ns = 2 * S },
	{ "CMD's leak", STATE_LEAKED, "exact", 1, GONE, BY_CMD },
	{ "CMD's orphan", STATE_ORPHANED, "exact", 1, GONE, BY_CMD, FILE_HELD },
	{ "CMD's, not all files read", STATE_LEFT_BEHIND, "exact", 1, .dead = true, BY_CMD },
	{ "CMD's, books with gaps", STATE_LEFT_BEHIND, "suspect", 1, GONE, BY_CMD,
	  .unwhole = true },
	{ "CMD's daemon", STATE_LEFT_BEHIND, "exact", 1, BY_CMD },
	{ "CMD's daemon at I/O", STATE_IN_FLIGHT, NULL, 0, BY_CMD, .short_lived = true,
	  .age_ns = 4 * MS },
	{ "another's with CMD", STATE_HELD, NULL, 0, .cmd = true },
	{ "a tree without CMD", STATE_HELD, NULL, 0, .in_tree = true },
};

/* Findings of the group, leaving out what is said of the view. */
static const struct finding *finding_of(const struct snapshot *snap)
{
	for (size_t i = 0; i < snap->finding_cnt; i++)
		if (snap->findings[i].group == 0)
			return &snap->findings[i];
	return NULL;
}

static void test_states(void **state)
{
	const struct finding *finding;
	const struct situation *s;
	struct snapshot *snap;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(situations); i++) {
		s = &situations[i];
		snap = build(s);
		finding = finding_of(snap);
		if (snap->groups[0].state != s->want || snap->exit_code != s->exit_code ||
		    !finding != !s->certainty)
			fail_msg("%s: %s, exit %d, %s", s->what, state_name(snap->groups[0].state),
				 snap->exit_code, finding ? finding->id : "no finding");
		if (finding) {
			assert_string_equal(rule_name(finding->rule), state_name(s->want));
			if (strcmp(finding->certainty, s->certainty) != 0)
				fail_msg("%s: %s", s->what, finding->certainty);
		}
		assert_int_equal(snap->leaks, s->want == STATE_LEAKED);
		snapshot__free(snap);
	}
}

static void lose_events(struct checks *checks)
{
	checks->recursion_misses = 2;
	checks->repaired = 1;
}

static void fill_map(struct checks *checks)
{
	checks->map_full = 1;
}

static void fill_owners(struct checks *checks)
{
	checks->owners_full = 1;
}

static void lose_hook(struct checks *checks)
{
	checks->hooks_attached--;
}

static void disagree(struct checks *checks)
{
	checks->vmstat_known = true;
}

static void lose_ledger(struct checks *checks)
{
	checks->has_ledger = false;
}

/* Whatever may have cost a release, the same facts must not be called a leak. */
static void test_incomplete_never_leaks(void **state)
{
	static void (*const spoilers[])(struct checks * checks) = {
		lose_events, fill_map, fill_owners, lose_hook, disagree, lose_ledger,
	};
	struct audit_options opts = { 0 };
	struct snapshot *snap;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(spoilers); i++) {
		snap = fixture_leak();
		spoilers[i](&snap->checks);
		snap->cmd = NULL;
		if (spoilers[i] == disagree)
			snap->checks.vmstat_agrees = false;
		snapshot__audit(snap, &opts);
		assert_int_equal(snap->leaks, 0);
		assert_int_equal(snap->groups[0].state, STATE_UNKNOWN_HOLDER);
		assert_int_equal(snap->noted, 1); /* degraded */
		assert_int_equal(snap->exit_code, 1);
		snapshot__free(snap);
	}
}

/* Lost stacks and names degrade the view, the books are whole. */
static void test_harmless_gaps(void **state)
{
	struct snapshot *snap = fixture_leak();
	struct hook_gap *gap;

	(void)state;
	snap->checks.stacks_lost = 3;
	snap->checks.hooks_attached--;
	gap = snapshot__append(snap, &snap->checks.missing, &snap->checks.missing_cnt,
			       sizeof(*gap));
	gap->function = "pin_user_pages_remote";
	gap->harmless = true;
	audit(snap);
	assert_int_equal(snap->leaks, 1);
	assert_int_equal(snap->noted, 1);
	snapshot__free(snap);
	snap = fixture_rdma();
	snap->checks.plan = NULL; /* not tracking: nothing is missed */
	snap->checks.has_ledger = false;
	audit(snap);
	assert_int_equal(snap->noted, 0);
	snapshot__free(snap);
}

static void assert_forbidden(enum mem_kind kind, const char *zone, uint32_t flags, bool want)
{
	struct snapshot *snap = fixture_empty();
	struct group *group = add_group(snap, add_process(snap, 5, "app"), 1, 1, 4 * KIB);

	add_memory(snap, group, MEM_ANON, 4 * KIB, 1);
	add_memory(snap, group, kind, 4 * KIB, 1);
	group->memory[1].cma = zone && !strcmp(zone, "CMA");
	group->memory[1].zone = group->memory[1].cma ? "Normal" : zone;
	group->flags = flags;
	group->oldest_ns = TAKEN - 1 * S;
	audit(snap);
	assert_int_equal(snap->finding_cnt, want);
	if (want) {
		assert_int_equal(snap->findings[0].rule, RULE_LONGTERM_FORBIDDEN);
		assert_int_equal(snap->findings[0].level, LEVEL_WARNING);
	}
	assert_int_equal(snap->exit_code, want);
	snapshot__free(snap);
}

static void test_forbidden(void **state)
{
	(void)state;
	assert_forbidden(MEM_ANON, "Movable", PIN_LONGTERM, true);
	assert_forbidden(MEM_ANON, "Movable", PIN_WRITE, false);
	assert_forbidden(MEM_ANON, "Normal", PIN_LONGTERM | PIN_WRITE, false);
	assert_forbidden(MEM_ANON, "CMA", PIN_LONGTERM, true);
	assert_forbidden(MEM_ANON, "CMA", PIN_WRITE, false);
	assert_forbidden(MEM_ANON, NULL, PIN_LONGTERM, false);
	assert_forbidden(MEM_FSDAX, NULL, PIN_LONGTERM, true);
	assert_forbidden(MEM_FILE, "Normal", PIN_LONGTERM, false);
	assert_forbidden(MEM_FILE, "Normal", PIN_LONGTERM | PIN_WRITE, true);
	assert_forbidden(MEM_FILE, "Normal", PIN_WRITE, false);
	assert_forbidden(MEM_SHMEM, "Normal", PIN_LONGTERM | PIN_WRITE, false);
}

static void test_wrong_release(void **state)
{
	struct snapshot *snap = fixture_degraded();
	const struct finding *finding;

	(void)state;
	audit(snap);
	finding = &snap->findings[2];
	assert_int_equal(finding->rule, RULE_WRONG_RELEASE);
	assert_int_equal(finding->level, LEVEL_ERROR);
	assert_int_equal(finding->group, -1);
	assert_string_equal(finding->certainty, "suspect");
	assert_int_equal(snap->verdict, LEVEL_ERROR);
	snapshot__free(snap);
}

static unsigned int findings_with(uint64_t min_age_ns, uint64_t min_pages)
{
	struct audit_options opts = { .min_age_ns = min_age_ns, .min_pages = min_pages };
	struct snapshot *snap = fixture_rdma();
	unsigned int cnt;

	snapshot__audit(snap, &opts);
	assert_int_equal(snap->groups[0].state, STATE_ORPHANED); /* what it is, found or not */
	assert_int_equal(snap->exit_code, snap->finding_cnt > 0);
	cnt = snap->finding_cnt;
	snapshot__free(snap);
	return cnt;
}

static void test_filters(void **state)
{
	const uint64_t age = 9085798 * MS, pages = 614 * 512 + 229;

	(void)state;
	assert_int_equal(findings_with(0, 0), 1);
	assert_int_equal(findings_with(age, pages), 1);
	assert_int_equal(findings_with(age + 1, 0), 0);
	assert_int_equal(findings_with(0, pages + 1), 0);
}

static void copy_id(struct snapshot *snap, char id[64])
{
	audit(snap);
	memcpy(id, snap->findings[0].id, 64);
	snapshot__free(snap);
}

/* The id is the same in the next report, and another one for another owner, boot or stack. */
static void test_ids(void **state)
{
	struct snapshot *snap = fixture_rdma();
	char id[64], other[64];

	(void)state;
	copy_id(snap, id);
	assert_memory_equal(id, "orphaned-", 9);
	assert_int_equal(strspn(id + 9, "0123456789abcdef"), 12);
	assert_int_equal(strlen(id), 21);
	snap = fixture_rdma();
	snap->taken_ns += 60 * S;
	snap->processes[0].started_ns += 3 * MS;
	snap->groups[0].q.pins++;
	copy_id(snap, other);
	assert_string_equal(id, other);
	snap = fixture_rdma();
	snap->processes[0].start_boot_ns++;
	copy_id(snap, other);
	assert_string_not_equal(id, other);
	snap = fixture_rdma();
	snap->boot_id = "another";
	copy_id(snap, other);
	assert_string_not_equal(id, other);
	snap = fixture_rdma();
	snap->stacks[0].frames[1].function = "another";
	copy_id(snap, other);
	assert_string_not_equal(id, other);
}

/* Two groups of one owner and stack (other flags, other file) need two names. */
static void test_id_clash(void **state)
{
	struct snapshot *snap = fixture_empty();
	int owner = add_process(snap, 5, "app");

	(void)state;
	end_process(snap, owner, EXITED);
	for (int i = 0; i < 3; i++)
		add_group(snap, owner, 3 - i, 3 - i, (3 - i) * 4 * KIB)->through.syscall = "x";
	audit(snap);
	assert_int_equal(snap->finding_cnt, 3);
	assert_string_not_equal(snap->findings[0].id, snap->findings[1].id);
	assert_string_not_equal(snap->findings[1].id, snap->findings[2].id);
	assert_string_not_equal(snap->findings[0].id, snap->findings[2].id);
	snapshot__free(snap);
}

static void test_order_and_repeat(void **state)
{
	struct snapshot *snap = fixture_degraded();
	uint64_t last = UINT64_MAX;
	size_t cnt;
	int group;

	(void)state;
	audit(snap);
	cnt = snap->finding_cnt;
	assert_int_equal(cnt, 4);
	for (size_t i = 0; i < cnt; i++) {
		group = snap->findings[i].group;
		if (group < 0)
			continue;
		assert_true(i < 2 && snap->groups[group].q.bytes <= last);
		last = snap->groups[group].q.bytes;
	}
	audit(snap);
	assert_int_equal(snap->finding_cnt, cnt);
	assert_int_equal(snap->warned, 3);
	assert_int_equal(snap->noted, 1);
	snapshot__free(snap);
}

/* How long a tool must wait before "releasing" becomes an answer. */
static void test_settle(void **state)
{
	struct snapshot *snap = fixture_leak();

	(void)state;
	snap->processes[0].exited_ns = TAKEN - 500 * MS;
	audit(snap);
	assert_int_equal(snap->groups[0].state, STATE_RELEASING);
	assert_int_equal(snapshot__settle_ns(snap, TAKEN), 1500 * MS);
	assert_int_equal(snapshot__settle_ns(snap, TAKEN + 1500 * MS), 0);
	snap->grace_ns = 100 * MS;
	audit(snap);
	assert_int_equal(snap->groups[0].state, STATE_LEAKED);
	assert_int_equal(snapshot__settle_ns(snap, TAKEN), 0);
	snap->groups[0].through.kind = "io_uring"; /* its exit work takes longer than this grace */
	audit(snap);
	assert_int_equal(snap->groups[0].state, STATE_RELEASING);
	assert_int_equal(snapshot__settle_ns(snap, TAKEN), 500 * MS);
	snapshot__free(snap);
}

static void test_memory(void **state)
{
	struct snapshot *snap = snapshot__new();
	uint64_t *numbers = NULL, *number;
	char *bytes = snapshot__alloc(snap, 3);
	size_t cnt = 0, byte_cnt = 3;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		number = snapshot__append(snap, &numbers, &cnt, sizeof(*number));
		assert_int_equal(*number, 0);
		*number = i;
		assert_string_equal(snapshot__printf(snap, "%d%s", (int)i % 10, "x") + 1, "x");
	}
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(numbers[i], i);
	/* an array that was allocated to fit grows like any other */
	memcpy(bytes, "abc", 3);
	*(char *)snapshot__append(snap, &bytes, &byte_cnt, 1) = '\0';
	assert_string_equal(bytes, "abc");
	assert_null(snapshot__str(snap, NULL));
	assert_string_equal(state_name(99), "unknown");
	assert_null(pin_flag_name(6));
	snapshot__free(snap);
	snapshot__free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_incomplete_never_leaks),
		cmocka_unit_test(test_harmless_gaps),
		cmocka_unit_test(test_forbidden),
		cmocka_unit_test(test_wrong_release),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_id_clash),
		cmocka_unit_test(test_order_and_repeat),
		cmocka_unit_test(test_settle),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
