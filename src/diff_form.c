// SPDX-License-Identifier: GPL-2.0-only
/*
 * The forms of a comparison: text of at most 80 columns, and JSON. What is
 * compared: diff.c.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "diff.h"
#include "fmt.h"
#include "form_json_out.h"
#include "form_text.h"

#define ROWS_USUAL 20
#define FINDINGS_USUAL 10
#define ROW_INDENT 9

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* "+1.20 GiB"; the sign of what is now against before. */
static struct fmt signed_bytes(uint64_t before, uint64_t now)
{
	struct fmt bytes = fmt_bytes(now > before ? now - before : before - now), fmt;

	snprintf(fmt.s, sizeof(fmt.s), "%s%.38s",
		 now > before	? "+"
		 : now < before ? "-"
				: "",
		 bytes.s);
	return fmt;
}

static void put_row(struct text *text, const struct diff_row *row)
{
	const struct diff_key *key = &row->key;
	char word[8] = "", prefix[64];

	for (size_t i = 0; i < sizeof(word) - 1 && change_name(row->change)[i]; i++)
		word[i] = toupper(change_name(row->change)[i]);
	snprintf(prefix, sizeof(prefix), "%-7s%11.11s%11.11s%11.11s", word,
		 signed_bytes(row->before.bytes, row->now.bytes).s, fmt_bytes(row->before.bytes).s,
		 fmt_bytes(row->now.bytes).s);
	text__wrap(text, prefix, 42, "%s", key->comm ? key->comm : "(no owner)");
	text__wrap(text, "", ROW_INDENT, "%s%s%s%s", key->site, key->module ? " [" : "",
		   key->module ? key->module : "", key->module ? "]" : "");
	if (key->cgroup && strcmp(key->cgroup, "/") != 0)
		text__wrap(text, "", ROW_INDENT, "%s", key->cgroup);
	if (row->before.bytes == row->now.bytes && row->before.pins != row->now.pins)
		text__wrap(text, "", ROW_INDENT, "%s pins, %s before", fmt_count(row->now.pins).s,
			   fmt_count(row->before.pins).s);
}

static void put_rows(struct text *text, const struct diff *diff)
{
	size_t cnt = 0, same = 0, shown = 0, most;

	for (size_t i = 0; i < diff->row_cnt; i++)
		*(diff->rows[i].change == CHANGE_SAME && !text->opts->verbose ? &same : &cnt) += 1;
	most = text__top(text, cnt, ROWS_USUAL);
	if (cnt)
		text__section(text,
			      "            change     before        now  owner, site, cgroup");
	for (size_t i = 0; i < diff->row_cnt && shown < most; i++) {
		if (diff->rows[i].change == CHANGE_SAME && !text->opts->verbose)
			continue;
		put_row(text, &diff->rows[i]);
		shown++;
	}
	if (cnt > shown)
		text__wrap(text, "", 0, "%zu more: --top %zu", cnt - shown, cnt);
	if (same && cnt)
		text__wrap(text, "", 0, "%zu without a change", same);
	else if (same)
		text__section(text, "%zu %s, none changed", same, fmt_plural(same, "group").s);
}

static void put_findings(struct text *text, const char *heading,
			 const struct finding *const *findings, size_t cnt)
{
	size_t most = text__top(text, cnt, FINDINGS_USUAL);
	char prefix[32];

	if (!cnt)
		return;
	text__section(text, "%s", heading);
	for (size_t i = 0; i < most; i++) {
		snprintf(prefix, sizeof(prefix), "   %-8s", level_name(findings[i]->level));
		text__wrap(text, prefix, 12, "%s: %s (%s)", rule_name(findings[i]->rule),
			   findings[i]->title, findings[i]->id);
	}
	if (cnt > most)
		text__wrap(text, "", 3, "%zu more", cnt - most);
}

static void put_side(struct text *text, const char *label, const struct snapshot *snap)
{
	text__line(text, label, "%s, %s on %s%s%s%s", fmt_local(snap->taken_ns).s,
		   fmt_bytes(snap->pinned.bytes).s, snap->host ? snap->host : "?",
		   snap->filter ? " (" : "", snap->filter ? snap->filter : "",
		   snap->filter ? ")" : "");
}

/* What makes the comparison less than it looks. */
static const char *caveat(const struct diff *diff)
{
	if (!same_text(diff->before->host, diff->now->host))
		return "these are two machines";
	if (!same_text(diff->before->boot_id, diff->now->boot_id))
		return "the machine was booted in between";
	if (!same_text(diff->before->filter, diff->now->filter))
		return "they show different parts: see the words in brackets";
	if (diff->before->taken_ns > diff->now->taken_ns)
		return "the first one is the younger";
	return NULL;
}

static void put_verdict(struct text *text, const struct diff *diff)
{
	uint64_t before = diff->before->pinned.bytes, now = diff->now->pinned.bytes;
	const char *word = now > before ? "GREW" : now < before ? "SHRANK" : "SAME";

	if (now == before)
		text__wrap(text, "", 0, "%s  %s pinned, as before: %zu new %s, %zu gone", word,
			   fmt_bytes(now).s, diff->added_cnt,
			   fmt_plural(diff->added_cnt, "finding").s, diff->gone_cnt);
	else
		text__wrap(text, "", 0, "%s  %s to %s pinned: %zu new %s, %zu gone", word,
			   signed_bytes(before, now).s, fmt_bytes(now).s, diff->added_cnt,
			   fmt_plural(diff->added_cnt, "finding").s, diff->gone_cnt);
}

int diff__text(FILE *out, const struct diff *diff, const struct text_options *opts)
{
	struct text text = {
		.out = out,
		.snap = diff->now,
		.opts = opts,
		.width = opts->width ? opts->width : 80,
	};

	put_verdict(&text, diff);
	if (!opts->quiet) {
		put_side(&text, "before", diff->before);
		put_side(&text, "now", diff->now);
		if (caveat(diff))
			text__line(&text, "note", "%s", caveat(diff));
		put_findings(&text, "New findings", diff->added, diff->added_cnt);
		put_findings(&text, "Findings that are gone", diff->gone, diff->gone_cnt);
		put_rows(&text, diff);
	}
	return text.err ? text.err : fflush(out) || ferror(out) ? -EIO : 0;
}

static void key_string(struct json_out *out, const char *key, const char *value)
{
	json_out__key(out, key);
	json_out__string(out, value);
}

static void key_quantity(struct json_out *out, const char *key, const struct quantity *q)
{
	json_out__key(out, key);
	json_out__open(out, '{', true);
	json_out__key(out, "pins");
	json_out__uint(out, q->pins);
	json_out__key(out, "folios");
	json_out__uint(out, q->folios);
	json_out__key(out, "bytes");
	json_out__uint(out, q->bytes);
	json_out__close(out, '}');
}

static void key_side(struct json_out *out, const char *key, const struct snapshot *snap)
{
	json_out__key(out, key);
	json_out__open(out, '{', false);
	key_string(out, "taken", snap->taken_ns ? fmt_utc(snap->taken_ns).s : NULL);
	key_string(out, "host", snap->host);
	key_string(out, "boot_id", snap->boot_id);
	key_string(out, "filter", snap->filter);
	key_quantity(out, "pinned", &snap->pinned);
	json_out__close(out, '}');
}

static void key_findings(struct json_out *out, const char *key,
			 const struct finding *const *findings, size_t cnt)
{
	json_out__key(out, key);
	json_out__open(out, '[', false);
	for (size_t i = 0; i < cnt; i++) {
		json_out__next(out);
		json_out__open(out, '{', false);
		key_string(out, "id", findings[i]->id);
		key_string(out, "rule", rule_name(findings[i]->rule));
		key_string(out, "level", level_name(findings[i]->level));
		key_string(out, "certainty", findings[i]->certainty);
		key_string(out, "title", findings[i]->title);
		json_out__close(out, '}');
	}
	json_out__close(out, ']');
}

static void put_change(struct json_out *out, const struct diff_row *row)
{
	json_out__open(out, '{', false);
	key_string(out, "change", change_name(row->change));
	key_string(out, "comm", row->key.comm);
	key_string(out, "cgroup", row->key.cgroup);
	key_string(out, "site", row->key.site);
	key_string(out, "module", row->key.module);
	key_quantity(out, "before", &row->before);
	key_quantity(out, "now", &row->now);
	json_out__close(out, '}');
}

int diff__json(FILE *file, const struct diff *diff)
{
	struct json_out out = { .file = file };

	json_out__open(&out, '{', false);
	key_string(&out, "schema", "gup-pin/diff/1");
	key_side(&out, "before", diff->before);
	key_side(&out, "now", diff->now);
	json_out__key(&out, "exit");
	json_out__uint(&out, diff->exit_code);
	key_findings(&out, "new_findings", diff->added, diff->added_cnt);
	key_findings(&out, "gone_findings", diff->gone, diff->gone_cnt);
	json_out__key(&out, "changes");
	json_out__open(&out, '[', false);
	for (size_t i = 0; i < diff->row_cnt; i++) {
		json_out__next(&out);
		put_change(&out, &diff->rows[i]);
	}
	json_out__close(&out, ']');
	json_out__close(&out, '}');
	json_out__raw(&out, "\n");
	return fflush(file) || ferror(file) ? -EIO : 0;
}
