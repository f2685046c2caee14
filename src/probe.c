// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints the choice of hooks for this kernel: the golden files of the tests and
 * the first thing to ask for in a bug report. Needs no more privilege than what
 * it prints needs; what could not be asked says so.
 */
#include "probe.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "kernel.h"
#include "resolve.h"
#include "util.h"

static void print_table(FILE *out, const struct hook_choice *choice, struct kernel_reader *reader,
			const struct ksyms *ksyms)
{
	for (size_t i = 0; i < choice->cnt; i++) {
		const struct hook *hook = choice->hooks[i];
		const char *prog;
		int calls = 1;

		fprintf(out, "%-34s %-12s %s", hook->func, hook_role_name(hook->role),
			hook_choice__prog(choice, hook, 0));
		for (size_t p = 1; (prog = hook_choice__prog(choice, hook, p)); p++)
			fprintf(out, " + %s", prog);
		if (hook->inlines) {
			calls = reader && ksyms ? kernel_reader__calls(reader, ksyms, hook->func,
								       hook->inlines)
						: -EPERM;
			fprintf(out, " (%s %s)",
				calls < 0 ? "can't tell if it calls"
				: calls	  ? "calls"
					  : "has its own copy of",
				hook->inlines);
		}
		fputc('\n', out);
	}
}

/* A BTF function that looks like a pin or unpin and is in nobody's list. */
static int report_unknown(void *ctx, const char *name)
{
	static const char *const looks[] = {
		"*pin_user_page*", "*unpin_folio*",  "*unpin_user*",
		"gup_*",	   "folio_add_pin*", "*get_user_pages*",
		"try_grab_*",	   "memfd_pin*",     "put_compound_head",
	};
	size_t cnt;
	const struct hook *table = hooks__table(&cnt);
	bool alike = false;

	for (size_t i = 0; i < ARRAY_SIZE(looks); i++)
		alike |= !fnmatch(looks[i], name, 0);
	for (size_t i = 0; i < cnt && alike; i++)
		if (!strcmp(table[i].func, name))
			return 0;
	if (alike && !hooks__ignored(name))
		fprintf(ctx, "unknown: %s looks like a pin or unpin and is not in the table\n",
			name);
	return 0;
}

static int explain(int err)
{
	if (err == -ENOENT)
		fprintf(stderr, "gup-leakcheck: this kernel has no BTF (/sys/kernel/btf/vmlinux): "
				"build it with CONFIG_DEBUG_INFO_BTF\n");
	else if (err == -ENOSYS)
		fprintf(stderr, "gup-leakcheck: this kernel does not count pins "
				"(nr_foll_pin_acquired): 5.10 or newer is needed\n");
	else
		fprintf(stderr, "gup-leakcheck: can't read the kernel's facts: %s\n",
			strerror(-err));
	return 3;
}

static void print_plan(FILE *out, const struct kernel_facts *facts, enum hook_plan plan)
{
	static const char *const words[PLAN_CNT][2] = {
		[PLAN_CORE] = { "flows and owners' totals only: this kernel's BPF has no "
				"compare-and-exchange",
				"with a ledger per folio" },
		[PLAN_CALL] = { "not on this kernel: its BPF lacks what it needs",
				"one record per call; probes where a trampoline carries too "
				"little" },
	};

	fprintf(out, "plan: %s, %s\n", hook_plan_name(plan), words[plan][facts->has_cmpxchg]);
}

/* 0, or -ENOENT: this plan cannot be used here. */
static int print_choice(FILE *out, const struct kernel_facts *facts, enum hook_plan plan,
			struct kernel_reader *reader, const struct ksyms *ksyms)
{
	struct hook_kernel view = kernel_facts__view(facts);
	struct hook_choice choice;
	int err = hooks__select(&view, plan, &choice);

	print_table(out, &choice, reader, ksyms);
	for (size_t i = 0; i < choice.lacking_cnt && (plan == PLAN_CORE || facts->has_cmpxchg); i++)
		fprintf(out, "lacking: %s: no function that we know\n", choice.lacking[i]);
	return err;
}

int probe_print(FILE *out)
{
	struct kernel_facts facts;
	struct kernel_reader *reader;
	struct ksyms *ksyms;
	int err, chosen;

	if (geteuid()) {
		fprintf(stderr, "gup-leakcheck: asking the kernel needs root: run it with sudo\n");
		return 3;
	}
	err = kernel_facts__read(&facts);
	if (err)
		return explain(err);
	kernel_reader__log(false);
	reader = kernel_reader__open();
	ksyms = ksyms__load();
	for (enum hook_plan plan = 0; plan < PLAN_CNT; plan++)
		print_plan(out, &facts, plan);
	fprintf(out, "FOLL_PIN 0x%llx, FOLL_LONGTERM 0x%llx (%s)\n",
		(unsigned long long)facts.foll_pin, (unsigned long long)facts.foll_longterm,
		facts.foll_from_btf ? "from BTF" : "the defines before v6.3");
	fprintf(out, "zero page: %s\n", facts.zero_page_counts ? "counted" : "not counted");
	fprintf(out, "%-34s %-12s %s\n", "function", "role", "program");
	chosen = print_choice(out, &facts, PLAN_CORE, reader, ksyms);
	print_choice(out, &facts, PLAN_CALL, reader, ksyms);
	kernel_facts__each_func(&facts, report_unknown, out);
	ksyms__free(ksyms);
	kernel_reader__close(reader);
	kernel_facts__free(&facts);
	return chosen ? 3 : 0;
}
