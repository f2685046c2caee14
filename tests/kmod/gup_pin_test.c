// SPDX-License-Identifier: GPL-2.0
/*
 * Test module: /dev/gup_pin_test pins the caller's pages by pin_user_pages_fast and makes, on
 * request, the classic mistakes with them: forget, release late, release twice, release by
 * put_page, release as clean. Every mistake is padded with references so that no page is freed
 * too early and the machine survives; what it leaves behind is in gup_pin_test.h. For test guests
 * only.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/page_ref.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#include "gup_pin_test.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 16, 0) /* before struct folio */
#define folio page
#define page_folio compound_head
#define folio_nr_pages compound_nr
#define folio_ref_add page_ref_add
#define folio_pincount_ptr compound_pincount_ptr
#endif

#define MAX_PAGES (1ul << 20)
#define PIN_BIAS 1024 /* GUP_PIN_COUNTING_BIAS: what a pin adds to a small page's count */

/* The pages of one open file, or of one late release. */
struct held {
	struct mutex lock;
	struct delayed_work late;
	struct page **pages; /* NULL: none */
	unsigned long nr;
	unsigned int cmd; /* the ioctl that took them */
};

/* All pages or none; the array is the caller's to free. lose: pins of some pages are not undone. */
static struct page **take(const struct gup_pin_test_args *args, bool pin, bool lose)
{
	unsigned int flags = args->flags & GUP_PIN_TEST_WRITE ? FOLL_WRITE : 0;
	struct page **pages;
	int got;

	if (pin && args->flags & GUP_PIN_TEST_LONGTERM)
		flags |= FOLL_LONGTERM;
	pages = kvmalloc_array(args->npages, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return ERR_PTR(-ENOMEM);
	got = pin ? pin_user_pages_fast(args->addr, args->npages, flags, pages)
		  : get_user_pages_fast(args->addr, args->npages, flags, pages);
	if (got == args->npages)
		return pages;
	if (got > 0 && pin && !lose)
		unpin_user_pages(pages, got);
	else if (got > 0 && !pin)
		release_pages(pages, got);
	kvfree(pages);
	return ERR_PTR(got < 0 ? got : -EFAULT);
}

/* The references of page i of GUP_PIN_TEST_BIASED beside the first. */
static int biased_refs(unsigned long i)
{
	return i & 1 ? 32768 : 65534;
}

static void free_biased(struct page **pages, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		page_ref_sub(pages[i], biased_refs(i));
		put_page(pages[i]);
	}
}

static struct page **alloc_biased(unsigned long nr)
{
	struct page **pages = kvmalloc_array(nr, sizeof(*pages), GFP_KERNEL);
	unsigned long i;

	for (i = 0; pages && i < nr; i++) {
		pages[i] = i & 1 ? alloc_pages(GFP_KERNEL | __GFP_COMP, 3) : alloc_page(GFP_KERNEL);
		if (!pages[i]) {
			free_biased(pages, i);
			kvfree(pages);
			pages = NULL;
			break;
		}
		page_ref_add(pages[i], biased_refs(i));
	}
	return pages ?: ERR_PTR(-ENOMEM);
}

/* Where no page is in high memory, as on the machines that this is for. */
static void write_pages(struct page **pages, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		memcpy(page_address(pages[i]), GUP_PIN_TEST_MARK, sizeof(GUP_PIN_TEST_MARK));
}

/* What RELEASE and the last close do. */
static void release(struct held *held)
{
	unsigned long i;

	if (!held->pages)
		return;
	if (held->cmd == GUP_PIN_TEST_CLEAN || held->cmd == GUP_PIN_TEST_DIRTY)
		write_pages(held->pages, held->nr);
	if (held->cmd == GUP_PIN_TEST_BIASED)
		free_biased(held->pages, held->nr);
	else if (held->cmd == GUP_PIN_TEST_DIRTY)
		unpin_user_pages_dirty_lock(held->pages, held->nr, true);
	else if (held->cmd == GUP_PIN_TEST_GET)
		release_pages(held->pages, held->nr);
	else
		unpin_user_pages(held->pages, held->nr);
	if (held->cmd == GUP_PIN_TEST_TWICE) {
		/* Nothing is left to release: give it references that are nobody's pin. */
		for (i = 0; i < held->nr; i++)
			page_ref_add(held->pages[i], PIN_BIAS);
		unpin_user_pages(held->pages, held->nr);
	}
	kvfree(held->pages);
	held->pages = NULL;
}

static void release_late(struct work_struct *work)
{
	struct held *held = container_of(to_delayed_work(work), struct held, late);

	release(held);
	kfree(held);
}

static int start_late(struct page **pages, const struct gup_pin_test_args *args)
{
	struct held *held = kzalloc(sizeof(*held), GFP_KERNEL);

	if (!held) {
		unpin_user_pages(pages, args->npages);
		kvfree(pages);
		return -ENOMEM;
	}
	held->pages = pages;
	held->nr = args->npages;
	/* For good: this module stays loaded once it has code left to run. */
	__module_get(THIS_MODULE);
	INIT_DELAYED_WORK(&held->late, release_late);
	schedule_delayed_work(&held->late, msecs_to_jiffies(args->delay_ms));
	return 0;
}

static bool any_compound(struct page **pages, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		if (PageCompound(pages[i]))
			return true;
	}
	return false;
}

/* Two more pins, then two releases by one owner. On failure nothing stays pinned. */
static int release_twice(struct page **pages, const struct gup_pin_test_args *args)
{
	struct page **again;
	int owners, err = 0;

	/* The pin count of a large folio would go below zero in the end. */
	if (any_compound(pages, args->npages))
		err = -EINVAL;
	for (owners = 1; !err && owners < 3; owners++) {
		again = take(args, true, false);
		err = PTR_ERR_OR_ZERO(again);
		if (!err)
			kvfree(again);
		else if (owners == 2)
			unpin_user_pages(pages, args->npages);
	}
	unpin_user_pages(pages, args->npages);
	if (!err)
		unpin_user_pages(pages, args->npages);
	return err;
}

static void put_pins(struct page **pages, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		if (PageCompound(pages[i]))
			get_page(pages[i]);
		put_page(pages[i]);
	}
}

/* The references that a pin would have added are nobody's. */
static int unpin_got(struct page **pages, unsigned long nr)
{
	unsigned long i;

	if (any_compound(pages, nr)) {
		release_pages(pages, nr);
		return -EINVAL;
	}
	for (i = 0; i < nr; i++)
		page_ref_add(pages[i], PIN_BIAS - 1);
	unpin_user_pages(pages, nr);
	return 0;
}

static atomic_t *pincount(struct folio *folio)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	return folio_pincount_ptr(folio);
#else
	return &folio->_pincount;
#endif
}

/* All pages were pinned; they go back, but for one pin that is released so often. */
static int unpin_huge(struct page **pages, unsigned long nr)
{
	struct folio *folio = page_folio(pages[0]);
	unsigned long i;

	if (folio_nr_pages(folio) < nr || page_folio(pages[nr - 1]) != folio) {
		unpin_user_pages(pages, nr);
		return -EINVAL;
	}
	if (nr > 1)
		unpin_user_pages(pages + 1, nr - 1);
	folio_ref_add(folio, nr - 1);
	atomic_add(nr - 1, pincount(folio));
	for (i = 0; i < nr; i++)
		unpin_user_pages(pages, 1);
	return 0;
}

static int do_take(struct held *held, unsigned int cmd, const struct gup_pin_test_args *args)
{
	struct page **pages;
	int err = 0;

	if (held->pages)
		return -EBUSY;
	if (!args->npages || args->npages > MAX_PAGES)
		return -EINVAL;
	if (cmd == GUP_PIN_TEST_BIASED)
		pages = alloc_biased(args->npages);
	else
		pages = take(args, cmd != GUP_PIN_TEST_GET && cmd != GUP_PIN_TEST_UNPIN_GET,
			     cmd == GUP_PIN_TEST_SHORT);
	if (IS_ERR(pages))
		return PTR_ERR(pages);
	switch (cmd) {
	case GUP_PIN_TEST_LATE:
		return start_late(pages, args);
	case GUP_PIN_TEST_PUTPAGE:
		put_pins(pages, args->npages);
		fallthrough;
	case GUP_PIN_TEST_FORGET:
	case GUP_PIN_TEST_SHORT:
		kvfree(pages);
		return 0;
	case GUP_PIN_TEST_ONE_LESS:
		unpin_user_pages(pages, args->npages - 1);
		kvfree(pages);
		return 0;
	case GUP_PIN_TEST_UNPIN_GET:
		err = unpin_got(pages, args->npages);
		kvfree(pages);
		return err;
	case GUP_PIN_TEST_HUGE_TWICE:
		err = unpin_huge(pages, args->npages);
		kvfree(pages);
		return err;
	case GUP_PIN_TEST_TWICE:
		err = release_twice(pages, args);
	}
	if (err) {
		kvfree(pages);
		return err;
	}
	held->pages = pages;
	held->nr = args->npages;
	held->cmd = cmd;
	return 0;
}

/* The third argument is a migrate type in older kernels, and flags in those that have acr_flags_t. */
static int take_contig(const struct gup_pin_test_args *args)
{
#ifdef ACR_FLAGS_NONE
	int err = alloc_contig_range(args->addr, args->addr + args->npages, ACR_FLAGS_NONE,
				     GFP_KERNEL);
#else
	int err = alloc_contig_range(args->addr, args->addr + args->npages, MIGRATE_MOVABLE,
				     GFP_KERNEL);
#endif

	if (!err)
		free_contig_range(args->addr, args->npages);
	return err;
}

static long test_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct held *held = file->private_data;
	struct gup_pin_test_args args;
	int err = 0;

	mutex_lock(&held->lock);
	switch (cmd) {
	case GUP_PIN_TEST_RELEASE:
		release(held);
		break;
	case GUP_PIN_TEST_PIN:
	case GUP_PIN_TEST_GET:
	case GUP_PIN_TEST_FORGET:
	case GUP_PIN_TEST_LATE:
	case GUP_PIN_TEST_TWICE:
	case GUP_PIN_TEST_PUTPAGE:
	case GUP_PIN_TEST_BIASED:
	case GUP_PIN_TEST_CONTIG:
	case GUP_PIN_TEST_SHORT:
	case GUP_PIN_TEST_UNPIN_GET:
	case GUP_PIN_TEST_ONE_LESS:
	case GUP_PIN_TEST_HUGE_TWICE:
	case GUP_PIN_TEST_CLEAN:
	case GUP_PIN_TEST_DIRTY:
		if (copy_from_user(&args, (void __user *)arg, sizeof(args)))
			err = -EFAULT;
		else if (cmd == GUP_PIN_TEST_CONTIG)
			err = take_contig(&args);
		else
			err = do_take(held, cmd, &args);
		break;
	default:
		err = -ENOTTY;
	}
	mutex_unlock(&held->lock);
	return err;
}

static int test_open(struct inode *inode, struct file *file)
{
	struct held *held = kzalloc(sizeof(*held), GFP_KERNEL);

	if (!held)
		return -ENOMEM;
	mutex_init(&held->lock);
	file->private_data = held;
	return 0;
}

static int test_release(struct inode *inode, struct file *file)
{
	struct held *held = file->private_data;

	release(held);
	kfree(held);
	return 0;
}

static const struct file_operations test_fops = {
	.owner = THIS_MODULE,
	.open = test_open,
	.release = test_release,
	.unlocked_ioctl = test_ioctl,
};

static struct miscdevice test_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "gup_pin_test",
	.fops = &test_fops,
};

module_misc_device(test_device);
MODULE_DESCRIPTION("Pins pages, rightly and wrongly, to test pin accounting tools");
MODULE_LICENSE("GPL");
