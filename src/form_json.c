// SPDX-License-Identifier: GPL-2.0-only
/*
 * The JSON snapshot, the only form between programs and time: keys and order
 * as form_json_schema.c describes them. Integers stay below 2^53, times are
 * UTC strings, unknown is null, ids count from 1. No key holds a kernel
 * address. Its lists are in form_json_lists.c.
 */
#include <errno.h>
#include <stdio.h>

#include "form_json.h"
#include "forms.h"

static void put_host(struct doc *doc, json *root)
{
	const struct snapshot *snap = doc->snap;
	json *host = put_object(doc, root, "host");

	put_str(doc, host, "name", snap->host);
	put_str(doc, host, "kernel", snap->kernel);
	put_str(doc, host, "arch", snap->arch);
	put_str(doc, host, "boot_id", snap->boot_id);
	put_int(doc, host, "page_size", snap->page_size);
	put_int(doc, host, "ram_bytes", snap->ram_bytes);
}

static void put_command(struct doc *doc, json *root)
{
	const struct snapshot *snap = doc->snap;
	json *command;

	if (!snap->cmd) {
		put(doc, root, "command", NULL);
		return;
	}
	command = put_object(doc, root, "command");
	put_str(doc, command, "text", snap->cmd);
	put_known(doc, command, "exit_status",
		  snap->cmd_known_status && !snap->cmd_signal ? snap->cmd_status : -1);
	put_known(doc, command, "exit_signal",
		  snap->cmd_known_status && snap->cmd_signal ? snap->cmd_signal : -1);
	put_int(doc, command, "ran_ms", snap->ran_ns / 1000000);
	put_int(doc, command, "grace_ms", snap->grace_ns / 1000000);
	put_known(doc, command, "pins_taken", snap->cmd_pins ? (int64_t)snap->cmd_pins : -1);
	put_quantity(doc, put_object(doc, command, "by_servers"), &snap->other_for_cmd);
}

static void put_verdict(struct doc *doc, json *root)
{
	const struct snapshot *snap = doc->snap;
	json *verdict = put_object(doc, root, "verdict");

	put_str(doc, verdict, "level", level_name(snap->verdict));
	put_int(doc, verdict, "findings", snap->warned);
	put_int(doc, verdict, "notes", snap->noted);
	put_int(doc, verdict, "leaks", snap->leaks);
	put_int(doc, verdict, "suppressed", snap->suppressed);
	put_int(doc, verdict, "exit", snap->exit_code);
}

static void put_totals(struct doc *doc, json *root)
{
	const struct snapshot *snap = doc->snap;
	json *totals = put_object(doc, root, "totals"), *maybe;

	put_quantity(doc, put_object(doc, totals, "pinned"), &snap->pinned);
	put_quantity(doc, put_object(doc, totals, "attributed"), &snap->attributed);
	put_quantity(doc, put_object(doc, totals, "unattributed"), &snap->unattributed);
	maybe = put_object(doc, totals, "maybe_pinned");
	put_int(doc, maybe, "folios", snap->maybe.folios);
	put_int(doc, maybe, "bytes", snap->maybe.bytes);
}

static void put_hooks(struct doc *doc, json *to, const struct checks *checks)
{
	json *hooks = put_object(doc, to, "hooks"), *missing, *gap;
	size_t i;

	put_int(doc, hooks, "attached", checks->hooks_attached);
	put_int(doc, hooks, "wanted", checks->hooks_wanted);
	missing = put_array(doc, hooks, "missing");
	for (i = 0; i < checks->missing_cnt; i++) {
		gap = push_object(doc, missing);
		put_str(doc, gap, "function", checks->missing[i].function);
		put_str(doc, gap, "why", checks->missing[i].why);
		put_bool(doc, gap, "harmless", checks->missing[i].harmless);
	}
}

static void put_vmstat(struct doc *doc, json *to, const struct checks *checks)
{
	uint64_t acquired = checks->vmstat_acquired, released = checks->vmstat_released;
	uint64_t outstanding = acquired > released ? acquired - released : 0;
	json *vmstat;

	if (!checks->vmstat_known) {
		put(doc, to, "vmstat", NULL);
		return;
	}
	vmstat = put_object(doc, to, "vmstat");
	put_int(doc, vmstat, "acquired", acquired);
	put_int(doc, vmstat, "released", released);
	put_int(doc, vmstat, "outstanding", outstanding);
	put_known(doc, vmstat, "above_scan",
		  checks->scanned_struct_pages && outstanding >= doc->snap->pinned.pins
			  ? (int64_t)(outstanding - doc->snap->pinned.pins)
			  : -1);
	put_int(doc, vmstat, "acquired_seen", checks->events_acquired);
	put_int(doc, vmstat, "released_seen", checks->events_released);
	put_int(doc, vmstat, "folio_add_pins", checks->folio_add_pins);
	put_int(doc, vmstat, "before_tracking", checks->pins_before);
	put_bool(doc, vmstat, "agrees", checks->vmstat_agrees);
}

static void put_lost(struct doc *doc, json *to, const struct checks *checks)
{
	json *lost = put_object(doc, to, "lost");

	put_int(doc, lost, "recursion_misses", checks->recursion_misses);
	put_int(doc, lost, "repaired", checks->repaired);
	put_int(doc, lost, "map_full", checks->map_full);
	put_int(doc, lost, "owners_full", checks->owners_full);
	put_int(doc, lost, "stacks", checks->stacks_lost);
	put_int(doc, lost, "stale_dropped", checks->stale_dropped);
	put_int(doc, lost, "unmatched_releases", checks->unmatched_releases);
	put_int(doc, lost, "api_unknown", checks->api_unknown);
	put_int(doc, lost, "in_motion", checks->in_motion);
}

/* One decimal, independent of the locale. */
static json *percent(struct doc *doc, double value)
{
	unsigned int tenths;
	char digits[24];

	if (!(value >= 0 && value < 1e6))
		return NULL;
	tenths = value * 10 + 0.5;
	snprintf(digits, sizeof(digits), "%u.%u", tenths / 10, tenths % 10);
	return need(doc, json_object_new_double_s(value, digits));
}

static void put_checks(struct doc *doc, json *root)
{
	const struct checks *c = &doc->snap->checks;
	json *checks = put_object(doc, root, "checks"), *cost;

	put_str(doc, checks, "source", c->source);
	put_time(doc, checks, "tracking_since", c->tracking_since_ns);
	put_str(doc, checks, "plan", c->plan);
	put_bool(doc, checks, "ledger", c->has_ledger);
	put_hooks(doc, checks, c);
	put_str(doc, checks, "self_test", c->selftest);
	put_known(doc, checks, "struct_pages",
		  c->scanned_struct_pages ? (int64_t)c->scanned_struct_pages : -1);
	put_vmstat(doc, checks, c);
	put_lost(doc, checks, c);
	cost = put_object(doc, checks, "cost");
	put(doc, cost, "cpu_percent", percent(doc, c->cpu_percent));
	put_known(doc, cost, "bpf_bytes", c->bpf_bytes ? (int64_t)c->bpf_bytes : -1);
}

static void put_unused_suppressions(struct doc *doc, json *root)
{
	json *list = put_array(doc, root, "unused_suppressions");
	size_t i;

	for (i = 0; i < doc->snap->unused_suppression_cnt; i++)
		push(doc, list, str(doc, doc->snap->unused_suppressions[i]));
}

static json *build(struct doc *doc)
{
	const struct snapshot *snap = doc->snap;
	json *root = need(doc, json_object_new_object()), *tool;

	put_str(doc, root, "schema", "gup-pin/snapshot/1");
	tool = put_object(doc, root, "tool");
	put_str(doc, tool, "name", snap->tool);
	put_str(doc, tool, "version", snap->version);
	put_time(doc, root, "taken", snap->taken_ns);
	put_known(doc, root, "scan_ms",
		  snap->checks.scanned_struct_pages ? (int64_t)snap->checks.scan_ms : -1);
	put_host(doc, root);
	put_command(doc, root);
	put_verdict(doc, root);
	put_totals(doc, root);
	put_checks(doc, root);
	put_processes(doc, root);
	put_stacks(doc, root);
	put_groups(doc, root);
	put_findings(doc, root);
	put_balance(doc, root);
	put_get_callers(doc, root);
	put_wrong_releases(doc, root);
	put_unused_suppressions(doc, root);
	return root;
}

int form_json(FILE *out, const struct snapshot *snap)
{
	const int style =
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE;
	struct doc doc = { .snap = snap };
	json *root = build(&doc);
	const char *text = doc.oom ? NULL : json_object_to_json_string_ext(root, style);
	int err = text ? 0 : -ENOMEM;

	if (text && (fputs(text, out) < 0 || fputc('\n', out) < 0 || fflush(out) || ferror(out)))
		err = -EIO;
	json_object_put(root);
	return err;
}

int form_schema(FILE *out)
{
	json *root = json_tokener_parse(schema_text());
	const char *text =
		root ? json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
								    JSON_C_TO_STRING_NOSLASHESCAPE)
		     : NULL;
	int err = text ? 0 : -ENOMEM;

	if (text && (fputs(text, out) < 0 || fputc('\n', out) < 0 || fflush(out) || ferror(out)))
		err = -EIO;
	json_object_put(root);
	return err;
}
