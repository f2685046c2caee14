// SPDX-License-Identifier: GPL-2.0-only
/* The census as text and as JSON. */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "census.h"
#include "util.h"

static const enum census_class order[] = { CLASS_STILL_GET, CLASS_BOTH, CLASS_CONVERTED, CLASS_PINS,
					   CLASS_RELEASES };

static const char *const family_names[FAMILY_CNT] = { "pin", "unpin", "get" };

static void print_unit(FILE *out, const struct census_unit *unit)
{
	const char *last = NULL;

	fprintf(out, "  %s\n", unit->name);
	for (size_t i = 0; i < unit->call_cnt; i++) {
		const struct census_call *call = &unit->calls[i];
		const char *caller = call->caller ? call->caller : "?";
		bool same = last && !strcmp(last, caller);

		fprintf(out, "    %-34s %s", same ? "" : caller, call->callee);
		if (call->cnt > 1)
			fprintf(out, " x%u", call->cnt);
		fputc('\n', out);
		last = caller;
	}
}

static bool in_class(const struct census_unit *unit, enum census_class class)
{
	return unit->class == class && strcmp(unit->name, CENSUS_KERNEL) != 0;
}

static size_t count_class(const struct census *census, enum census_class class)
{
	size_t cnt = 0;

	for (size_t i = 0; i < census->unit_cnt; i++)
		cnt += in_class(&census->units[i], class);
	return cnt;
}

int census__print(FILE *out, const struct census *census, const char *dir)
{
	const struct census_unit *kernel = census__find(census, CENSUS_KERNEL);

	fprintf(out, "%zu modules below %s: %zu call GUP functions", census->modules, dir,
		census->unit_cnt - (kernel != NULL));
	if (census->unreadable)
		fprintf(out, ", %zu could not be read", census->unreadable);
	fputc('\n', out);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		size_t cnt = count_class(census, order[i]);

		if (!cnt)
			continue;
		fprintf(out, "\n%s (%zu)\n", census_class_words(order[i]), cnt);
		for (size_t u = 0; u < census->unit_cnt; u++)
			if (in_class(&census->units[u], order[i]))
				print_unit(out, &census->units[u]);
	}
	if (kernel) {
		fprintf(out, "\nthe kernel's own code\n");
		print_unit(out, kernel);
	}
	return ferror(out) ? -EIO : 0;
}

static struct json_object *unit_json(const struct census_unit *unit)
{
	struct json_object *obj = json_object_new_object(), *calls = json_object_new_array();

	json_object_object_add(obj, "name", json_object_new_string(unit->name));
	json_object_object_add(obj, "class",
			       json_object_new_string(census_class_name(unit->class)));
	for (size_t i = 0; i < unit->call_cnt; i++) {
		const struct census_call *call = &unit->calls[i];
		struct json_object *row = json_object_new_object();

		json_object_object_add(row, "function", json_object_new_string(call->callee));
		json_object_object_add(row, "family",
				       json_object_new_string(family_names[call->family]));
		json_object_object_add(row, "caller",
				       call->caller ? json_object_new_string(call->caller) : NULL);
		json_object_object_add(row, "calls", json_object_new_int64(call->cnt));
		json_object_array_add(calls, row);
	}
	json_object_object_add(obj, "calls", calls);
	return obj;
}

int census__json(FILE *out, const struct census *census, const char *dir)
{
	struct json_object *obj = json_object_new_object(), *units = json_object_new_array();

	json_object_object_add(obj, "directory", json_object_new_string(dir));
	json_object_object_add(obj, "modules", json_object_new_int64(census->modules));
	json_object_object_add(obj, "unreadable", json_object_new_int64(census->unreadable));
	for (size_t i = 0; i < census->unit_cnt; i++)
		json_object_array_add(units, unit_json(&census->units[i]));
	json_object_object_add(obj, "users", units);
	fprintf(out, "%s\n", json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PRETTY));
	json_object_put(obj);
	return ferror(out) ? -EIO : 0;
}
