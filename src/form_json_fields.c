// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of the JSON form, first half: the snapshot itself, its totals,
 * checks, findings and sites, in the order in which they are written. See
 * form_json.h; keys and their meaning: form_json_schema.json.
 */
#include <string.h>

#include "form_json.h"
#include "util.h"

static const char *json_rule_name(unsigned int value)
{
	return rule_name(value);
}

static const char *json_level_name(unsigned int value)
{
	return level_name(value);
}

static const char *json_wrong_kind_name(unsigned int value)
{
	return wrong_kind_name(value);
}

static bool has_scan(const struct json_at *w)
{
	return w->snap->checks.scanned_struct_pages > 0;
}

static bool has_ledger(const struct json_at *w)
{
	return w->snap->checks.has_ledger;
}

static bool has_pages(const struct json_at *w)
{
	return w->snap->page_cnt > 0;
}

static bool has_busy(const struct json_at *w)
{
	return w->snap->busy_cnt > 0;
}

static bool has_command(const struct json_at *w)
{
	return w->snap->cmd;
}

static bool ended_by_exit(const struct json_at *w)
{
	return w->snap->cmd_known_status && !w->snap->cmd_signal;
}

static bool ended_by_signal(const struct json_at *w)
{
	return w->snap->cmd_known_status && w->snap->cmd_signal;
}

#define AT(member) .at = offsetof(struct snapshot, member)
#define CNT(member) .cnt_at = offsetof(struct snapshot, member)

static const struct json_field tool_fields[] = {
	{ "name", JSON_STR, AT(tool), .need = true },
	{ "version", JSON_STR, AT(version), .need = true },
};
static const struct json_type json_tool = { .fields = tool_fields,
					    .field_cnt = ARRAY_SIZE(tool_fields),
					    .flat = true };

static const struct json_field host_fields[] = {
	{ "name", JSON_STR, AT(host), .need = true },
	{ "kernel", JSON_STR, AT(kernel), .need = true },
	{ "arch", JSON_STR, AT(arch), .need = true },
	{ "boot_id", JSON_STR, AT(boot_id), .need = true },
	{ "page_size", JSON_COUNT, AT(page_size), .need = true },
	{ "ram_bytes", JSON_COUNT, AT(ram_bytes), .need = true },
};
static const struct json_type json_host = { .fields = host_fields,
					    .field_cnt = ARRAY_SIZE(host_fields) };

static void read_command(struct snapshot *snap, void *object)
{
	(void)object;
	if (snap->cmd_signal < 0)
		snap->cmd_signal = 0;
	snap->cmd_known_status = snap->cmd_status >= 0 || snap->cmd_signal;
}

static const struct json_field command_fields[] = {
	{ "text", JSON_STR, AT(cmd), .need = true, .no_null = true },
	{ "exit_status", JSON_KNOWN, AT(cmd_status), .need = true, .shown = ended_by_exit },
	{ "exit_signal", JSON_KNOWN, AT(cmd_signal), .need = true, .shown = ended_by_signal },
	{ "pins_taken", JSON_NONZERO, AT(cmd_pins), .need = true },
	{ "by_servers", JSON_OBJECT, AT(other_for_cmd), .need = true, .no_null = true,
	  .type = &json_quantity },
};
static const struct json_type json_command = {
	.fields = command_fields,
	.field_cnt = ARRAY_SIZE(command_fields),
	.read = read_command,
};

static const struct json_field watch_fields[] = {
	{ "ran_ms", JSON_MS, AT(ran_ns), .need = true },
	{ "grace_ms", JSON_MS, AT(grace_ns), .need = true },
	{ "waited_ms", JSON_MS, AT(waited_ns), .need = true },
};
static const struct json_type json_watch = {
	.fields = watch_fields,
	.field_cnt = ARRAY_SIZE(watch_fields),
	.flat = true,
};

static const struct json_field verdict_fields[] = {
	{ "level", JSON_ENUM, AT(verdict), .need = true, .name = json_level_name,
	  .name_cnt = LEVEL_CNT },
	{ "findings", JSON_U32, AT(warned), .need = true },
	{ "notes", JSON_U32, AT(noted) },
	{ "leaks", JSON_U32, AT(leaks), .need = true },
	{ "suppressed", JSON_U32, AT(suppressed), .need = true },
	{ "exit", JSON_I32, AT(exit_code), .need = true },
};
static const struct json_type json_verdict = {
	.fields = verdict_fields,
	.field_cnt = ARRAY_SIZE(verdict_fields),
	.flat = true,
};

static const struct json_field maybe_fields[] = {
	{ "folios", JSON_COUNT, AT(maybe.folios), .need = true },
	{ "bytes", JSON_COUNT, AT(maybe.bytes), .need = true },
};
static const struct json_type json_maybe = {
	.fields = maybe_fields,
	.field_cnt = ARRAY_SIZE(maybe_fields),
	.flat = true,
};

static const struct json_field totals_fields[] = {
	{ "pinned", JSON_OBJECT, AT(pinned), .need = true, .no_null = true,
	  .type = &json_quantity },
	{ "attributed", JSON_OBJECT, AT(attributed), .need = true, .no_null = true,
	  .type = &json_quantity },
	{ "unattributed", JSON_OBJECT, AT(unattributed), .need = true, .no_null = true,
	  .type = &json_quantity },
	{ "maybe_pinned", JSON_OBJECT, .need = true, .no_null = true, .type = &json_maybe },
};
static const struct json_type json_totals = { .fields = totals_fields,
					      .field_cnt = ARRAY_SIZE(totals_fields) };
#undef AT
#undef CNT

#define AT(member) .at = offsetof(struct zone_use, member)
static const struct json_field zone_fields[] = {
	{ "node", JSON_KNOWN, AT(node), .need = true },
	{ "zone", JSON_STR, AT(zone), .need = true },
	{ "pins", JSON_COUNT, AT(q.pins), .need = true },
	{ "folios", JSON_COUNT, AT(q.folios), .need = true },
	{ "bytes", JSON_COUNT, AT(q.bytes), .need = true },
	{ "pageblocks", JSON_COUNT, AT(pageblocks), .need = true },
	{ "pageblock_bytes", JSON_COUNT, AT(pageblock_bytes), .need = true },
	{ "blocks_offline", JSON_BOOL, AT(blocks_offline), .need = true },
	{ "cma_folios", JSON_COUNT, AT(cma_folios), .need = true },
};
#undef AT
static const struct json_type json_zone = {
	.fields = zone_fields,
	.field_cnt = ARRAY_SIZE(zone_fields),
	.bytes = sizeof(struct zone_use),
	.flat = true,
};

#define AT(member) .at = offsetof(struct busy_holder, member)
static const struct json_field busy_holder_fields[] = {
	{ "pid", JSON_U32, AT(pid), .need = true },
	{ "comm", JSON_STR, AT(comm), .need = true },
	{ "api", JSON_ENUM, AT(api), .need = true, .name = json_api_name, .name_cnt = API_CNT,
	  .zero_is_null = true },
	{ "basis", JSON_ENUM, AT(basis), .need = true, .name = json_basis_name,
	  .name_cnt = BASIS_CNT },
	{ "pins", JSON_COUNT, AT(q.pins), .need = true },
	{ "folios", JSON_COUNT, AT(q.folios), .need = true },
	{ "bytes", JSON_COUNT, AT(q.bytes), .need = true },
	{ "first_pfn", JSON_COUNT, AT(first_pfn), .need = true },
};
#undef AT
static const struct json_type json_busy_holder = {
	.fields = busy_holder_fields,
	.field_cnt = ARRAY_SIZE(busy_holder_fields),
	.bytes = sizeof(struct busy_holder),
	.flat = true,
};

#define AT(member) .at = offsetof(struct busy_range, member)
static const struct json_field busy_fields[] = {
	{ "first", JSON_TIME, AT(first_ns), .need = true },
	{ "last", JSON_TIME, AT(last_ns), .need = true },
	{ "times", JSON_COUNT, AT(times), .need = true },
	{ "start_pfn", JSON_COUNT, AT(start_pfn), .need = true },
	{ "end_pfn", JSON_COUNT, AT(end_pfn), .need = true },
	{ "by", JSON_STR, AT(by), .need = true },
	{ "holders", JSON_LIST, AT(holders), .cnt_at = offsetof(struct busy_range, holder_cnt),
	  .need = true, .type = &json_busy_holder },
};
#undef AT
static const struct json_type json_busy = {
	.fields = busy_fields,
	.field_cnt = ARRAY_SIZE(busy_fields),
	.bytes = sizeof(struct busy_range),
};

static const char *const certainties[] = { "exact", "inferred", "suspect", NULL };

#define AT(member) .at = offsetof(struct finding, member)
static const struct json_field finding_fields[] = {
	{ "id", JSON_CHARS, AT(id), .need = true },
	{ "rule", JSON_ENUM, AT(rule), .need = true, .name = json_rule_name, .name_cnt = RULE_CNT },
	{ "level", JSON_ENUM, AT(level), .need = true, .name = json_level_name,
	  .name_cnt = LEVEL_CNT },
	{ "certainty", JSON_WORD, AT(certainty), .need = true, .no_null = true,
	  .words = certainties },
	{ "group", JSON_GROUP, AT(group), .need = true },
	{ "first_seen", JSON_TIME, AT(first_seen_ns), .need = true },
	{ "suppressed_by", JSON_STR, AT(suppressed_by), .need = true },
	{ "title", JSON_STR, AT(title), .need = true, .no_null = true },
	{ "evidence", JSON_STRS, AT(evidence), .cnt_at = offsetof(struct finding, evidence_cnt),
	  .need = true },
	{ "next", JSON_STR, AT(next), .need = true },
	{ "fix", JSON_STR, AT(fix), .need = true },
};
#undef AT
static const struct json_type json_finding = {
	.fields = finding_fields,
	.field_cnt = ARRAY_SIZE(finding_fields),
	.bytes = sizeof(struct finding),
};

#define AT(member) .at = offsetof(struct errno_cnt, member)
static const struct json_field errno_fields[] = {
	{ "errno", JSON_I32, AT(err), .need = true },
	{ "calls", JSON_COUNT, AT(calls), .need = true },
};
#undef AT
static const struct json_type json_errno = {
	.fields = errno_fields,
	.field_cnt = ARRAY_SIZE(errno_fields),
	.bytes = sizeof(struct errno_cnt),
	.flat = true,
};

#define AT(member) .at = offsetof(struct release_site, member)
static const struct json_field release_fields[] = {
	{ "function", JSON_STR, AT(function), .need = true },
	{ "pins", JSON_COUNT, AT(pins), .need = true },
};
#undef AT
static const struct json_type json_release = {
	.fields = release_fields,
	.field_cnt = ARRAY_SIZE(release_fields),
	.bytes = sizeof(struct release_site),
	.flat = true,
};

#define AT(member) .at = offsetof(struct site, member)
#define CNT(member) .cnt_at = offsetof(struct site, member)
static const struct json_field site_fields[] = {
	{ "api", JSON_ENUM, AT(api), .need = true, .name = json_api_name, .name_cnt = API_CNT,
	  .zero_is_null = true },
	{ "caller", JSON_STR, AT(caller), .need = true },
	{ "module", JSON_STR, AT(caller_module), .need = true },
	{ "kernel_stack", JSON_STACK, AT(kernel_stack), .need = true },
	{ "calls", JSON_COUNT, AT(calls), .need = true },
	{ "short_calls", JSON_COUNT, AT(short_calls), .need = true },
	{ "failed_calls", JSON_COUNT, AT(failed_calls), .need = true },
	{ "errors", JSON_LIST, AT(errs), CNT(err_cnt), .need = true, .type = &json_errno },
	{ "pages_asked", JSON_COUNT, AT(pages_asked), .need = true },
	{ "pins", JSON_COUNT, AT(pins), .need = true },
	{ "released", JSON_COUNT, AT(released), .need = true, .shown = has_ledger },
	{ "left", JSON_COUNT, AT(left), .need = true, .shown = has_ledger },
	{ "releases", JSON_LIST, AT(releases), CNT(release_cnt), .need = true,
	  .type = &json_release },
	{ "in_command", JSON_BOOL, AT(in_tree) },
};
#undef AT
#undef CNT
static const struct json_type json_site = {
	.fields = site_fields,
	.field_cnt = ARRAY_SIZE(site_fields),
	.bytes = sizeof(struct site),
};

#define AT(member) .at = offsetof(struct get_site, member)
static const struct json_field get_fields[] = {
	{ "function", JSON_STR, AT(function), .need = true },
	{ "caller", JSON_STR, AT(caller), .need = true },
	{ "module", JSON_STR, AT(caller_module), .need = true },
	{ "calls", JSON_COUNT, AT(calls), .need = true },
	{ "pages", JSON_COUNT, AT(pages), .need = true },
};
#undef AT
static const struct json_type json_get = {
	.fields = get_fields,
	.field_cnt = ARRAY_SIZE(get_fields),
	.bytes = sizeof(struct get_site),
	.flat = true,
};

#define AT(member) .at = offsetof(struct wrong_release, member)
static const struct json_field wrong_fields[] = {
	{ "kind", JSON_ENUM, AT(kind), .need = true, .name = json_wrong_kind_name,
	  .name_cnt = WRONG_KIND_CNT },
	{ "pins", JSON_COUNT, AT(pins), .need = true },
	{ "function", JSON_STR, AT(function), .need = true },
	{ "process", JSON_PROCESS, AT(process), .need = true },
};
#undef AT
static const struct json_type json_wrong = {
	.fields = wrong_fields,
	.field_cnt = ARRAY_SIZE(wrong_fields),
	.bytes = sizeof(struct wrong_release),
	.flat = true,
};

static const char *const schemas[] = { "gup-pin/snapshot/1", NULL };

static const char *schema_of(const struct json_at *w, char *buf, size_t bytes)
{
	(void)w;
	(void)buf;
	(void)bytes;
	return schemas[0];
}

#define AT(member) .at = offsetof(struct snapshot, member)
#define LIST(member, count, of) \
	JSON_LIST, AT(member), .cnt_at = offsetof(struct snapshot, count), .type = &(of)
static const struct json_field snapshot_fields[] = {
	{ "schema", JSON_SAYS, .need = true, .says = schema_of, .words = schemas },
	{ "tool", JSON_OBJECT, .need = true, .no_null = true, .type = &json_tool },
	{ "taken", JSON_TIME, AT(taken_ns), .need = true, .no_null = true },
	{ "scan_ms", JSON_COUNT, AT(checks.scan_ms), .need = true, .shown = has_scan },
	{ "host", JSON_OBJECT, .need = true, .no_null = true, .type = &json_host },
	{ "command", JSON_OBJECT, .type = &json_command, .shown = has_command },
	{ "watch", JSON_OBJECT, .no_null = true, .type = &json_watch },
	{ "filter", JSON_STR, AT(filter) },
	{ "verdict", JSON_OBJECT, .need = true, .no_null = true, .type = &json_verdict },
	{ "totals", JSON_OBJECT, .need = true, .no_null = true, .type = &json_totals },
	{ "unexplained", JSON_STR, AT(unexplained) },
	{ "zones", LIST(zones, zone_cnt, json_zone) },
	{ "busy_ranges", LIST(busy, busy_cnt, json_busy), .shown = has_busy, .omit = true },
	{ "checks", JSON_OBJECT, AT(checks), .need = true, .no_null = true, .type = &json_checks },
	{ "processes", LIST(processes, process_cnt, json_process), .need = true },
	{ "stacks", LIST(stacks, stack_cnt, json_stack), .need = true },
	{ "groups", LIST(groups, group_cnt, json_group), .need = true },
	{ "findings", LIST(findings, finding_cnt, json_finding), .need = true },
	{ "balance", LIST(sites, site_cnt, json_site) },
	{ "get_callers", LIST(get_sites, get_site_cnt, json_get) },
	{ "wrong_releases", LIST(wrongs, wrong_cnt, json_wrong) },
	{ "unused_suppressions", JSON_STRS, AT(unused_suppressions),
	  .cnt_at = offsetof(struct snapshot, unused_suppression_cnt) },
	{ "pages", LIST(pages, page_cnt, json_page), .shown = has_pages, .omit = true },
};
const struct json_type json_snapshot = {
	.fields = snapshot_fields,
	.field_cnt = ARRAY_SIZE(snapshot_fields),
	.bytes = sizeof(struct snapshot),
};

static const char *findings_schema(const struct json_at *w, char *buf, size_t bytes)
{
	(void)w;
	(void)buf;
	(void)bytes;
	return "gup-pin/findings/1";
}

static const struct json_field findings_fields[] = {
	{ "schema", JSON_SAYS, .says = findings_schema },
	{ "taken", JSON_TIME, AT(taken_ns) },
	{ "host", JSON_OBJECT, .type = &json_host },
	{ "verdict", JSON_OBJECT, .type = &json_verdict },
	{ "findings", LIST(findings, finding_cnt, json_finding) },
	{ "busy_ranges", LIST(busy, busy_cnt, json_busy), .shown = has_busy, .omit = true },
};
const struct json_type json_findings = {
	.fields = findings_fields,
	.field_cnt = ARRAY_SIZE(findings_fields),
	.bytes = sizeof(struct snapshot),
};
