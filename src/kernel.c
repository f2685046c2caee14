// SPDX-License-Identifier: GPL-2.0-only
/*
 * Facts about the running kernel: functions, enumerators and sizes from BTF,
 * BPF features and the zero page by trying.
 */
#include "kernel.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "resolve.h"
#include "snapshot.h"
#include "util.h"

/* The value of an enumerator anywhere in BTF, anonymous enums included. */
static bool enumerator(const struct btf *btf, const char *name, uint64_t *value)
{
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		const struct btf_enum *e = btf_enum(type);

		if (!btf_is_enum(type))
			continue;
		for (int i = 0; i < btf_vlen(type); i++, e++) {
			if (!strcmp(btf__name_by_offset(btf, e->name_off), name)) {
				*value = (uint32_t)e->val;
				return true;
			}
		}
	}
	return false;
}

/*
 * FOLL_*: enumerators since Linux kernel commit b5054174ac7c ("mm: move FOLL_*
 * defs to mm_types.h") (in v6.3, values renumbered then), defines before.
 */
static void read_foll(struct kernel_facts *facts)
{
	static const struct {
		const char *name;
		size_t offset;
		uint64_t define;
	} flags[] = {
		{ "FOLL_PIN", offsetof(struct kernel_facts, foll_pin), 0x40000 },
		{ "FOLL_LONGTERM", offsetof(struct kernel_facts, foll_longterm), 0x10000 },
		{ "FOLL_WRITE", offsetof(struct kernel_facts, foll_write), 0x1 },
		{ "FOLL_FORCE", offsetof(struct kernel_facts, foll_force), 0x10 },
		{ "FOLL_NOFAULT", offsetof(struct kernel_facts, foll_nofault), 0x80 },
		{ "FOLL_PCI_P2PDMA", offsetof(struct kernel_facts, foll_p2pdma), 0 },
	};
	uint64_t value;

	facts->foll_from_btf = enumerator(facts->btf, "FOLL_PIN", &value);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		value = 0;
		if (!facts->foll_from_btf)
			value = flags[i].define;
		else
			enumerator(facts->btf, flags[i].name, &value);
		*(uint64_t *)((char *)facts + flags[i].offset) = value;
	}
}

static uint64_t flag_mask(const struct btf *btf, const char *name)
{
	uint64_t bit;

	return enumerator(btf, name, &bit) && bit < 64 ? 1ULL << bit : 0;
}

static void read_pages(struct kernel_facts *facts)
{
	int id = btf__find_by_name_kind(facts->btf, "page", BTF_KIND_STRUCT);
	uint64_t value = 0;

	facts->page_struct_bytes = id > 0 ? btf__type_by_id(facts->btf, id)->size : 0;
	facts->pg_reserved = flag_mask(facts->btf, "PG_reserved");
	facts->pg_head = flag_mask(facts->btf, "PG_head");
	facts->pg_swapbacked = flag_mask(facts->btf, "PG_swapbacked");
	/* A byte of page_type since v6.11, a destructor's number before. */
	if (enumerator(facts->btf, "PGTY_hugetlb", &value))
		facts->pgty_hugetlb = value;
	else if (enumerator(facts->btf, "HUGETLB_PAGE_DTOR", &value))
		facts->dtor_hugetlb = value;
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

	vmstat__refresh();
	vmstat__read(&acquired, &released);
	return acquired;
}

/*
 * Whether pins of the zero page are counted. Up to v6.4 they are; since Linux
 * kernel commit c8070b787519 ("mm: Don't pin ZERO_PAGE in pin_user_pages()")
 * (in v6.5, and in stable 6.1) not. Others may pin meanwhile, so the least of
 * three tries decides.
 */
static bool probe_zero_page(void)
{
	enum { PAGES = 211 };
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
		counts = acquired_now() - before >= PAGES;
	}
	munmap(mem, PAGES * page);
	return counts;
}

int kernel_facts__read(struct kernel_facts *facts)
{
	uint64_t acquired, released;

	memset(facts, 0, sizeof(*facts));
	if (vmstat__read(&acquired, &released) < 0)
		return -ENOSYS;
	facts->btf = btf__load_vmlinux_btf();
	if (!facts->btf)
		return -ENOENT;
	read_foll(facts);
	read_pages(facts);
	facts->has_cmpxchg = probe_cmpxchg();
	facts->zero_page_counts = probe_zero_page();
	return 0;
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
