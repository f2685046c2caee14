// SPDX-License-Identifier: GPL-2.0-only
/*
 * The results as a KTAP stream, as a table for people at its end, as JSON.
 * KTAP: Documentation/dev-tools/ktap.rst of the kernel.
 */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "util.h"
#include "validate_impl.h"

static const char *const parts[PART_CNT] = { "patches", "rules", "sites" };
static const char *const verdicts[VERDICT_CNT] = { "pass", "fail", "skip" };

const char *part_name(enum part part)
{
	return parts[part];
}

const char *verdict_name(enum verdict verdict)
{
	return verdicts[verdict];
}

void form_begin(FILE *out, const size_t counts[PART_CNT])
{
	unsigned int cnt = 0;

	for (enum part part = 0; part < PART_CNT; part++)
		cnt += counts[part] != 0;
	fprintf(out, "KTAP version 1\n1..%u\n", cnt);
}

void form_part(FILE *out, enum part part, size_t cnt)
{
	fprintf(out, "  KTAP version 1\n  # Subtest: %s\n  1..%zu\n", parts[part], cnt);
	fflush(out);
}

static void form_detail(FILE *out, const char *label, const char *text)
{
	if (*text)
		fprintf(out, "    # %-9s %s\n", label, text);
}

void form_row(FILE *out, size_t number, const struct row *row, const struct outcome *outcome)
{
	form_detail(out, "did:", outcome->did);
	form_detail(out, "expected:", outcome->expected);
	form_detail(out, "kernel:", outcome->kernel);
	form_detail(out, "saw:", outcome->saw);
	if (outcome->verdict == VERDICT_FAIL)
		form_detail(out, "broken:", outcome->reason);
	fprintf(out, "  %s %zu %s: %s%s%s\n", outcome->verdict == VERDICT_FAIL ? "not ok" : "ok",
		number, row->id, row->promise, outcome->verdict == VERDICT_SKIP ? " # SKIP " : "",
		outcome->verdict == VERDICT_SKIP ? outcome->reason : "");
	fflush(out);
}

void form_part_end(FILE *out, unsigned int number, enum part part, bool failed)
{
	fprintf(out, "%s %u %s\n", failed ? "not ok" : "ok", number, parts[part]);
}

void form_table(FILE *out, const struct row *const *done, const struct outcome *outcomes,
		size_t cnt)
{
	size_t sums[VERDICT_CNT] = {};

	fprintf(out, "#\n# %-18s %-5s %s\n", "WHAT", "HOLDS", "PROMISE");
	for (size_t i = 0; i < cnt; i++) {
		static const char *const words[VERDICT_CNT] = { "yes", "NO", "-" };
		char what[32];

		snprintf(what, sizeof(what), "%s%s", done[i]->part == PART_PATCHES ? "patch " : "",
			 done[i]->id);
		fprintf(out, "# %-18s %-5s %s%s%s\n", what, words[outcomes[i].verdict],
			done[i]->promise, outcomes[i].reason[0] ? ": " : "", outcomes[i].reason);
		sums[outcomes[i].verdict]++;
	}
	fprintf(out, "# Totals: pass:%zu fail:%zu xfail:0 xpass:0 skip:%zu error:0\n",
		sums[VERDICT_PASS], sums[VERDICT_FAIL], sums[VERDICT_SKIP]);
}

static struct json_object *row_json(const struct row *row, const struct outcome *outcome)
{
	const struct {
		const char *key, *value;
	} fields[] = {
		{ "part", parts[row->part] },  { "id", row->id },
		{ "promise", row->promise },   { "verdict", verdicts[outcome->verdict] },
		{ "did", outcome->did },       { "expected", outcome->expected },
		{ "kernel", outcome->kernel }, { "saw", outcome->saw },
		{ "reason", outcome->reason },
	};
	struct json_object *obj = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		json_object_object_add(obj, fields[i].key,
				       *fields[i].value ? json_object_new_string(fields[i].value)
							: NULL);
	json_object_object_add(obj, "own_pins", json_object_new_int64(outcome->pins));
	return obj;
}

int form_validation_json(FILE *out, const struct row *const *done, const struct outcome *outcomes,
			 size_t cnt)
{
	struct json_object *obj = json_object_new_object(), *list = json_object_new_array();
	size_t sums[VERDICT_CNT] = {};

	for (size_t i = 0; i < cnt; i++) {
		json_object_array_add(list, row_json(done[i], &outcomes[i]));
		sums[outcomes[i].verdict]++;
	}
	json_object_object_add(obj, "results", list);
	for (enum verdict v = 0; v < VERDICT_CNT; v++)
		json_object_object_add(obj, verdicts[v], json_object_new_int64(sums[v]));
	fprintf(out, "%s\n", json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PRETTY));
	json_object_put(obj);
	return ferror(out) ? -EIO : 0;
}

void form_list(FILE *out)
{
	for (const struct row *row = rows; row->id; row++) {
		bool first = row == rows || row[-1].part != row->part;

		if (first)
			fprintf(out, "%s%s\n", row == rows ? "" : "\n", parts[row->part]);
		fprintf(out, "  %-18s %s\n", row->id, row->promise);
	}
}
