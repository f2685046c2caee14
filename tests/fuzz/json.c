// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer target: the reader of snapshots. What it takes must be fit for the
 * audit and for every form, and come out as it went in when it is read again.
 */
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "form_prom.h"
#include "forms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static char *json_of(const struct snapshot *snap, size_t *bytes)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, bytes);

	if (!out || form_json(out, snap) || fclose(out))
		abort();
	return text;
}

static void use(struct snapshot *snap)
{
	const struct audit_options audit = {};
	const struct prom_options prom = { 0 };
	FILE *out = fopen("/dev/null", "w");

	snapshot__audit(snap, &audit);
	if (!out || form_prom(out, snap, &prom) || form_json_findings(out, snap))
		abort();
	fclose(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char why[256], *once, *twice;
	size_t once_bytes, twice_bytes;
	struct snapshot *snap = form_json__read_buffer(data, bytes, why, sizeof(why)), *again;

	if (!snap)
		return 0;
	once = json_of(snap, &once_bytes);
	again = form_json__read_buffer(once, once_bytes, why, sizeof(why));
	if (!again)
		abort();
	twice = json_of(again, &twice_bytes);
	if (once_bytes != twice_bytes || memcmp(once, twice, once_bytes))
		abort();
	free(once);
	free(twice);
	snapshot__free(again);
	use(snap);
	snapshot__free(snap);
	return 0;
}
