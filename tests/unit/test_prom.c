// SPDX-License-Identifier: GPL-2.0-only
/*
 * The metrics: golden text in both formats, no more series than asked for and
 * nothing lost in "other", lines that parse whatever processes call themselves,
 * and pods and containers by the paths that their managers make.
 */
#include "container.h"
#include "fixture.h"
#include "fixture_saved.h"
#include "form_prom.h"

static const struct prom_self self = {
	.cpu_ns = 1234 * MS,
	.resident_bytes = 13 * MIB,
	.started_ns = TAKEN - 3600 * S,
	.took_ns = 41 * MS,
	.snapshots = 61,
	.failed_snapshots = 2,
	.unsent_snapshots = 3,
	.fuse_level = 1,
	.cpu_ratio_ns = 12 * MS,
};

static char *metrics(const struct snapshot *snap, const struct prom_options *opts)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	assert_non_null(out);
	assert_int_equal(form_prom(out, snap, opts), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void check_golden(const char *name, struct snapshot *snap, const struct prom_options *opts)
{
	const struct audit_options audit = {};
	char *text;

	snapshot__audit(snap, &audit);
	text = metrics(snap, opts);
	assert_golden(name, text);
	free(text);
	snapshot__free(snap);
}

static void test_golden(void **state)
{
	const struct prom_options text = { .self = &self }, open = { true, 0, &self }, bare = {};

	(void)state;
	check_golden("metrics/rdma.prom", fixture_rdma(), &text);
	check_golden("metrics/rdma.openmetrics", fixture_rdma(), &open);
	check_golden("metrics/degraded.prom", fixture_degraded(), &bare);
	check_golden("metrics/scan.prom", fixture_scan(), &bare);
	check_golden("metrics/empty.prom", fixture_empty(), &bare);
}

/* The value of the sample that begins with these words, which must be there once. */
static unsigned long long sample(const char *text, const char *words)
{
	const char *at = strstr(text, words);

	if (!at)
		print_message("no sample %s in:\n%s\n", words, text);
	assert_non_null(at);
	assert_true(at == text || at[-1] == '\n');
	assert_null(strstr(at + 1, words));
	return strtoull(at + strlen(words), NULL, 10);
}

static size_t count(const char *text, const char *words)
{
	size_t cnt = 0;

	for (; (text = strstr(text, words)); text++)
		cnt++;
	return cnt;
}

/* 997 names of 4 KiB to 997 * 4 KiB, each by two groups: the 7 largest, and the rest in one. */
static void test_top(void **state)
{
	const struct prom_options opts = { .top = 7 };
	struct snapshot *snap = fixture_empty();
	uint64_t all = 0, largest = 0;
	char *text, name[16];

	(void)state;
	for (unsigned int i = 0; i < 2 * 997; i++) {
		unsigned int n = i % 997 + 1;

		snprintf(name, sizeof(name), "p%u", n);
		add_group(snap, add_process(snap, 1000 + n, name), n, n, n * 4 * KIB);
		all += n * 4 * KIB;
		largest += n > 990 ? n * 4 * KIB : 0;
	}
	text = metrics(snap, &opts);
	assert_int_equal(count(text, "\ngup_pin_owner_bytes{"), 8);
	assert_int_equal(sample(text, "gup_pin_owner_bytes{comm=\"p997\"} "), 2 * 997 * 4 * KIB);
	assert_int_equal(sample(text, "gup_pin_owner_bytes{comm=\"other\"} "), all - largest);
	assert_int_equal(sample(text, "gup_pin_dropped_series{family=\"gup_pin_owner_bytes\"} "),
			 990);
	free(text);
	snapshot__free(snap);
}

/* A process that is called "other" is not a second series of that name. */
static void test_called_other(void **state)
{
	const struct prom_options opts = { .top = 2 };
	struct snapshot *snap = fixture_empty();
	char *text;

	(void)state;
	add_group(snap, add_process(snap, 1001, "other"), 64, 64, 64 * 4 * KIB);
	add_group(snap, add_process(snap, 1002, "a"), 3, 3, 3 * 4 * KIB);
	add_group(snap, add_process(snap, 1003, "b"), 2, 2, 2 * 4 * KIB);
	add_group(snap, add_process(snap, 1004, "c"), 1, 1, 4 * KIB);
	text = metrics(snap, &opts);
	assert_int_equal(sample(text, "gup_pin_owner_bytes{comm=\"other\"} "), 65 * 4 * KIB);
	assert_int_equal(sample(text, "gup_pin_owner_bytes{comm=\"b\"} "), 2 * 4 * KIB);
	free(text);
	snapshot__free(snap);
}

/* Each line is a comment or a sample: a name, labels whose quotes close, a blank, a number. */
static void assert_line(const char *line)
{
	const char *at = line;

	if (*at == '#')
		return;
	at += strspn(at, "abcdefghijklmnopqrstuvwxyz_");
	assert_true(at > line);
	if (*at == '{') {
		bool quoted = false;

		for (at++; *at && (quoted || *at != '}'); at++) {
			assert_true((unsigned char)*at >= 0x20);
			if (quoted && *at == '\\')
				at++;
			else if (*at == '"')
				quoted = !quoted;
		}
		assert_false(quoted);
		assert_int_equal(*at++, '}');
	}
	assert_int_equal(*at++, ' ');
	assert_true(*at >= '0' && *at <= '9');
	at += strspn(at, "0123456789.");
	assert_int_equal(*at, '\0');
}

static void test_hostile(void **state)
{
	static const char *const names[] = {
		"\"} 1\nx{a=\"", "\\", "\\\"", "\xff\xfe", "", "\x01"
	};
	const struct prom_options opts = {};
	struct snapshot *snap = fixture_hostile();
	char *text, *rest, *line;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		add_group(snap, add_process(snap, 2000 + i, names[i]), 1 + i, 1 + i, (1 + i) << 20);
	rest = text = metrics(snap, &opts);
	while ((line = strsep(&rest, "\n")) && *line)
		assert_line(line);
	assert_true(!rest || !*rest);
	free(text);
	snapshot__free(snap);
}

/* "UID" stands for a pod's uid, "ID" for a container's. */
static void test_pods(void **state)
{
	static const char uid[] = "4f0c1a2b-77aa-4c1e-9d10-0123456789ab";
	static const char under[] = "4f0c1a2b_77aa_4c1e_9d10_0123456789ab";
	static const char hash[] = "0123456789abcdef0123456789abcdef";
	static const char id[] = "0123456789abcdef0123456789abcdef"
				 "0123456789abcdef0123456789abcdef";
	static const struct {
		const char *before, *uid, *between,
			*after;	 /* the container's id is before "after" */
		const char *pod; /* NULL = none */
	} cases[] = {
		/* systemd driver: containerd, CRI-O, Docker; guaranteed pods have no class */
		{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod", under,
		  ".slice/cri-containerd-", ".scope", uid },
		{ "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod", under,
		  ".slice/crio-", ".scope/container", uid },
		{ "/kubepods.slice/kubepods-pod", under, ".slice/docker-", ".scope", uid },
		{ "/kubepods.slice/kubepods-pod", hash, ".slice/crio-", ".scope", hash },
		/* cgroupfs driver: all three name the container alone */
		{ "/kubepods/burstable/pod", uid, "/", "", uid },
		{ "/kubepods/pod", uid, "/", "", uid },
		{ "/kubepods/pod", uid, "/crio-", "", uid },
		{ "/kubepods/besteffort/pod", hash, "/", "", hash },
		/* kubelet in a container of its own */
		{ "/kubelet/kubepods/burstable/pod", uid, "/", "", uid },
		{ "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod", under,
		  ".slice/cri-containerd-", ".scope", uid },
		/* no pods */
		{ "/system.slice/docker-", "", "", ".scope", NULL },
		{ "/machine.slice/pod", uid, "/", "", NULL },
		{ "/kubepods/burstable/tripod", uid, "/", "", NULL },
		{ "/kubepods/burstable/pod", "4f0c1a2b", "/", "", NULL },
	};
	char path[400], pod[64], container[128];

	(void)state;
	assert_null(container_pod_uid(NULL, pod, sizeof(pod)));
	assert_null(container_pod_uid("/kubepods.slice", pod, sizeof(pod)));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *got;

		snprintf(path, sizeof(path), "%s%s%s%s%s", cases[i].before, cases[i].uid,
			 cases[i].between, id, cases[i].after);
		got = container_pod_uid(path, pod, sizeof(pod));
		if (cases[i].pod)
			assert_string_equal(got, cases[i].pod);
		else
			assert_null(got);
		assert_string_equal(container_id(path, container, sizeof(container)), id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),	     cmocka_unit_test(test_top),
		cmocka_unit_test(test_called_other), cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_pods),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
