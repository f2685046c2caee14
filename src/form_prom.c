// SPDX-License-Identifier: GPL-2.0-only
/*
 * The metrics of an audited snapshot. Single figures are one row each of the
 * tables below; those by owner, cgroup, site and driver are in
 * form_prom_labels.c. Names follow Prometheus' conventions: base units, "_total"
 * for what only grows, times as seconds since the epoch, not as ages.
 */
#include "form_prom.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "fmt.h"
#include "form_prom_impl.h"
#include "util.h"

#define NS_PER_S 1000000000ULL
#define NS_PER_MS 1000000ULL

void prom__family(struct prom *prom, const char *name, const char *type, const char *help)
{
	/* OpenMetrics names the family, the older format the sample. */
	const char *suffix = !strcmp(type, "counter") && !prom->opts->open_metrics ? "_total" : "";

	fprintf(prom->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name, suffix,
		type);
}

void prom__sample(struct prom *prom, const char *name, const char *labels, uint64_t value)
{
	fprintf(prom->out, "%s%s%s%s %llu\n", name, labels ? "{" : "", labels ? labels : "",
		labels ? "}" : "", (unsigned long long)value);
}

void prom__label(struct prom *prom, FILE *labels, bool first, const char *name, const char *value)
{
	cleanup_free char *safe = fmt_safe(value);

	if (!safe) {
		prom->err = -ENOMEM;
		return;
	}
	fprintf(labels, "%s%s=\"", first ? "" : ",", name);
	for (const char *c = safe; *c; c++) {
		if (*c == '\\' || *c == '"')
			fputc('\\', labels);
		fputc(*c, labels);
	}
	fputc('"', labels);
}

/* What is at figure.at; times are written in seconds. */
enum unit { PLAIN, NANOSECONDS, MILLISECONDS };

struct figure {
	const char *name; /* a counter's without "_total" */
	const char *type; /* NULL: another sample of the family above */
	const char *labels;
	const char *help;
	enum unit unit;
	size_t at;     /* offset of a uint64_t */
	bool tracking; /* only where the snapshot comes from tracking */
	bool not_zero; /* zero stands for unknown */
};

#define SNAP(member) .at = offsetof(struct snapshot, member)
#define LOST(reason) "gup_pin_lost_events", NULL, "reason=\"" reason "\"", NULL, PLAIN
/* clang-format off */
static const struct figure figures[] = {
	{ "gup_pin_snapshot_timestamp_seconds", "gauge", NULL,
	  "When these figures were taken, since the epoch.", NANOSECONDS, SNAP(taken_ns) },
	{ "gup_pin_ram_bytes", "gauge", NULL, "RAM of this machine.", PLAIN, SNAP(ram_bytes) },
	{ "gup_pin_outstanding_pins", "gauge", NULL,
	  "Pins that are held, in the unit of nr_foll_pin_acquired.", PLAIN, SNAP(pinned.pins) },
	{ "gup_pin_outstanding_folios", "gauge", NULL,
	  "Folios that are pinned, each counted once.", PLAIN, SNAP(pinned.folios) },
	{ "gup_pin_outstanding_bytes", "gauge", NULL,
	  "Memory that is pinned, each folio counted once.", PLAIN, SNAP(pinned.bytes) },
	{ "gup_pin_attributed_bytes", "gauge", NULL,
	  "Pinned memory whose owner was recorded.", PLAIN, SNAP(attributed.bytes) },
	{ "gup_pin_unattributed_bytes", "gauge", NULL,
	  "Pinned memory whose owner was not recorded.", PLAIN, SNAP(unattributed.bytes) },
	{ "gup_pin_maybe_bytes", "gauge", NULL,
	  "Memory that may be pinned or only much referenced.", PLAIN, SNAP(maybe.bytes) },
	{ "gup_pin_before_tracking_pins", "gauge", NULL,
	  "Pins still held from before tracking began.", PLAIN, SNAP(checks.pins_before),
	  .tracking = true },
	{ "gup_pin_tracking_start_timestamp_seconds", "gauge", NULL,
	  "When tracking began, since the epoch.", NANOSECONDS, SNAP(checks.tracking_since_ns),
	  .tracking = true, .not_zero = true },
	{ "gup_pin_unmatched_releases", "counter", NULL,
	  "Releases of pins that were not seen taken.", PLAIN, SNAP(checks.unmatched_releases),
	  .tracking = true },
	{ "gup_pin_lost_events", "counter", "reason=\"recursion\"",
	  "What tracking missed or had no room for.", PLAIN, SNAP(checks.recursion_misses),
	  .tracking = true },
	{ LOST("map_full"), SNAP(checks.map_full), .tracking = true },
	{ LOST("owners_full"), SNAP(checks.owners_full), .tracking = true },
	{ LOST("processes_full"), SNAP(checks.processes_full), .tracking = true },
	{ LOST("sites_full"), SNAP(checks.sites_full), .tracking = true },
	{ LOST("stacks"), SNAP(checks.stacks_lost), .tracking = true },
	{ "gup_pin_repaired_events", "counter", NULL,
	  "Missed releases that struct page put right.", PLAIN, SNAP(checks.repaired),
	  .tracking = true },
	{ "gup_pin_bpf_memory_bytes", "gauge", NULL,
	  "Memory of BPF maps and programs.", PLAIN, SNAP(checks.bpf_bytes), .tracking = true },
	{ "gup_pin_scan_duration_seconds", "gauge", NULL,
	  "What the last scan of all struct pages took.", MILLISECONDS, SNAP(checks.scan_ms),
	  .not_zero = true },
};
#undef SNAP

#define SELF(member) .at = offsetof(struct prom_self, member)
static const struct figure self_figures[] = {
	{ "gup_pin_snapshots", "counter", NULL,
	  "Snapshots taken by the daemon.", PLAIN, SELF(snapshots) },
	{ "gup_pin_failed_snapshots", "counter", NULL,
	  "Snapshots that the daemon could not take.", PLAIN, SELF(failed_snapshots) },
	{ "gup_pin_unsent_snapshots", "counter", NULL,
	  "Snapshots that the process which serves HTTP was not ready for.", PLAIN,
	  SELF(unsent_snapshots) },
	{ "gup_pin_snapshot_duration_seconds", "gauge", NULL,
	  "What it took to take the last snapshot.", NANOSECONDS, SELF(took_ns) },
	{ "gup_pin_fuse_level", "gauge", NULL,
	  "What the fuse has left of the daemon: 0 all, 1 no stacks, 2 scan only.", PLAIN, SELF(fuse_level) },
	{ "gup_pin_cpu_ratio", "gauge", NULL,
	  "Share of all CPUs that tracking took lately, BPF programs included.", NANOSECONDS,
	  SELF(cpu_ratio_ns) },
	{ "process_cpu_seconds", "counter", NULL,
	  "Processor time of the daemon's process that tracks.", NANOSECONDS, SELF(cpu_ns) },
	{ "process_resident_memory_bytes", "gauge", NULL,
	  "Resident memory of the daemon's process that tracks.", PLAIN, SELF(resident_bytes) },
	{ "process_start_time_seconds", "gauge", NULL,
	  "When the daemon's process that tracks began, since the epoch.", NANOSECONDS,
	  SELF(started_ns) },
};
#undef SELF
/* clang-format on */

static uint64_t value_at(const void *object, const struct figure *figure)
{
	uint64_t value = *(const uint64_t *)((const char *)object + figure->at);

	return figure->unit == MILLISECONDS ? value * NS_PER_MS : value;
}

static void write_figure(struct prom *prom, const struct figure *figure, uint64_t value)
{
	const char *total = "";

	if (figure->type)
		prom__family(prom, figure->name, figure->type, figure->help);
	if (!figure->type || !strcmp(figure->type, "counter"))
		total = "_total";
	fprintf(prom->out, "%s%s%s%s%s ", figure->name, total, figure->labels ? "{" : "",
		figure->labels ? figure->labels : "", figure->labels ? "}" : "");
	/* not %f, which knows the locale */
	if (figure->unit != PLAIN)
		fprintf(prom->out, "%llu.%03u\n", (unsigned long long)(value / NS_PER_S),
			(unsigned int)(value % NS_PER_S / NS_PER_MS));
	else
		fprintf(prom->out, "%llu\n", (unsigned long long)value);
}

static void write_figures(struct prom *prom, const void *object, const struct figure *list,
			  size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		uint64_t value = value_at(object, &list[i]);

		if ((list[i].tracking && !prom->snap->checks.plan) || (list[i].not_zero && !value))
			continue;
		write_figure(prom, &list[i], value);
	}
}

static void write_build(struct prom *prom)
{
	const struct snapshot *snap = prom->snap;
	cleanup_free char *labels = NULL;
	size_t bytes;
	FILE *text = open_memstream(&labels, &bytes);

	if (!text) {
		prom->err = -ENOMEM;
		return;
	}
	prom__label(prom, text, true, "version", snap->version ? snap->version : "");
	prom__label(prom, text, false, "kernel", snap->kernel ? snap->kernel : "");
	prom__label(prom, text, false, "plan", snap->checks.plan ? snap->checks.plan : "scan");
	if (fclose(text)) {
		prom->err = -ENOMEM;
		return;
	}
	prom__family(prom, "gup_pin_build_info", "gauge",
		     "Version, kernel and plan of what took these figures; always 1.");
	prom__sample(prom, "gup_pin_build_info", labels, 1);
}

/* One gauge with a label that has few values, all of which are always there. */
static void write_named(struct prom *prom, const char *name, const char *label, const char *value,
			uint64_t amount)
{
	char labels[96];

	snprintf(labels, sizeof(labels), "%s=\"%s\"", label, value);
	prom__sample(prom, name, labels, amount);
}

static void write_kinds(struct prom *prom)
{
	const struct snapshot *snap = prom->snap;
	uint64_t bytes[MEM_KIND_CNT] = {};

	for (size_t g = 0; g < snap->group_cnt; g++)
		for (size_t m = 0; m < snap->groups[g].memory_cnt; m++) {
			const struct memory *memory = &snap->groups[g].memory[m];

			bytes[memory->kind] += memory->folios * memory->folio_bytes;
		}
	prom__family(prom, "gup_pin_pinned_bytes", "gauge",
		     "Pinned memory by its kind; memory that two owners pin counts for both.");
	for (int kind = 0; kind < MEM_KIND_CNT; kind++)
		write_named(prom, "gup_pin_pinned_bytes", "kind", mem_kind_name(kind), bytes[kind]);
}

static void write_states(struct prom *prom)
{
	const struct snapshot *snap = prom->snap;
	uint64_t bytes[STATE_CNT] = {}, longterm = 0;

	for (size_t g = 0; g < snap->group_cnt; g++) {
		bytes[snap->groups[g].state] += snap->groups[g].q.bytes;
		if (snap->groups[g].flags & PIN_LONGTERM)
			longterm += snap->groups[g].q.bytes;
	}
	prom__family(prom, "gup_pin_state_bytes", "gauge",
		     "Pinned memory by the state of its pins; leaked and orphaned need a look.");
	for (int state = 0; state < STATE_CNT; state++)
		write_named(prom, "gup_pin_state_bytes", "state", state_name(state), bytes[state]);
	if (!snap->checks.plan)
		return;
	prom__family(prom, "gup_pin_longterm_bytes", "gauge",
		     "Memory pinned with FOLL_LONGTERM, as far as it was recorded.");
	prom__sample(prom, "gup_pin_longterm_bytes", NULL, longterm);
}

/* Of findings that are not suppressed. */
static void write_findings(struct prom *prom)
{
	const struct snapshot *snap = prom->snap;
	uint64_t cnt[RULE_CNT] = {}, bytes[RULE_CNT] = {};

	for (size_t i = 0; i < snap->finding_cnt; i++) {
		const struct finding *finding = &snap->findings[i];

		if (finding->suppressed_by)
			continue;
		cnt[finding->rule]++;
		if (finding->group >= 0)
			bytes[finding->rule] += snap->groups[finding->group].q.bytes;
	}
	prom__family(prom, "gup_pin_findings", "gauge", "Findings by rule, without suppressed.");
	for (int rule = 0; rule < RULE_CNT; rule++)
		write_named(prom, "gup_pin_findings", "rule", rule_name(rule), cnt[rule]);
	prom__family(prom, "gup_pin_finding_bytes", "gauge", "Memory that the findings are about.");
	for (int rule = 0; rule < RULE_CNT; rule++)
		write_named(prom, "gup_pin_finding_bytes", "rule", rule_name(rule), bytes[rule]);
}

static void write_trust(struct prom *prom)
{
	const struct checks *checks = &prom->snap->checks;
	const struct {
		const char *name, *help;
		uint64_t value;
		bool shown;
	} rows[] = {
		{ "gup_pin_tracking", "1: pins are tracked, 0: found by scans alone.",
		  checks->plan != NULL, true },
		{ "gup_pin_hooks_attached", "Kernel functions that are hooked.",
		  checks->hooks_attached, checks->plan },
		{ "gup_pin_hooks_wanted", "Kernel functions that should be hooked.",
		  checks->hooks_wanted, checks->plan },
		{ "gup_pin_vmstat_agrees", "1: /proc/vmstat says the same.", checks->vmstat_agrees,
		  checks->vmstat_known },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!rows[i].shown)
			continue;
		prom__family(prom, rows[i].name, "gauge", rows[i].help);
		prom__sample(prom, rows[i].name, NULL, rows[i].value);
	}
}

/* The kernel's own counters, if they are known: plan call sees no single pin, a scan none at all. */
static void write_flow(struct prom *prom)
{
	const struct checks *checks = &prom->snap->checks;
	const bool known = checks->vmstat_known;

	if (!known && !checks->plan)
		return;
	prom__family(prom, "gup_pin_acquired_pins", "counter",
		     "Pins taken, since tracking began or since boot.");
	prom__sample(prom, "gup_pin_acquired_pins_total", NULL,
		     known ? checks->vmstat_acquired : checks->events_acquired);
	prom__family(prom, "gup_pin_released_pins", "counter",
		     "Pins released, since tracking began or since boot.");
	prom__sample(prom, "gup_pin_released_pins_total", NULL,
		     known ? checks->vmstat_released : checks->events_released);
}

/* How old pins are: each pin of a group counts with the age of the oldest. */
static void write_ages(struct prom *prom)
{
	static const unsigned int bounds[] = { 1, 10, 60, 600, 3600, 86400, 604800 };
	const struct snapshot *snap = prom->snap;
	const bool open = prom->opts->open_metrics;
	uint64_t below[ARRAY_SIZE(bounds)] = {}, pins = 0, sum = 0;

	for (size_t g = 0; g < snap->group_cnt; g++) {
		const struct group *group = &snap->groups[g];
		uint64_t age;

		if (!group->oldest_ns)
			continue;
		age = snap->taken_ns > group->oldest_ns
			      ? (snap->taken_ns - group->oldest_ns) / NS_PER_S
			      : 0;
		pins += group->q.pins;
		sum += age * group->q.pins;
		for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
			below[i] += age <= bounds[i] ? group->q.pins : 0;
	}
	prom__family(prom, "gup_pin_age_seconds", open ? "gaugehistogram" : "histogram",
		     "Pins held now by their age; those of one call site and owner count with the "
		     "oldest.");
	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
		fprintf(prom->out, "gup_pin_age_seconds_bucket{le=\"%u%s\"} %llu\n", bounds[i],
			open ? ".0" : "", (unsigned long long)below[i]);
	fprintf(prom->out, "gup_pin_age_seconds_bucket{le=\"+Inf\"} %llu\n",
		(unsigned long long)pins);
	prom__sample(prom, open ? "gup_pin_age_seconds_gsum" : "gup_pin_age_seconds_sum", NULL,
		     sum);
	prom__sample(prom, open ? "gup_pin_age_seconds_gcount" : "gup_pin_age_seconds_count", NULL,
		     pins);
}

/* 0, or what writing failed with: each try to write what is left says it again. */
static int written(FILE *out)
{
	errno = 0;
	if (!fflush(out) && !ferror(out))
		return 0;
	return errno ? -errno : -EIO;
}

int form_prom(FILE *out, const struct snapshot *snap, const struct prom_options *opts)
{
	struct prom prom = { .out = out, .snap = snap, .opts = opts };
	int err;

	write_build(&prom);
	write_figures(&prom, snap, figures, ARRAY_SIZE(figures));
	write_trust(&prom);
	write_flow(&prom);
	write_kinds(&prom);
	write_states(&prom);
	write_findings(&prom);
	write_ages(&prom);
	prom__labelled(&prom);
	if (opts->self)
		write_figures(&prom, opts->self, self_figures, ARRAY_SIZE(self_figures));
	if (opts->open_metrics)
		fputs("# EOF\n", out);
	err = written(out);
	return err ? err : prom.err;
}
