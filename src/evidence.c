// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walks the processes once and collects what each tells about pins: accounts,
 * open files, page tables. Interface: include/evidence.h. A process that ends
 * meanwhile is nothing; one that we may not look at is counted.
 */
#include "evidence.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "evidence_impl.h"
#include "pagemap_scan.h"
#include "resolve.h"
#include "util.h"

#define KIB 1024ULL

int grow(void *array, size_t cnt, size_t *room, size_t size)
{
	void **at = array, *more;
	size_t want = *room ? *room * 2 : 16;

	if (cnt < *room)
		return 0;
	more = reallocarray(*at, want, size);
	if (!more)
		return -ENOMEM;
	*at = more;
	*room = want;
	return 0;
}

FILE *open_at(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (fd >= 0 && !file)
		close(fd);
	return file;
}

static bool is_denied(int err)
{
	return err == -EACCES || err == -EPERM;
}

/* Not there any more, or without memory: nothing to see and nobody hid it. */
static bool is_gone(int err)
{
	return err == -ENOENT || err == -ESRCH;
}

/* "Max locked memory     8388608              unlimited            bytes": the soft limit. */
static uint64_t memlock_limit(int dir)
{
	static const char name[] = "Max locked memory";
	char text[4096];
	const char *line;

	if (read_text_at(dir, "limits", text, sizeof(text)))
		return 0;
	line = strstr(text, name);
	if (!line)
		return 0;
	line += strlen(name);
	line += strspn(line, " ");
	return isdigit((unsigned char)*line) ? strtoull(line, NULL, 10) : UINT64_MAX;
}

static void free_files(struct evidence_proc *proc)
{
	for (size_t i = 0; i < proc->file_cnt; i++)
		free((char *)proc->files[i].path);
	free(proc->files);
}

/* Rings that were noted for a process which is left out after all. */
static void drop_rings(struct evidence_reader *reader, uint32_t proc)
{
	while (reader->ring_cnt && reader->rings[reader->ring_cnt - 1].proc == proc)
		free(reader->rings[--reader->ring_cnt].bufs);
}

static int read_proc(struct evidence_reader *reader, int dir, uint32_t pid)
{
	struct evidence *out = reader->out;
	struct evidence_proc proc = { .pid = pid };
	uint32_t index = out->proc_cnt;
	struct proc_facts facts;
	bool mapped = false;
	int files, maps = 0, err = proc_facts__read_dir(dir, pid, &facts);

	if (err)
		return err;
	if (facts.kernel_thread)
		return 0;
	proc.start_boot_ns = facts.start_boot_ns;
	proc.uid = facts.uid;
	memcpy(proc.comm, facts.comm, sizeof(proc.comm));
	proc.vm_pin_bytes = facts.vm_pin_kb * KIB;
	proc.vm_lck_bytes = facts.vm_lck_kb * KIB;
	proc.memlock_limit = memlock_limit(dir);
	files = evidence_files__read(reader, dir, &proc, index);
	proc.fds_read = !files;
	if (reader->want_maps && files != -ENOMEM) {
		maps = evidence_maps__read(reader, dir, index, &mapped);
		proc.maps_read = !maps;
	}
	if (files == -ENOMEM || maps == -ENOMEM)
		err = -ENOMEM;
	else
		err = files && !is_gone(files) ? files : maps;
	if (err != -ENOMEM && (mapped || proc.file_cnt || proc.vm_pin_bytes || proc.vm_lck_bytes)) {
		if (grow(&out->procs, out->proc_cnt, &reader->proc_room, sizeof(proc))) {
			err = -ENOMEM;
		} else {
			out->procs[out->proc_cnt++] = proc;
			return err;
		}
	}
	drop_rings(reader, index);
	free_files(&proc);
	return err;
}

/* 0 or -ENOMEM: everything else is that process' own affair. */
static int look_at(struct evidence_reader *reader, const char *name)
{
	cleanup_fd int dir = openat(reader->proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = dir < 0 ? -errno : read_proc(reader, dir, strtoul(name, NULL, 10));

	if (err == -ENOMEM)
		return err;
	if (err && !is_gone(err)) {
		reader->out->complete = false;
		reader->out->denied += is_denied(err);
	}
	return 0;
}

static int walk(struct evidence_reader *reader)
{
	DIR *dir = fdopendir(dup(reader->proc));
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			err = look_at(reader, entry->d_name);
	closedir(dir);
	return err;
}

/* In a pid name space of our own most processes do not show up at all. */
static bool sees_everyone(int proc)
{
	char link[64];
	ssize_t len = readlinkat(proc, "self/ns/pid", link, sizeof(link) - 1);

	if (len < 0)
		return false;
	link[len] = '\0';
	return !strcmp(link, "pid:[4026531836]"); /* PROC_PID_INIT_INO: fixed by the kernel */
}

static int open_reader(struct evidence_reader *reader)
{
	const struct evidence_options *opts = reader->opts;
	struct evidence *out = reader->out;
	int err;

	reader->proc = open(reader->source->proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (reader->proc < 0)
		return -errno;
	out->complete = sees_everyone(reader->proc);
	reader->want_maps = opts->folio_cnt && !opts->skip_maps;
	err = mappers__init(&reader->mappers);
	out->mapped_by = calloc(opts->folio_cnt + 1, sizeof(*out->mapped_by));
	if (err || !out->mapped_by)
		return -ENOMEM;
	if (!opts->folio_cnt)
		return 0;
	reader->entries = malloc(PAGEMAP_ENTRIES * sizeof(*reader->entries));
	if (!reader->entries)
		return -ENOMEM;
	return folio_index__init(&reader->index, opts->folios, opts->folio_cnt);
}

static void close_reader(struct evidence_reader *reader)
{
	for (size_t i = 0; i < reader->ring_cnt; i++)
		free(reader->rings[i].bufs);
	free(reader->rings);
	free(reader->entries);
	free(reader->mappers.nodes);
	folio_index__free(&reader->index);
	xdp_umems__free(&reader->xdp);
	if (reader->proc >= 0)
		close(reader->proc);
}

int evidence__read_from(const struct evidence_source *source, const struct evidence_options *opts,
			struct evidence *evidence)
{
	struct evidence_reader reader = {
		.source = source, .opts = opts, .out = evidence, .proc = -1
	};
	int err;

	memset(evidence, 0, sizeof(*evidence));
	err = open_reader(&reader);
	if (!err)
		err = walk(&reader);
	if (!err && reader.want_maps)
		err = evidence_rings__match(&reader);
	if (!err)
		err = mappers__finish(&reader.mappers, evidence, opts->folio_cnt);
	close_reader(&reader);
	if (err)
		evidence__free(evidence);
	return err;
}

/* Without CAP_SYS_ADMIN all page frame numbers read as 0. */
static bool hides_pfns(int pagemap)
{
	uint64_t entry;

	return pagemap < 0 || pagemap_read(pagemap, (uintptr_t)&entry, &entry, 1) != 1 ||
	       !pagemap_pfn(entry);
}

int evidence__read(const struct evidence_options *opts, struct evidence *evidence)
{
	cleanup_fd int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	struct evidence_source source = {
		.proc = "/proc",
		.has_scan = pagemap >= 0 && pagemap_can_scan(pagemap),
		.hides_pfns = hides_pfns(pagemap),
	};

	return evidence__read_from(&source, opts, evidence);
}

void evidence__free(struct evidence *evidence)
{
	for (size_t i = 0; i < evidence->proc_cnt; i++)
		free_files(&evidence->procs[i]);
	free(evidence->procs);
	free(evidence->sets);
	free(evidence->mapped_by);
	free(evidence->matches);
	memset(evidence, 0, sizeof(*evidence));
}
