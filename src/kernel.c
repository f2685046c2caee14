// SPDX-License-Identifier: GPL-2.0-only
/*
 * Facts about the running kernel: functions, enumerators and sizes from BTF,
 * BPF features and the zero page by trying.
 */
#include "kernel.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "resolve.h"
#include "snapshot.h"
#include "util.h"

/* An enumerator that we want: where its value goes, and as what. */
struct wanted {
	const char *name;
	size_t offset;	 /* of a uint64_t in struct kernel_facts */
	bool mask;	 /* the value is a bit's number */
	uint64_t define; /* before v6.3: value of the define instead, for FOLL_* */
};

#define AT(field) offsetof(struct kernel_facts, field)

/*
 * FOLL_*: defines up to 6.1, with other values than the enumerators that 6.12 and
 * later have in BTF (moved and renumbered between the two, about v6.3). What
 * is hugetlb: a byte of page_type since v6.11, a destructor's number before.
 */
static const struct wanted wanted[] = {
	{ "FOLL_PIN", AT(foll_pin), false, 0x40000 },
	{ "FOLL_LONGTERM", AT(foll_longterm), false, 0x10000 },
	{ "FOLL_WRITE", AT(foll_write), false, 0x1 },
	{ "FOLL_FORCE", AT(foll_force), false, 0x10 },
	{ "FOLL_NOFAULT", AT(foll_nofault), false, 0x80 },
	{ "FOLL_PCI_P2PDMA", AT(foll_p2pdma), false, 0 },
	{ "PG_reserved", AT(pg_reserved), true, 0 },
	{ "PG_head", AT(pg_head), true, 0 },
	{ "PG_swapbacked", AT(pg_swapbacked), true, 0 },
	{ "PG_swapcache", AT(pg_swapcache), true, 0 },
	{ "PG_private", AT(pg_private), true, 0 },
	{ "PG_private_2", AT(pg_private_2), true, 0 },
	{ "PG_lru", AT(pg_lru), true, 0 },
	{ "PG_slab", AT(pg_slab), true, 0 },
	{ "PG_dirty", AT(pg_dirty), true, 0 },
	{ "PG_writeback", AT(pg_writeback), true, 0 },
	{ "PG_hwpoison", AT(pg_hwpoison), true, 0 },
	{ "PGTY_hugetlb", AT(pgty_hugetlb), false, 0 },
	{ "PGTY_buddy", AT(pgty_buddy), false, 0 },
	{ "PGTY_offline", AT(pgty_offline), false, 0 },
	{ "PGTY_table", AT(pgty_table), false, 0 },
	{ "PGTY_slab", AT(pgty_slab), false, 0 },
	{ "PGTY_zsmalloc", AT(pgty_zsmalloc), false, 0 },
	{ "HUGETLB_PAGE_DTOR", AT(dtor_hugetlb), false, 0 },
};

static uint64_t *place_of(struct kernel_facts *facts, const struct wanted *want)
{
	return (uint64_t *)((char *)facts + want->offset);
}

static void take_enumerator(struct kernel_facts *facts, const char *name, uint32_t value)
{
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!strcmp(wanted[i].name, name))
			*place_of(facts, &wanted[i]) =
				wanted[i].mask ? 1ULL << (value & 63) : value;
}

/* All enumerators in one pass, anonymous enums included: libbpf has no look-up for those. */
static void read_enumerators(struct kernel_facts *facts)
{
	for (uint32_t id = 1; id < btf__type_cnt(facts->btf); id++) {
		const struct btf_type *type = btf__type_by_id(facts->btf, id);
		const struct btf_enum *e = btf_enum(type);

		if (!btf_is_enum(type))
			continue;
		for (int i = 0; i < btf_vlen(type); i++, e++)
			take_enumerator(facts, btf__name_by_offset(facts->btf, e->name_off),
					e->val);
	}
	facts->foll_from_btf = facts->foll_pin != 0;
	for (size_t i = 0; i < ARRAY_SIZE(wanted) && !facts->foll_from_btf; i++)
		if (wanted[i].define)
			*place_of(facts, &wanted[i]) = wanted[i].define;
}

static void read_pages(struct kernel_facts *facts)
{
	int id = btf__find_by_name_kind(facts->btf, "page", BTF_KIND_STRUCT);

	facts->page_struct_bytes = id > 0 ? btf__type_by_id(facts->btf, id)->size : 0;
}

/* BPF_ATOMIC with fetch: accepted since Linux kernel commit 5ffa25502b5a ("bpf: Add instructions for atomic_[cmp]xchg"). */
static bool probe_cmpxchg(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_STX | BPF_MEM | BPF_DW,
		  .dst_reg = BPF_REG_10,
		  .src_reg = BPF_REG_0,
		  .off = -8 },
		{ .code = BPF_STX | BPF_ATOMIC | BPF_DW,
		  .dst_reg = BPF_REG_10,
		  .src_reg = BPF_REG_0,
		  .off = -8,
		  .imm = BPF_CMPXCHG },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	cleanup_fd int fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "cmpxchg", "GPL", insns,
					  ARRAY_SIZE(insns), NULL);

	return fd >= 0;
}

static uint64_t acquired_now(void)
{
	uint64_t acquired = 0, released;

	vmstat__read(&acquired, &released);
	return acquired;
}

/*
 * Whether pins of the zero page are counted. Up to v6.4 they are; since Linux
 * kernel commit c8070b787519 ("mm: Don't pin ZERO_PAGE in pin_user_pages()")
 * (in v6.5, and in stable 6.1) not. Others may pin meanwhile, so the least of
 * three tries decides; a CPU keeps up to 125 of them to itself, so most will do.
 */
static bool probe_zero_page(void)
{
	enum { PAGES = 1009 };
	size_t page = sysconf(_SC_PAGESIZE);
	char *mem = mmap(NULL, PAGES * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool counts = true;

	if (mem == MAP_FAILED)
		return false;
	madvise(mem, PAGES * page, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < PAGES; i++)
		(void)*(volatile char *)(mem + i * page);
	for (int try = 0; try < 3 && counts; try++) {
		char byte;
		struct iovec local = { &byte, 1 }, remote = { mem, PAGES * page };
		uint64_t before = acquired_now();

		process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
		counts = acquired_now() - before >= PAGES / 2;
	}
	munmap(mem, PAGES * page);
	return counts;
}

/* "none voluntary (full) lazy". */
static bool read_preemption(char *modes, int size)
{
	cleanup_file FILE *file = fopen("/sys/kernel/debug/sched/preempt", "re");

	return file && fgets(modes, size, file);
}

/*
 * May a task be preempted anywhere in the kernel, and not only where it sleeps, leaves
 * it or has run for long? Since Linux kernel commit 6ef869e06470 ("preempt: Introduce
 * CONFIG_PREEMPT_DYNAMIC") (in v5.12) that is chosen at boot, and debugfs tells. Where
 * it does not, "PREEMPT_DYNAMIC" says that it may be so; other kernels that have the
 * word, PREEMPT_LAZY's excepted, are built so.
 */
static bool probe_preemption(void)
{
	struct utsname kernel;
	char modes[128];

	if (read_preemption(modes, sizeof(modes)))
		return strstr(modes, "(full)");
	return !uname(&kernel) && strstr(kernel.version, "PREEMPT") &&
	       !strstr(kernel.version, "PREEMPT_LAZY");
}

int kernel_facts__read_btf(struct kernel_facts *facts)
{
	uint64_t acquired, released;

	memset(facts, 0, sizeof(*facts));
	if (vmstat__read(&acquired, &released) < 0)
		return -ENOSYS;
	facts->btf = btf__load_vmlinux_btf();
	if (!facts->btf)
		return -ENOENT;
	read_enumerators(facts);
	read_pages(facts);
	/* Went with the special case, see identity_of() in bpf/folio.bpf.h. */
	facts->hugetlb_index_huge =
		btf__find_by_name_kind(facts->btf, "hugetlb_basepage_index", BTF_KIND_FUNC) > 0;
	return 0;
}

int kernel_facts__read(struct kernel_facts *facts)
{
	int err = kernel_facts__read_btf(facts);

	if (err)
		return err;
	facts->has_cmpxchg = probe_cmpxchg();
	facts->zero_page_counts = probe_zero_page();
	facts->preempts_anywhere = probe_preemption();
	return 0;
}

void kernel_facts__explain(int err)
{
	if (err == -ENOENT)
		warnx("this kernel has no BTF (/sys/kernel/btf/vmlinux): use one built with "
		      "CONFIG_DEBUG_INFO_BTF");
	else if (err == -ENOSYS)
		warnx("this kernel does not count pins (no nr_foll_pin_acquired): 5.10 or newer is "
		      "needed");
	else
		warnx("can't read the kernel's facts: %s", strerror(-err));
}

void kernel_facts__free(struct kernel_facts *facts)
{
	btf__free(facts->btf);
	facts->btf = NULL;
}

static enum hook_ret ret_kind(const struct btf *btf, uint32_t id)
{
	const struct btf_type *type;

	if (!id)
		return RET_VOID;
	type = btf__type_by_id(btf, btf__resolve_type(btf, id));
	if (btf_is_ptr(type))
		return RET_PTR;
	return btf_is_int(type) && (btf_int_encoding(type) & BTF_INT_BOOL) ? RET_BOOL : RET_INT;
}

static bool find_func(const void *ctx, const char *name, int *nargs, enum hook_ret *ret)
{
	const struct kernel_facts *facts = ctx;
	int id = btf__find_by_name_kind(facts->btf, name, BTF_KIND_FUNC);
	const struct btf_type *proto;

	if (id < 0)
		return false;
	proto = btf__type_by_id(facts->btf, btf__type_by_id(facts->btf, id)->type);
	*nargs = btf_vlen(proto);
	*ret = ret_kind(facts->btf, proto->type);
	return true;
}

struct hook_kernel kernel_facts__view(const struct kernel_facts *facts)
{
	return (struct hook_kernel){
		.func = find_func,
		.ctx = facts,
		.has_cmpxchg = facts->has_cmpxchg,
		.preempts_anywhere = facts->preempts_anywhere,
	};
}

uint32_t kernel_facts__pin_flags(const struct kernel_facts *facts, uint32_t foll, bool remote)
{
	return (foll & facts->foll_write ? PIN_WRITE : 0) |
	       (foll & facts->foll_longterm ? PIN_LONGTERM : 0) |
	       (foll & facts->foll_force ? PIN_FORCE : 0) |
	       (foll & facts->foll_nofault ? PIN_NOFAULT : 0) |
	       (foll & facts->foll_p2pdma ? PIN_P2PDMA : 0) | (remote ? PIN_REMOTE : 0);
}

int kernel_facts__each_func(const struct kernel_facts *facts,
			    int (*fn)(void *ctx, const char *name), void *ctx)
{
	for (uint32_t id = 1; id < btf__type_cnt(facts->btf); id++) {
		const struct btf_type *type = btf__type_by_id(facts->btf, id);
		int ret;

		if (!btf_is_func(type))
			continue;
		ret = fn(ctx, btf__name_by_offset(facts->btf, type->name_off));
		if (ret)
			return ret;
	}
	return 0;
}
