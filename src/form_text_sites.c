// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a driver developer looks at: the balance of each pin site (calls, short
 * returns, failures, releases, what is left), and the callers of
 * get_user_pages*(), whose references cannot be paired.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fmt.h"
#include "form_text.h"

#define USUAL_SITES 10
#define USUAL_RELEASES 6
#define USUAL_GET_CALLERS 5
#define USUAL_ERRNOS 4

static const char *errno_word(int err)
{
	const char *name = strerrorname_np(err);

	return name ? name : "error";
}

/* " (ENOMEM 2, EFAULT 1)" */
static void put_errnos(const struct site *site, char *errs, size_t room)
{
	size_t i, len = 0;

	*errs = '\0';
	for (i = 0; i < site->err_cnt && i < USUAL_ERRNOS && len < room; i++)
		len += snprintf(errs + len, room - len, "%s%s %s", i ? ", " : " (",
				errno_word(site->errs[i].err), fmt_count(site->errs[i].calls).s);
	if (len && len < room)
		snprintf(errs + len, room - len, "%s)", site->err_cnt > i ? ", ..." : "");
}

static void put_calls(struct text *text, const struct site *site)
{
	char shorts[64] = "", fails[64] = "", errs[160];

	put_errnos(site, errs, sizeof(errs));
	if (site->short_calls)
		snprintf(shorts, sizeof(shorts), ", %s short", fmt_count(site->short_calls).s);
	if (site->failed_calls)
		snprintf(fails, sizeof(fails), ", %s failed", fmt_count(site->failed_calls).s);
	text__line(text, "calls", "%s%s%s%s", fmt_count(site->calls).s, shorts, fails,
		   site->failed_calls ? errs : "");
}

/*
 * A short return pins less than was asked: its caller must undo what it got.
 * Asked counts pages and pinned counts the kernel's unit, which may be folios.
 */
static void put_pinned(struct text *text, const struct site *site)
{
	if (site->pages_asked && site->pages_asked != site->pins)
		text__line(text, "pinned", "%s of %s %s asked for", fmt_count(site->pins).s,
			   fmt_count(site->pages_asked).s, fmt_plural(site->pages_asked, "page").s);
	else
		text__line(text, "pinned", "%s", fmt_count(site->pins).s);
}

static void put_released(struct text *text, const struct site *site)
{
	size_t i, most = text__top(text, site->release_cnt, USUAL_RELEASES);
	uint64_t named = 0;
	const char *label = "released";

	if (!site->released)
		text__line(text, "released", "0");
	for (i = 0; i < most; i++, label = "") {
		text__line(text, label, "%s by %s", fmt_count(site->releases[i].pins).s,
			   site->releases[i].function ? site->releases[i].function : "?");
		named += site->releases[i].pins;
	}
	if (site->released > named)
		text__line(text, label, "%s by %s", fmt_count(site->released - named).s,
			   site->release_cnt > most ? "others: -v lists them" : "sites unknown");
}

static void put_left(struct text *text, const struct site *site)
{
	uint64_t want = site->released + site->left;

	text__line(text, "left", "%s", fmt_count(site->left).s);
	if (site->pins > want)
		text__line(text, "differs", "%s %s neither released here nor left: events missed",
			   fmt_count(site->pins - want).s, fmt_plural(site->pins - want, "pin").s);
	else if (site->pins < want)
		text__line(text, "differs", "%s %s more released or left than pinned here",
			   fmt_count(want - site->pins).s, fmt_plural(want - site->pins, "pin").s);
}

static void put_site(struct text *text, const struct site *site)
{
	text__wrap(text, "-  ", 3, "%s, called by %s%s%s%s",
		   site->api == API_UNKNOWN ? "API unknown" : api_name(site->api),
		   site->caller ? site->caller : "an unknown function",
		   site->caller_module ? " [" : "", site->caller_module ? site->caller_module : "",
		   site->caller_module ? "]" : "");
	put_calls(text, site);
	put_pinned(text, site);
	if (!text->snap->checks.has_ledger) {
		text__line(text, "released", "not known by site: no ledger on this kernel");
		return;
	}
	put_released(text, site);
	put_left(text, site);
}

/* What is left first, then errors and short returns, then the busiest. */
static int compare_sites(const void *left, const void *right)
{
	const struct site *l = *(const struct site *const *)left;
	const struct site *r = *(const struct site *const *)right;
	uint64_t l_odd = l->short_calls + l->failed_calls, r_odd = r->short_calls + r->failed_calls;

	if (l->left != r->left)
		return l->left < r->left ? 1 : -1;
	if (l_odd != r_odd)
		return l_odd < r_odd ? 1 : -1;
	if (l->pins != r->pins)
		return l->pins < r->pins ? 1 : -1;
	return l < r ? -1 : l > r;
}

/* With CMD only the sites it used, unless all is asked for. */
static bool is_shown(const struct text *text, const struct site *site)
{
	return text->opts->verbose || !text->snap->cmd || site->in_tree;
}

void text_balance(struct text *text)
{
	const struct snapshot *snap = text->snap;
	const struct site **sites;
	size_t i, cnt = 0, most;

	for (i = 0; i < snap->site_cnt; i++)
		cnt += is_shown(text, &snap->sites[i]);
	if (!cnt)
		return;
	sites = malloc(cnt * sizeof(*sites));
	if (!sites) {
		text->err = -ENOMEM;
		return;
	}
	for (i = 0, cnt = 0; i < snap->site_cnt; i++)
		if (is_shown(text, &snap->sites[i]))
			sites[cnt++] = &snap->sites[i];
	qsort(sites, cnt, sizeof(*sites), compare_sites);
	text__section(text, "Balance by pin site, in pins");
	most = text__top(text, cnt, USUAL_SITES);
	for (i = 0; i < most; i++)
		put_site(text, sites[i]);
	if (cnt > most)
		text__wrap(text, "   ", 3, "%s more %s: -v lists them", fmt_count(cnt - most).s,
			   fmt_plural(cnt - most, "site").s);
	free(sites);
}

void text_get_callers(struct text *text)
{
	const struct snapshot *snap = text->snap;
	size_t i, most = text__top(text, snap->get_site_cnt, USUAL_GET_CALLERS);
	const struct get_site *site;

	if (!snap->get_site_cnt)
		return;
	text__section(text, "FOLL_GET callers (references, not pins: not paired with releases)");
	for (i = 0; i < most; i++) {
		site = &snap->get_sites[i];
		text__wrap(text, "   ", 3, "%s, called by %s%s%s%s: %s %s, %s %s",
			   site->function ? site->function : "?",
			   site->caller ? site->caller : "an unknown function",
			   site->caller_module ? " [" : "",
			   site->caller_module ? site->caller_module : "",
			   site->caller_module ? "]" : "", fmt_count(site->calls).s,
			   fmt_plural(site->calls, "call").s, fmt_count(site->pages).s,
			   fmt_plural(site->pages, "page").s);
	}
	if (snap->get_site_cnt > most)
		text__wrap(text, "   ", 3, "%s more %s: -v lists them",
			   fmt_count(snap->get_site_cnt - most).s,
			   fmt_plural(snap->get_site_cnt - most, "caller").s);
}
