// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of the JSON form, the checks: how far a snapshot can be trusted.
 * See form_json.h.
 */
#include "form_json.h"
#include "util.h"

static uint64_t outstanding(const struct json_at *w)
{
	const struct checks *checks = w->object;

	return checks->vmstat_acquired > checks->vmstat_released
		       ? checks->vmstat_acquired - checks->vmstat_released
		       : 0;
}

static const char *const plans[] = { "core", "call", NULL };

#define AT(member) .at = offsetof(struct hook_gap, member)
static const struct json_field gap_fields[] = {
	{ "function", JSON_STR, AT(function), .need = true },
	{ "why", JSON_STR, AT(why), .need = true },
	{ "harmless", JSON_BOOL, AT(harmless) },
};
#undef AT
static const struct json_type json_gap = {
	.fields = gap_fields,
	.field_cnt = ARRAY_SIZE(gap_fields),
	.bytes = sizeof(struct hook_gap),
	.flat = true,
};

#define AT(member) .at = offsetof(struct checks, member)
static const struct json_field hooks_fields[] = {
	{ "attached", JSON_U32, AT(hooks_attached), .need = true },
	{ "wanted", JSON_U32, AT(hooks_wanted), .need = true },
	{ "missing", JSON_LIST, AT(missing), .cnt_at = offsetof(struct checks, missing_cnt),
	  .need = true, .type = &json_gap },
};
static const struct json_type json_hooks = { .fields = hooks_fields,
					     .field_cnt = ARRAY_SIZE(hooks_fields) };

static const struct json_field vmstat_fields[] = {
	{ "acquired", JSON_COUNT, AT(vmstat_acquired), .need = true },
	{ "released", JSON_COUNT, AT(vmstat_released), .need = true },
	{ "outstanding", JSON_SUM, .need = true, .sum = outstanding },
	{ "above_scan", JSON_SIGNED, AT(above_scan), .need = true,
	  .gate = offsetof(struct checks, above_scan_known) },
	{ "moved_during_scan", JSON_COUNT, AT(moved_during_scan) },
	{ "acquired_seen", JSON_COUNT, AT(events_acquired) },
	{ "released_seen", JSON_COUNT, AT(events_released) },
	{ "folio_add_pins", JSON_COUNT, AT(folio_add_pins) },
	{ "before_tracking", JSON_COUNT, AT(pins_before) },
	{ "agrees", JSON_BOOL, AT(vmstat_agrees), .need = true },
};
static const struct json_type json_vmstat = { .fields = vmstat_fields,
					      .field_cnt = ARRAY_SIZE(vmstat_fields) };

static const struct json_field lost_fields[] = {
	{ "recursion_misses", JSON_COUNT, AT(recursion_misses), .need = true },
	{ "missed_acquires", JSON_COUNT, AT(missed_acquires) },
	{ "repaired", JSON_COUNT, AT(repaired) },
	{ "map_full", JSON_COUNT, AT(map_full), .need = true },
	{ "owners_full", JSON_COUNT, AT(owners_full) },
	{ "processes_full", JSON_COUNT, AT(processes_full) },
	{ "sites_full", JSON_COUNT, AT(sites_full) },
	{ "stacks", JSON_COUNT, AT(stacks_lost), .need = true },
	{ "stale_dropped", JSON_COUNT, AT(stale_dropped), .need = true },
	{ "unmatched_releases", JSON_COUNT, AT(unmatched_releases) },
	{ "api_unknown", JSON_COUNT, AT(api_unknown) },
	{ "in_motion", JSON_COUNT, AT(in_motion) },
};
static const struct json_type json_lost = { .fields = lost_fields,
					    .field_cnt = ARRAY_SIZE(lost_fields) };

static const struct json_field cost_fields[] = {
	{ "cpu_percent", JSON_PERCENT, AT(cpu_percent), .need = true },
	{ "bpf_bytes", JSON_NONZERO, AT(bpf_bytes), .need = true },
};
static const struct json_type json_cost = {
	.fields = cost_fields,
	.field_cnt = ARRAY_SIZE(cost_fields),
	.flat = true,
};

static const struct json_field checks_fields[] = {
	{ "source", JSON_STR, AT(source), .need = true },
	{ "tracking_since", JSON_TIME, AT(tracking_since_ns), .need = true },
	{ "plan", JSON_WORD, AT(plan), .need = true, .words = plans },
	{ "ledger", JSON_BOOL, AT(has_ledger) },
	{ "hooks", JSON_OBJECT, .need = true, .no_null = true, .type = &json_hooks },
	{ "self_test", JSON_STR, AT(selftest) },
	{ "struct_pages", JSON_NONZERO, AT(scanned_struct_pages), .need = true },
	{ "scan_left_out", JSON_COUNT, AT(scan_left_out) },
	{ "vmstat", JSON_OBJECT, .need = true, .type = &json_vmstat,
	  .gate = offsetof(struct checks, vmstat_known) },
	{ "lost", JSON_OBJECT, .need = true, .no_null = true, .type = &json_lost },
	{ "cost", JSON_OBJECT, .need = true, .no_null = true, .type = &json_cost },
};
const struct json_type json_checks = { .fields = checks_fields,
				       .field_cnt = ARRAY_SIZE(checks_fields) };
