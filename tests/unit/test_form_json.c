// SPDX-License-Identifier: GPL-2.0-only
/*
 * The JSON form: validates against the embedded schema (and holds no key that
 * the schema does not know), groups sum to the totals, its figures are those
 * of the text, and it stays JSON whatever the processes call themselves.
 */
#include <json-c/json.h>

#include "container.h"
#include "fixture.h"
#include "fixture_saved.h"
#include "fmt.h"

typedef struct json_object json;

static json *schema;

static json *get(json *object, const char *key)
{
	json *value = NULL;

	json_object_object_get_ex(object, key, &value);
	return value;
}

/* "totals.pinned.pins" */
static json *dig(json *object, const char *path)
{
	char key[64];
	size_t len;

	while (*path) {
		len = strcspn(path, ".");
		snprintf(key, sizeof(key), "%.*s", (int)len, path);
		object = get(object, key);
		path += len + (path[len] == '.');
	}
	return object;
}

static const char *type_of(json *value)
{
	static const char *const names[] = {
		[json_type_null] = "null",     [json_type_boolean] = "boolean",
		[json_type_double] = "number", [json_type_int] = "integer",
		[json_type_object] = "object", [json_type_array] = "array",
		[json_type_string] = "string",
	};

	return names[json_object_get_type(value)];
}

static bool is_type(json *value, const char *type)
{
	return strcmp(type_of(value), type) == 0 ||
	       (strcmp(type, "number") == 0 && strcmp(type_of(value), "integer") == 0);
}

static bool type_allowed(json *value, json *types)
{
	if (!types)
		return true;
	if (json_object_get_type(types) == json_type_string)
		return is_type(value, json_object_get_string(types));
	for (size_t i = 0; i < json_object_array_length(types); i++)
		if (is_type(value, json_object_get_string(json_object_array_get_idx(types, i))))
			return true;
	return false;
}

static bool enum_allowed(json *value, json *values)
{
	if (!values)
		return true;
	for (size_t i = 0; i < json_object_array_length(values); i++)
		if (json_object_equal(value, json_object_array_get_idx(values, i)))
			return true;
	return false;
}

static json *resolve(json *rule)
{
	const char *ref = json_object_get_string(get(rule, "$ref"));

	if (!ref)
		return rule;
	assert_memory_equal(ref, "#/$defs/", 8);
	return get(get(schema, "$defs"), ref + 8);
}

static bool is_valid(json *value, json *rule, const char *at);

static bool members_valid(json *value, json *rule, const char *at)
{
	json *required = get(rule, "required"), *properties = get(rule, "properties");

	for (size_t i = 0; required && i < json_object_array_length(required); i++) {
		const char *key = json_object_get_string(json_object_array_get_idx(required, i));

		if (!json_object_object_get_ex(value, key, NULL)) {
			print_message("%s lacks %s\n", at, key);
			return false;
		}
	}
	json_object_object_foreach(value, key, member)
	{
		if (!properties || !get(properties, key)) {
			print_message("%s.%s is not in the schema\n", at, key);
			return false;
		}
		if (!is_valid(member, get(properties, key), key))
			return false;
	}
	return true;
}

/* The keywords that our schema uses; all keys must be known, to keep it complete. */
static bool is_valid(json *value, json *unresolved, const char *at)
{
	json *rule = resolve(unresolved), *minimum = get(rule, "minimum");
	bool valid = rule && type_allowed(value, get(rule, "type")) &&
		     enum_allowed(value, get(rule, "enum"));

	if (valid && minimum && value)
		valid = json_object_get_double(value) >= json_object_get_double(minimum);
	if (valid && json_object_get_type(value) == json_type_int)
		valid = json_object_get_int64(value) < 1LL << 53;
	if (!valid) {
		print_message("%s: %s does not fit\n", at, json_object_to_json_string(value));
		return false;
	}
	if (json_object_get_type(value) == json_type_object)
		return members_valid(value, rule, at);
	if (json_object_get_type(value) != json_type_array)
		return true;
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (!is_valid(json_object_array_get_idx(value, i), get(rule, "items"), at))
			return false;
	return true;
}

static json *parse(const char *text)
{
	struct json_tokener *tokener = json_tokener_new();
	json *root;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tokener, text, -1);
	if (!root)
		print_message("%s\n", json_tokener_error_desc(json_tokener_get_error(tokener)));
	json_tokener_free(tokener);
	return root;
}

/* Audited, written, read back, and valid. */
static json *read_back(struct snapshot *snap, const char *golden)
{
	char *text;
	json *root;

	audit(snap);
	text = written(snap, form_json);
	if (golden)
		assert_golden(golden, text);
	root = parse(text);
	assert_non_null(root);
	assert_true(is_valid(root, schema, "snapshot"));
	free(text);
	return root;
}

static void assert_sums(json *root)
{
	json *groups = get(root, "groups"), *group;
	int64_t pins = 0, folios = 0, bytes = 0;

	for (size_t i = 0; i < json_object_array_length(groups); i++) {
		group = json_object_array_get_idx(groups, i);
		pins += json_object_get_int64(get(group, "pins"));
		folios += json_object_get_int64(get(group, "folios"));
		bytes += json_object_get_int64(get(group, "bytes"));
	}
	assert_int_equal(pins, json_object_get_int64(dig(root, "totals.pinned.pins")));
	assert_int_equal(folios, json_object_get_int64(dig(root, "totals.pinned.folios")));
	assert_int_equal(bytes, json_object_get_int64(dig(root, "totals.pinned.bytes")));
}

static void assert_says(const char *text, const char *figure)
{
	if (!strstr(text, figure))
		fail_msg("the text lacks %s", figure);
}

static void assert_says_count(const char *text, json *value, const char *before, const char *after)
{
	char figure[96];

	snprintf(figure, sizeof(figure), "%s%s%s", before,
		 fmt_count(json_object_get_int64(value)).s, after);
	assert_says(text, figure);
}

static int verbose_text(FILE *out, const struct snapshot *snap)
{
	const struct text_options options = { .verbose = true };

	return form_text(out, snap, &options);
}

/* What the JSON says must be in the text, in the text's words. */
static void assert_same_figures(const struct snapshot *snap, json *root)
{
	char *text = written(snap, verbose_text);
	json *list = get(root, "groups"), *item;
	char row[64];

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		item = json_object_array_get_idx(list, i);
		assert_says(text, fmt_bytes(json_object_get_int64(get(item, "bytes"))).s);
	}
	assert_says_count(text, dig(root, "totals.pinned.pins"), " ", " ");
	assert_says_count(text, dig(root, "totals.pinned.folios"), " ", " ");
	assert_says(text, fmt_bytes(json_object_get_int64(dig(root, "totals.pinned.bytes"))).s);
	snprintf(row, sizeof(row), "owner known  %8s",
		 fmt_count(json_object_get_int64(dig(root, "totals.attributed.pins"))).s);
	assert_says(text, row);
	list = get(root, "balance");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		item = json_object_array_get_idx(list, i);
		assert_says_count(text, get(item, "calls"), "calls      ", "");
		assert_says_count(text, get(item, "pins"), "pinned     ", "");
		assert_says_count(text, get(item, "left"), "left       ", "\n");
	}
	list = get(root, "get_callers");
	for (size_t i = 0; i < json_object_array_length(list); i++)
		assert_says_count(text, get(json_object_array_get_idx(list, i), "calls"), ": ",
				  " calls");
	list = get(root, "findings");
	for (size_t i = 0; i < json_object_array_length(list); i++)
		assert_says(text,
			    json_object_get_string(get(json_object_array_get_idx(list, i), "id")));
	free(text);
}

static void check(struct snapshot *snap, const char *golden)
{
	json *root = read_back(snap, golden);

	assert_sums(root);
	assert_same_figures(snap, root);
	json_object_put(root);
	snapshot__free(snap);
}

static void test_snapshots(void **state)
{
	(void)state;
	check(fixture_empty(), NULL);
	check(fixture_rdma(), "report-rdma.json");
	check(fixture_clean(), "report-clean.json");
	check(fixture_leak(), "report-leak.json");
	check(fixture_degraded(), "report-degraded.json");
}

static void test_example(void **state)
{
	struct snapshot *snap = fixture_rdma();
	json *root = read_back(snap, NULL), *group, *finding;

	(void)state;
	group = json_object_array_get_idx(get(root, "groups"), 0);
	finding = json_object_array_get_idx(get(root, "findings"), 0);
	assert_string_equal(json_object_get_string(get(group, "state")), "orphaned");
	assert_int_equal(json_object_get_int64(get(group, "pins")), 314597);
	assert_int_equal(json_object_get_int64(get(group, "owner")), 1);
	assert_string_equal(json_object_get_string(get(group, "oldest")),
			    "2026-11-22T10:12:41.420Z");
	assert_string_equal(json_object_get_string(get(finding, "title")),
			    "1.20 GiB stays pinned for python3 (pid 4186), which has exited");
	assert_int_equal(json_object_get_int64(dig(root, "verdict.exit")), 1);
	assert_int_equal(json_object_get_int64(dig(root, "verdict.findings")), 1);
	assert_null(get(root, "command"));
	json_object_put(root);
	snapshot__free(snap);
}

/* What only a scan fills: no key that the schema does not know, pages only if there are any. */
static void test_scan(void **state)
{
	struct snapshot *snap = fixture_scan();
	json *root = read_back(snap, NULL);

	(void)state;
	assert_int_equal(json_object_array_length(get(root, "pages")), 3);
	assert_int_equal(json_object_get_int64(dig(root, "checks.vmstat.above_scan")), -7);
	json_object_put(root);
	snap->page_cnt = 0;
	root = read_back(snap, NULL);
	assert_false(json_object_object_get_ex(root, "pages", NULL));
	json_object_put(root);
	snapshot__free(snap);
}

static void test_container(void **state)
{
	static const char id[] = "0123456789abcdef0123456789abcdef"
				 "0123456789abcdef0123456789abcdef";
	static const struct {
		const char *before, *after; /* of the id */
		const char *name;	    /* NULL = the id */
	} cases[] = {
		{ "/system.slice/docker-", ".scope", NULL },
		{ "/docker/", "", NULL },
		{ "/docker/", "/init.scope", NULL },
		{ "/kubepods.slice/kubepods-pod4f.slice/cri-containerd-", ".scope", NULL },
		{ "/kubepods/burstable/pod4f/", "", NULL },
		{ "/machine.slice/libpod-", ".scope/container", NULL },
		{ "/lxc.payload.web/docker/", "", NULL }, /* the innermost */
		{ "/lxc.payload.web/init.scope/x", "", "web" },
		{ "/machine.slice/systemd-nspawn@deb.service/", "x", "deb" },
		{ "/system.slice/x", "", "" },
		{ "/system.slice/a", ".service", "" },
		{ "/", "/x", NULL },
	};
	char path[256], buf[256];
	const char *got;

	(void)state;
	assert_null(container_id(NULL, buf, sizeof(buf)));
	assert_null(container_id("/system.slice/docker.service", buf, sizeof(buf)));
	assert_null(container_id("/lxc.payload.", buf, sizeof(buf)));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(path, sizeof(path), "%s%s%s", cases[i].before, id, cases[i].after);
		got = container_id(path, buf, sizeof(buf));
		if (cases[i].name && !*cases[i].name)
			assert_null(got);
		else
			assert_string_equal(got, cases[i].name ? cases[i].name : id);
	}
}

/* Names of any bytes, numbers past 2^53: still valid, still strict UTF-8. */
static void test_hostile(void **state)
{
	struct snapshot *snap = fixture_hostile();
	json *root;

	(void)state;
	snap->groups[0].calls = UINT64_MAX;
	snap->checks.cpu_percent = 1.0 / 3;
	root = read_back(snap, NULL);
	assert_int_equal(json_object_get_int64(
				 get(json_object_array_get_idx(get(root, "groups"), 0), "calls")),
			 (1LL << 53) - 1);
	assert_memory_equal(json_object_get_string(dig(root, "command.text")), "\033]0;own", 7);
	json_object_put(root);
	snapshot__free(snap);
}

/* The validator must be able to say no, or the tests above prove nothing. */
static void test_validator(void **state)
{
	struct snapshot *snap = fixture_rdma();
	json *root = read_back(snap, NULL);

	(void)state;
	print_message("four complaints follow:\n");
	json_object_object_add(root, "unheard", json_object_new_int(1));
	assert_false(is_valid(root, schema, "snapshot"));
	json_object_object_del(root, "unheard");
	assert_true(is_valid(root, schema, "snapshot"));
	json_object_object_add(get(root, "verdict"), "level", json_object_new_string("fine"));
	assert_false(is_valid(root, schema, "snapshot"));
	json_object_object_add(get(root, "verdict"), "level", json_object_new_string("ok"));
	json_object_object_add(get(root, "host"), "page_size", json_object_new_int(-1));
	assert_false(is_valid(root, schema, "snapshot"));
	json_object_object_add(get(root, "host"), "page_size", json_object_new_int(1));
	json_object_object_del(root, "totals");
	assert_false(is_valid(root, schema, "snapshot"));
	json_object_put(root);
	snapshot__free(snap);
}

static int schema_form(FILE *out, const struct snapshot *snap)
{
	(void)snap;
	return form_schema(out);
}

static void test_schema(void **state)
{
	char *text = written(NULL, schema_form);
	json *root = parse(text);

	(void)state;
	assert_non_null(root);
	assert_true(json_object_equal(root, schema));
	assert_non_null(strchr(text, '\n'));
	json_object_put(root);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_snapshots), cmocka_unit_test(test_example),
		cmocka_unit_test(test_hostile),	  cmocka_unit_test(test_validator),
		cmocka_unit_test(test_schema),	  cmocka_unit_test(test_scan),
		cmocka_unit_test(test_container),
	};
	int failed;

	setenv("TZ", "UTC", 1);
	schema = parse(schema_text());
	if (!schema)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	json_object_put(schema);
	return failed;
}
