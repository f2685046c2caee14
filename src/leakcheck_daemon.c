// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-leakcheck without a command, where gup-pind runs: what the daemon has
 * watched tells more than one scan. Members of the socket's group need no root.
 */
#include <err.h>
#include <errno.h>
#include <unistd.h>

#include "leakcheck_impl.h"
#include "pind_client.h"
#include "scan.h"
#include "snapshot_busy.h"
#include "util.h"

/* No snapshot, and why: *ret, or false to go on without. */
static bool go_without(const struct env *env, FILE *out, const char *why, int *ret)
{
	*ret = EXIT_CANNOT;
	if (env->socket) {
		warnx("%s", why);
		return true;
	}
	if (errno == ENOENT)
		return false;
	if (!geteuid()) {
		warnx("%s; scanning instead", why);
		return false;
	}
	warnx("%s", why);
	if (env->form == FORM_TEXT)
		leakcheck_totals(out);
	return true;
}

static uint64_t age_ns(const struct snapshot *snap)
{
	uint64_t ns = clock_ns(CLOCK_REALTIME);

	return ns > snap->taken_ns ? ns - snap->taken_ns : 1;
}

static struct pind_client client_of(const struct env *env)
{
	return (struct pind_client){
		.socket = env->socket,
		.timeout_ms = PIND_CLIENT_TIMEOUT_MS,
		.bytes_max = PIND_CLIENT_BYTES_MAX,
	};
}

bool leakcheck_daemon(const struct env *env, FILE *out, const struct suppressions *suppressions,
		      int *ret)
{
	const struct pind_client client = client_of(env);
	struct snapshot *snap;
	char why[400];

	if (env->no_daemon || env->ranges || env->pages)
		return false;
	snap = pind_client__snapshot(&client, why, sizeof(why));
	if (!snap)
		return go_without(env, out, why, ret);
	if (!env->socket && !pind_client__knows_more(snap)) {
		snapshot__free(snap);
		return false;
	}
	leakcheck_judge(env, snap, suppressions);
	*ret = leakcheck_report(out, env, snap, suppressions, age_ns(snap));
	snapshot__free(snap);
	return true;
}

static bool is_asked(const struct env *env, const struct busy_range *busy)
{
	for (size_t i = 0; i < env->range_cnt; i++)
		if (busy->start_pfn < env->ranges[i].end && busy->end_pfn > env->ranges[i].start)
			return true;
	return false;
}

void leakcheck_busy(const struct env *env, struct snapshot *snap)
{
	const struct pind_client client = client_of(env);
	struct snapshot *daemon;
	char why[400];

	if (env->no_daemon || !env->ranges)
		return;
	daemon = pind_client__snapshot(&client, why, sizeof(why));
	if (!daemon && (env->socket || errno != ENOENT))
		warnx("%s", why);
	for (size_t i = 0; daemon && i < daemon->busy_cnt; i++)
		if (is_asked(env, &daemon->busy[i]))
			snapshot__add_busy(snap, &daemon->busy[i]);
	snapshot__free(daemon);
}
