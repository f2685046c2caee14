// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rule of truth: what the counts and flags of one struct page mean. Plain
 * numbers in, no kernel needed. A false alarm is worse than anything else, so
 * what ordinary references could explain is "maybe" at most.
 */
#include <string.h>

#include "scan_impl.h"
#include "util.h"

#define MAPPING_ANON 1
#define MAPPING_MOVABLE 2
#define MAPPING_FLAGS 3
/* Plain references beside a pin that may be there without making it doubtful. */
#define SURE_BELOW 64
#define PMD_ORDER 9

const char *scan_what_name(enum scan_what what)
{
	static const char *const names[] = {
		[SCAN_USER] = "user memory",
		[SCAN_FREE] = "free",
		[SCAN_HUGETLB_POOL] = "free hugetlb page",
		[SCAN_SLAB] = "slab",
		[SCAN_PAGE_TABLE] = "page table",
		[SCAN_OFFLINE] = "balloon",
		[SCAN_MOVABLE] = "movable kernel memory",
		[SCAN_RESERVED] = "reserved",
		[SCAN_POISONED] = "bad memory",
		[SCAN_KERNEL] = "kernel memory",
	};

	_Static_assert(ARRAY_SIZE(names) == SCAN_WHAT_CNT, "a name for each");
	return what < SCAN_WHAT_CNT ? names[what] : "unknown";
}

/*
 * page_type shares its word with the mapcount. It names the type in its top
 * byte since Linux kernel commit 4ffca5a96678 ("mm: support only one page_type per
 * page") (in v6.12), from 0xf0; before, a cleared bit below a top nibble of ones. Seen as
 * a mapcount, either is far below any that a page can have.
 */
#define TYPED_BELOW (-128)
#define BIT_TYPES 0xf0000000u
#define BIT_BUDDY 0x80u
#define BIT_OFFLINE 0x100u
#define BIT_TABLE 0x200u

static bool has_type(const struct gup_scan_folio *folio)
{
	return (int32_t)folio->page_type < TYPED_BELOW;
}

void scan_judge__buddy(const struct kernel_facts *facts, uint32_t *mask, uint32_t *type)
{
	*mask = facts->pgty_buddy ? 0xff000000u : BIT_TYPES | BIT_BUDDY;
	*type = facts->pgty_buddy ? (uint32_t)facts->pgty_buddy << 24 : BIT_TYPES;
}

static bool is_type(const struct kernel_facts *facts, const struct gup_scan_folio *folio,
		    uint64_t byte, uint32_t bit)
{
	if (!has_type(folio))
		return false;
	if (facts->pgty_buddy)
		return byte && folio->page_type >> 24 == byte;
	return bit && (folio->page_type & (BIT_TYPES | bit)) == BIT_TYPES;
}

static enum scan_what what_type(const struct kernel_facts *facts,
				const struct gup_scan_folio *folio)
{
	if (is_type(facts, folio, facts->pgty_buddy, BIT_BUDDY))
		return SCAN_FREE;
	if (is_type(facts, folio, facts->pgty_table, BIT_TABLE))
		return SCAN_PAGE_TABLE;
	if (is_type(facts, folio, facts->pgty_offline, BIT_OFFLINE))
		return SCAN_OFFLINE;
	if (is_type(facts, folio, facts->pgty_slab, 0))
		return SCAN_SLAB;
	if (is_type(facts, folio, facts->pgty_zsmalloc, 0))
		return SCAN_MOVABLE;
	return SCAN_KERNEL;
}

/*
 * A page without mapping is the kernel's own, unless it is on an LRU list,
 * where user memory is: then its file was truncated while it was pinned.
 */
static enum scan_what what_is(const struct kernel_facts *facts, const struct gup_scan_folio *folio)
{
	if (folio->flags & facts->pg_hwpoison)
		return SCAN_POISONED;
	if (folio->hugetlb)
		return folio->refcount ? SCAN_USER : SCAN_HUGETLB_POOL;
	if (folio->flags & facts->pg_reserved)
		return SCAN_RESERVED;
	if (folio->flags & facts->pg_slab)
		return SCAN_SLAB;
	if (!folio->large && has_type(folio))
		return what_type(facts, folio);
	if (!folio->refcount)
		return SCAN_FREE;
	if ((folio->mapping & MAPPING_FLAGS) == MAPPING_MOVABLE)
		return SCAN_MOVABLE;
	if (folio->mapping || folio->flags & facts->pg_lru || folio->pincount)
		return SCAN_USER;
	return SCAN_KERNEL;
}

static enum mem_kind kind_of(const struct kernel_facts *facts, const struct gup_scan_folio *folio)
{
	if (folio->hugetlb)
		return MEM_HUGETLB;
	if ((folio->mapping & MAPPING_FLAGS) == MAPPING_FLAGS)
		return MEM_KSM;
	if (folio->mapping & MAPPING_ANON)
		return folio->order == PMD_ORDER ? MEM_THP : MEM_ANON;
	if (folio->flags & facts->pg_swapbacked)
		return MEM_SHMEM;
	if (folio->mapping || folio->flags & facts->pg_lru)
		return MEM_FILE;
	return folio->large ? MEM_UNKNOWN : MEM_KERNEL;
}

/* References of a small page that are accounted for: the caches', page tables', private data's. */
static int64_t expected_refs(const struct kernel_facts *facts, const struct gup_scan_folio *folio)
{
	bool anon = folio->mapping & MAPPING_ANON;

	return (int64_t)folio->mapcount + (folio->mapping && !anon) +
	       (anon && folio->flags & facts->pg_swapcache) +
	       ((folio->flags & facts->pg_private) != 0) +
	       ((folio->flags & facts->pg_private_2) != 0);
}

/* Before struct folio a compound page of order 1 had no pin count of its own. */
static bool counts_in_refs(const struct gup_scan_folio *folio)
{
	return !folio->large || (folio->order == 1 && !folio->pincount);
}

static void judge_pins(const struct kernel_facts *facts, const struct gup_scan_folio *folio,
		       struct scan_hit *hit)
{
	int64_t refs;

	if (!counts_in_refs(folio)) {
		hit->certain = folio->pincount > 0 && folio->pincount <= folio->refcount;
		hit->pins = hit->certain ? folio->pincount : 0;
		return;
	}
	refs = folio->refcount - expected_refs(facts, folio);
	if (refs < GUP_BIAS)
		return;
	hit->pins = refs / GUP_BIAS;
	hit->certain = refs % GUP_BIAS <= SURE_BELOW;
}

bool scan_judge(const struct scan_judge *judge, const struct gup_scan_folio *folio, bool every,
		struct scan_hit *hit)
{
	const struct kernel_facts *facts = &judge->facts;

	*hit = (struct scan_hit){
		.pfn = folio->pfn,
		.refcount = folio->refcount,
		.order = folio->order,
		.file = -1,
		.what = what_is(facts, folio),
		.kind = MEM_KERNEL,
		.dirty = folio->flags & facts->pg_dirty,
		.writeback = folio->flags & facts->pg_writeback,
	};
	if (hit->what == SCAN_FREE && is_type(facts, folio, facts->pgty_buddy, BIT_BUDDY))
		hit->order = folio->private < 20 ? folio->private : 0;
	if (hit->what == SCAN_USER) {
		hit->kind = kind_of(facts, folio);
		hit->mapping = folio->mapping & ~(uint64_t)MAPPING_FLAGS;
		hit->in_file = folio->mapping && !(folio->mapping & MAPPING_FLAGS);
		hit->index = folio->index;
		hit->mapcount = folio->mapcount;
		if (folio->hugetlb && judge->hugetlb_index_in_huge_pages)
			hit->index <<= folio->order;
		judge_pins(facts, folio, hit);
	} else if (hit->what == SCAN_KERNEL && !folio->large && folio->refcount >= GUP_BIAS) {
		hit->pins = folio->refcount / GUP_BIAS;
	}
	return every || hit->pins;
}
