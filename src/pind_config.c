// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of gup-pind's settings, and the reader of its configuration file.
 * An option of the command line and a key of the file are the same row.
 */
#include <errno.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "duration.h"
#include "form_prom.h"
#include "pind.h"
#include "util.h"

#define NS_PER_S 1000000000ULL
#define AT(member) offsetof(struct pind_config, member)
#define ROOM(member) 1, sizeof(((struct pind_config *)0)->member)

/* clang-format off */
static const struct pind_setting settings[] = {
	{ "socket", "PATH", "serve there (" PIND_SOCKET ")",
	  PIND_TEXT, AT(socket), ROOM(socket), {} },
	{ "group", "NAME", "who may connect besides root (gup-pin, if there is such a group)",
	  PIND_TEXT, AT(group), ROOM(group), {} },
	{ "listen", "[ADDRESS:]PORT", "also serve /metrics there over TCP (ADDRESS: 127.0.0.1)",
	  PIND_TEXT, AT(listen), ROOM(listen), {} },
	{ "bpffs", "DIR", "tracking goes on there when the daemon ends, or none (" PIND_BPFFS ")",
	  PIND_TEXT, AT(bpffs), ROOM(bpffs), {} },
	{ "plan", "PLAN", "call: track pin calls; core: each pin; scan: track nothing (auto: call, else core)",
	  PIND_WORD, AT(plan), 0, 0, { "auto", "core", "call", "scan" } },
	{ "scan-interval", "TIME", "between two snapshots (60s)",
	  PIND_TIME, AT(scan_interval_ns), NS_PER_S, 86400 * NS_PER_S, {} },
	{ "scan-rate", "N", "struct pages a second that a scan reads at most (20000000)",
	  PIND_NUMBER, AT(scan_rate), 1000, UINT32_MAX, {} },
	{ "max-records", "N", "pin calls whose records plan call keeps between two scans (262144)",
	  PIND_NUMBER, AT(max_records), 8, 1U << 28, {} },
	{ "top", "N", "values of a label in the metrics, the rest is \"other\" (20)",
	  PIND_NUMBER, AT(top), 1, 10000, {} },
	{ "max-cpu", "SHARE", "of all CPUs; above it stacks go, then tracking (1%)",
	  PIND_SHARE, AT(max_cpu_ppm), 1, 1000000, {} },
	{ "max-memory", "SIZE", "likewise, BPF maps included (0.25% of RAM, plan core 1%, at least 128M)",
	  PIND_BYTES, AT(max_bytes), 1 << 20, 1ULL << 50, {} },
	{ "textfile", "DIR", "write gup_pin.prom there, for node_exporter's textfile collector",
	  PIND_TEXT, AT(textfile), ROOM(textfile), {} },
	{ "input", "FILE", "serve this recorded snapshot (JSON) instead of this machine's",
	  PIND_TEXT, AT(input), ROOM(input), {} },
};
/* clang-format on */

const struct pind_setting *pind_settings(size_t *cnt)
{
	*cnt = ARRAY_SIZE(settings);
	return settings;
}

void pind_config__default(struct pind_config *config)
{
	*config = (struct pind_config){
		.socket = PIND_SOCKET,
		.bpffs = PIND_BPFFS,
		.scan_interval_ns = 60 * NS_PER_S,
		.scan_rate = 20000000,
		.max_records = 262144,
		.top = PROM_TOP,
		.max_cpu_ppm = 10000,
	};
}

static int set_text(char *at, size_t room, const char *value, char *why, size_t why_bytes)
{
	if (strlen(value) >= room) {
		snprintf(why, why_bytes, "longer than %zu bytes", room - 1);
		return -EINVAL;
	}
	strcpy(at, value);
	return 0;
}

static int set_word(uint64_t *at, const struct pind_setting *setting, const char *value, char *why,
		    size_t why_bytes)
{
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(setting->words) && setting->words[i]; i++) {
		if (!strcmp(setting->words[i], value)) {
			*at = i;
			return 0;
		}
		len += snprintf(why + len, why_bytes - len, "%s%s",
				i ? " " : "use one of: ", setting->words[i]);
	}
	return -EINVAL;
}

static int set_number(uint64_t *at, const struct pind_setting *setting, const char *value,
		      char *why, size_t why_bytes)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(value, &end, 10);
	if (errno || *end || end == value || *value == '-' || number < setting->least ||
	    number > setting->most) {
		snprintf(why, why_bytes, "'%.40s' is not a number from %llu to %llu", value,
			 (unsigned long long)setting->least, (unsigned long long)setting->most);
		return -EINVAL;
	}
	*at = number;
	return 0;
}

static int set_time(uint64_t *at, const struct pind_setting *setting, const char *value, char *why,
		    size_t why_bytes)
{
	uint64_t ns;

	if (parse_duration(value, &ns)) {
		snprintf(why, why_bytes, "'%.40s' is not a time: use 10s, 5m, 2h", value);
		return -EINVAL;
	}
	if (ns < setting->least || ns > setting->most) {
		snprintf(why, why_bytes, "'%.40s' is not from %llu s to %llu s", value,
			 (unsigned long long)(setting->least / NS_PER_S),
			 (unsigned long long)(setting->most / NS_PER_S));
		return -EINVAL;
	}
	*at = ns;
	return 0;
}

/* "0.5%", in millionths. */
static int set_share(uint64_t *at, const struct pind_setting *setting, const char *value, char *why,
		     size_t why_bytes)
{
	char *end;
	double ppm = strtod(value, &end) * 10000;

	/* written so that what is no number fails, too */
	if (end == value || strcmp(end, "%") || !(ppm >= (double)setting->least) ||
	    !(ppm <= (double)setting->most)) {
		snprintf(why, why_bytes, "'%.40s' is not a share from 0.0001%% to 100%%", value);
		return -EINVAL;
	}
	*at = (uint64_t)ppm;
	return 0;
}

/* "128M"; without a letter, bytes. */
static int set_bytes(uint64_t *at, const struct pind_setting *setting, const char *value, char *why,
		     size_t why_bytes)
{
	static const char units[] = "KMG";
	unsigned long long number;
	const char *unit;
	char *end;

	errno = 0;
	number = strtoull(value, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit)
		end++;
	if (errno || *end || end == value || *value == '-' || number > setting->most ||
	    (unit && number > setting->most >> 10 * (unit - units + 1)) ||
	    (unit ? number << 10 * (unit - units + 1) : number) < setting->least) {
		snprintf(why, why_bytes, "'%.40s' is not a size from 1M: use 128M, 2G", value);
		return -EINVAL;
	}
	*at = unit ? number << 10 * (unit - units + 1) : number;
	return 0;
}

int pind_config__set(struct pind_config *config, const struct pind_setting *setting,
		     const char *value, char *why, size_t why_bytes)
{
	char *at = (char *)config + setting->at;

	*why = '\0';
	if (!*value) {
		snprintf(why, why_bytes, "wants a value");
		return -EINVAL;
	}
	switch (setting->kind) {
	case PIND_TEXT:
		return set_text(at, setting->most, value, why, why_bytes);
	case PIND_WORD:
		return set_word((uint64_t *)at, setting, value, why, why_bytes);
	case PIND_TIME:
		return set_time((uint64_t *)at, setting, value, why, why_bytes);
	case PIND_NUMBER:
		return set_number((uint64_t *)at, setting, value, why, why_bytes);
	case PIND_SHARE:
		return set_share((uint64_t *)at, setting, value, why, why_bytes);
	case PIND_BYTES:
		return set_bytes((uint64_t *)at, setting, value, why, why_bytes);
	}
	return -EINVAL;
}

/* Does the key name this setting? scan_interval is --scan-interval. */
static bool is_key(const char *name, const char *key)
{
	for (; *name && *key; name++, key++)
		if (*key != (*name == '-' ? '_' : *name))
			return false;
	return !*name && !*key;
}

static const struct pind_setting *find(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (is_key(settings[i].name, key))
			return &settings[i];
	return NULL;
}

static char *trim(char *text)
{
	static const char blank[] = " \t\r\n";
	char *end = text + strlen(text);

	while (end > text && strchr(blank, end[-1]))
		*--end = '\0';
	return text + strspn(text, blank);
}

/* 0, or -EINVAL with the reason in why. */
static int read_line(struct pind_config *config, char *line, char *why, size_t why_bytes)
{
	const struct pind_setting *setting;
	char *key = trim(line), *value = strchr(key, '='), reason[128];

	if (!*key || *key == '#')
		return 0;
	if (!value) {
		snprintf(why, why_bytes, "no '=': lines are KEY = VALUE, or begin with #");
		return -EINVAL;
	}
	*value++ = '\0';
	key = trim(key);
	setting = find(key);
	if (!setting) {
		snprintf(why, why_bytes, "unknown key '%.40s': gup-pind(8) lists them", key);
		return -EINVAL;
	}
	if (!pind_config__set(config, setting, trim(value), reason, sizeof(reason)))
		return 0;
	snprintf(why, why_bytes, "%s: %s", key, reason);
	return -EINVAL;
}

int pind_config__read(struct pind_config *config, FILE *in, const char *path)
{
	cleanup_free char *line = NULL;
	size_t room = 0;
	unsigned int number = 0;
	char why[256];
	ssize_t len;
	int ret = 0;

	while ((len = getline(&line, &room, in)) >= 0) {
		number++;
		if (strlen(line) < (size_t)len)
			snprintf(why, sizeof(why), "a NUL byte");
		else if (!read_line(config, line, why, sizeof(why)))
			continue;
		warnx("%s:%u: %s", path, number, why);
		ret = -EINVAL;
	}
	if (ferror(in)) {
		warn("%s", path);
		ret = -EINVAL;
	}
	return ret;
}
