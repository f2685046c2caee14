// SPDX-License-Identifier: GPL-2.0-only
/*
 * Findings that appear or clear, one line each. The journal's own protocol is
 * one datagram of "FIELD=value" lines: libsystemd would be a dependency for
 * that. See journal.h.
 */
#include "journal.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fmt.h"
#include "util.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define MINUTE_NS 60000000000ULL

/* A finding, as far as its lines tell. */
struct told {
	char id[64];
	enum rule rule;
	enum level level;
	char *title, *comm; /* malloced, safe; comm NULL = nobody's */
	int pid;	    /* 0 = nobody's */
	uint64_t pins, bytes;
};

struct journal {
	int fd; /* datagrams to the journal; -1 = lines to stderr */
	struct told *told;
	size_t told_cnt;
	uint64_t minute_ns; /* began then */
	unsigned int lines; /* in this minute */
	uint64_t withheld;
};

/* Is our stderr a stream that the journal reads? Then it takes fields as well. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == dev && st.st_ino == ino;
}

static int connect_journal(void)
{
	const struct sockaddr_un addr = { AF_UNIX, JOURNAL_SOCKET };
	int fd = stderr_is_journal() ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;

	if (fd < 0 || !connect(fd, (const struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	close(fd);
	return -1;
}

struct journal *journal__new(void)
{
	struct journal *journal = calloc(1, sizeof(*journal));

	if (journal)
		journal->fd = connect_journal();
	return journal;
}

static void told__free(struct told *told, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		free(told[i].title);
		free(told[i].comm);
	}
	free(told);
}

void journal__free(struct journal *journal)
{
	if (!journal)
		return;
	told__free(journal->told, journal->told_cnt);
	if (journal->fd >= 0)
		close(journal->fd);
	free(journal);
}

static bool is_told(const struct told *told, size_t cnt, const char *id)
{
	for (size_t i = 0; i < cnt; i++)
		if (!strcmp(told[i].id, id))
			return true;
	return false;
}

/* One line; fields is a text of "NAME=value" lines for the journal. */
static void say(const struct journal *journal, int priority, const char *line, const char *fields)
{
	cleanup_free char *text = NULL;
	int len;

	if (journal->fd < 0) {
		warnx("%s", line);
		return;
	}
	len = asprintf(&text, "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=gup-pind\n%s", line,
		       priority, fields);
	if (len < 0)
		text = NULL;
	/* A journal that does not take it loses the fields, not the line. */
	if (len < 0 || send(journal->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		warnx("%s", line);
}

static void say_finding(struct journal *journal, const struct told *told, bool appeared)
{
	const char *state = appeared ? "appeared" : "cleared";
	int priority = !appeared ? 6 : told->level == LEVEL_ERROR ? 3 : 4;
	cleanup_free char *fields = NULL, *line = NULL;
	char who[96] = "";

	if (journal->lines >= JOURNAL_LINES_A_MINUTE) {
		journal->withheld++;
		return;
	}
	journal->lines++;
	if (told->comm)
		snprintf(who, sizeof(who), " pid=%d comm=\"%s\"", told->pid, told->comm);
	if (asprintf(&line, "finding %s: id=%s level=%s pins=%llu bytes=%llu%s: %s", state,
		     told->id, level_name(told->level), (unsigned long long)told->pins,
		     (unsigned long long)told->bytes, who, told->title) < 0)
		line = NULL;
	if (asprintf(&fields,
		     "GUP_FINDING=%s\nGUP_ID=%s\nGUP_RULE=%s\nGUP_LEVEL=%s\nGUP_PINS=%llu\n"
		     "GUP_BYTES=%llu\nGUP_PID=%d\nGUP_COMM=%s\n",
		     state, told->id, rule_name(told->rule), level_name(told->level),
		     (unsigned long long)told->pins, (unsigned long long)told->bytes, told->pid,
		     told->comm ? told->comm : "") < 0)
		fields = NULL;
	if (line && fields)
		say(journal, priority, line, fields);
}

static void begin_minute(struct journal *journal, uint64_t now_ns)
{
	char line[128];

	if (journal->minute_ns && now_ns - journal->minute_ns < MINUTE_NS)
		return;
	if (journal->withheld) {
		snprintf(line, sizeof(line),
			 "%llu more findings appeared or cleared: /v1/findings has those that are",
			 (unsigned long long)journal->withheld);
		say(journal, 4, line, "");
	}
	journal->minute_ns = now_ns;
	journal->lines = 0;
	journal->withheld = 0;
}

static int told__make(struct told *told, const struct snapshot *snap, const struct finding *finding)
{
	const struct group *group = finding->group < 0 ? NULL : &snap->groups[finding->group];
	const struct process *owner =
		group && group->owner >= 0 ? &snap->processes[group->owner] : NULL;

	*told = (struct told){ .rule = finding->rule, .level = finding->level };
	snprintf(told->id, sizeof(told->id), "%s", finding->id);
	told->title = fmt_safe(finding->title);
	if (group) {
		told->pins = group->q.pins;
		told->bytes = group->q.bytes;
	}
	if (owner) {
		told->pid = owner->pid;
		told->comm = fmt_safe(owner->comm ? owner->comm : "?");
	}
	return told->title && (!owner || told->comm) ? 0 : -ENOMEM;
}

int journal__tell(struct journal *journal, const struct snapshot *snap, uint64_t now_ns)
{
	struct told *told = calloc(snap->finding_cnt + 1, sizeof(*told));
	size_t cnt = 0;

	if (!told)
		return -ENOMEM;
	begin_minute(journal, now_ns);
	for (size_t i = 0; i < snap->finding_cnt; i++) {
		const struct finding *finding = &snap->findings[i];

		if (finding->suppressed_by || finding->level < LEVEL_WARNING)
			continue;
		if (told__make(&told[cnt++], snap, finding)) {
			told__free(told, cnt);
			return -ENOMEM;
		}
		if (!is_told(journal->told, journal->told_cnt, finding->id))
			say_finding(journal, &told[cnt - 1], true);
	}
	for (size_t i = 0; i < journal->told_cnt; i++)
		if (!is_told(told, cnt, journal->told[i].id))
			say_finding(journal, &journal->told[i], false);
	told__free(journal->told, journal->told_cnt);
	journal->told = told;
	journal->told_cnt = cnt;
	return 0;
}
