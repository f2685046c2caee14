// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which of a process' open files can hold pins, and what fdinfo says of them.
 *
 * Names of files are other people's text: a link that starts with a slash may
 * call itself anything, so only what the kernel itself says decides (the type
 * and device number, a link without a slash, the protocol of a socket).
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "evidence_impl.h"
#include "fmt.h"
#include "resolve.h"
#include "util.h"

#define MAX_RING_BUF (1ULL << 40) /* a longer one is garbage */

struct looked {
	struct evidence_reader *reader;
	int dir; /* of the process */
	int fds; /* its fd */
	struct evidence_file *file;
	struct ring_lines ring; /* of an io_uring */
};

/* ---- fdinfo ---- */

/* "    0: 0x7f0c9b1af000/53248"; slots without a buffer say <none>. */
static int take_ring_buf(struct ring_lines *lines, const char *line)
{
	struct ring_buf buf;
	char *at;

	strtoul(line, &at, 10);
	if (at == line || at[0] != ':' || at[1] != ' ')
		return 1;
	line = at + 2;
	buf.addr = strtoull(line, &at, 16);
	if (at == line || *at != '/')
		return 0;
	line = at + 1;
	buf.len = isdigit((unsigned char)*line) ? strtoull(line, NULL, 10) : 0;
	if (!buf.addr || !buf.len || buf.len > MAX_RING_BUF || buf.addr + buf.len < buf.addr)
		return 0;
	if (grow(&lines->bufs, lines->cnt, &lines->room, sizeof(buf)))
		return -ENOMEM;
	lines->bufs[lines->cnt++] = buf;
	return 0;
}

/*
 * The section before the buffers holds names of files, which older kernels
 * print as they are: with newlines they can look like a section of buffers.
 * Behind the real one there are numbers only, so the last one counts.
 */
int ring_lines__feed(struct ring_lines *lines, const char *line)
{
	static const char name[] = "UserBufs:\t";
	int ret;

	if (!strncmp(line, name, strlen(name))) {
		lines->in_bufs = true;
		lines->cnt = 0;
		lines->told = strtoull(line + strlen(name), NULL, 10);
		return 0;
	}
	if (!lines->in_bufs)
		return 0;
	ret = take_ring_buf(lines, line);
	if (ret > 0)
		lines->in_bufs = false;
	return ret < 0 ? ret : 0;
}

static int says_ring(struct looked *at, const char *line)
{
	return ring_lines__feed(&at->ring, line);
}

static void end_ring(struct looked *at)
{
	struct evidence_file *file = at->file;

	for (size_t i = 0; i < at->ring.cnt; i++)
		file->says_bytes += at->ring.bufs[i].len;
	if (file->says_bytes)
		snprintf(file->says, sizeof(file->says), "UserBufs %llu, %s",
			 (unsigned long long)at->ring.told, fmt_bytes(file->says_bytes).s);
	else if (at->ring.told) /* the ring was busy: only the number is told then */
		snprintf(file->says, sizeof(file->says), "UserBufs %llu",
			 (unsigned long long)at->ring.told);
}

static int says_dmabuf(struct looked *at, const char *line)
{
	struct evidence_file *file = at->file;

	/* The buffer's name, which a user chose, comes last. */
	if (file->says[0])
		return 0;
	if (!strncmp(line, "size:\t", 6))
		file->says_bytes = strtoull(line + 6, NULL, 10);
	else if (!strncmp(line, "exp_name:\t", 10))
		snprintf(file->says, sizeof(file->says), "%.20s, %s", line + 10,
			 fmt_bytes(file->says_bytes).s);
	return 0;
}

/* "vfio-device-syspath: /sys/devices/pci0000:00/0000:00:03.0" , "drm-driver:\ti915". */
static int says_value(struct looked *at, const char *line)
{
	const char *value = strpbrk(line, " \t"), *slash = strrchr(line, '/');

	if (!value ||
	    (strncmp(line, "vfio-device-syspath:", 20) && strncmp(line, "drm-driver:", 11)))
		return 0;
	snprintf(at->file->says, sizeof(at->file->says), "%.40s", slash ? slash + 1 : value + 1);
	return 0;
}

/* Kinds of files that can hold pins, as of file_kind(). */
static const struct pin_kind {
	const char *kind;
	int (*line)(struct looked *at, const char *line); /* takes a line of fdinfo */
	void (*end)(struct looked *at);
} pin_kinds[] = {
	{ "io_uring", says_ring, end_ring },
	{ "dma-buf", says_dmabuf, NULL },
	{ "rdma", NULL, NULL },
	{ "vfio", says_value, NULL },
	{ "iommu", NULL, NULL },
	{ "xdp", NULL, NULL },
	{ "dri", says_value, NULL },
	{ "v4l2", NULL, NULL },
	{ "kvm", NULL, NULL },
	{ "vhost", NULL, NULL },
	{ "udmabuf", NULL, NULL },
	{ "nvme", NULL, NULL },
};

static const struct pin_kind *find_kind(const char *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(pin_kinds); i++)
		if (!strcmp(pin_kinds[i].kind, kind))
			return &pin_kinds[i];
	return NULL;
}

static int read_fdinfo(struct looked *at, const struct pin_kind *kind)
{
	cleanup_file FILE *info = NULL;
	cleanup_free char *line = NULL;
	size_t room = 0;
	char path[64];
	ssize_t len;
	int err = 0;

	if (!kind->line)
		return 0;
	snprintf(path, sizeof(path), "fdinfo/%d", at->file->fd);
	info = open_at(at->dir, path);
	if (!info)
		return 0; /* closed meanwhile */
	while (!err && (len = getline(&line, &room, info)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		err = kind->line(at, line);
	}
	if (!err && kind->end)
		kind->end(at);
	return err;
}

/* ---- what a descriptor is ---- */

/* Never asks a file server: a dead one would keep us waiting. */
static bool stat_fd(int fds, const char *name, struct file_facts *facts)
{
	struct statx st;

	if (statx(fds, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_INO, &st))
		return false;
	facts->mode = st.stx_mode;
	facts->dev = (uint64_t)st.stx_dev_major << 20 | st.stx_dev_minor;
	facts->rdev = (uint64_t)st.stx_rdev_major << 20 | st.stx_rdev_minor;
	facts->ino = st.stx_ino;
	return true;
}

static bool is_xdp(int fds, const char *name)
{
	char path[300], proto[16] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", fds, name);
	return getxattr(path, "system.sockprotoname", proto, sizeof(proto) - 1) > 0 &&
	       !strcmp(proto, "XDP");
}

/* Kinds of character devices do not change while we look: two per process are /dev/null. */
static const char *device_kind(struct evidence_reader *reader, const struct file_facts *facts)
{
	size_t slot = facts->rdev % ARRAY_SIZE(reader->devices);

	if (!reader->devices[slot].kind || reader->devices[slot].rdev != facts->rdev) {
		reader->devices[slot].rdev = facts->rdev;
		reader->devices[slot].kind = file_kind(facts);
	}
	return reader->devices[slot].kind;
}

/* NULL: cannot hold pins, or is closed by now. */
static const char *classify(struct looked *at, const char *name, const char *link,
			    struct file_facts *facts)
{
	static const char anon[] = "anon_inode:", dmabuf[] = "/dmabuf:", socket[] = "socket:[";
	const char *kind;

	if (!strncmp(link, anon, strlen(anon))) {
		*facts = (struct file_facts){};
		snprintf(facts->name, sizeof(facts->name), "%.63s", link + strlen(anon));
		kind = file_kind(facts);
		return find_kind(kind) && stat_fd(at->fds, name, facts) ? kind : NULL;
	}
	if (!strncmp(link, socket, strlen(socket)))
		return is_xdp(at->fds, name) && stat_fd(at->fds, name, facts) ? "xdp" : NULL;
	if (link[0] != '/' || !stat_fd(at->fds, name, facts))
		return NULL;
	if (S_ISCHR(facts->mode))
		return device_kind(at->reader, facts);
	/* No directory can have such a name in a file system without a device but its root. */
	if (strncmp(link, dmabuf, strlen(dmabuf)) || facts->dev >> 20)
		return NULL;
	strcpy(facts->name, "dmabuf");
	return file_kind(facts);
}

static int note_ring(struct looked *at, uint32_t pid, uint32_t proc, uint32_t file)
{
	struct evidence_reader *reader = at->reader;
	struct ring_file ring = {
		.pid = pid,
		.proc = proc,
		.file = file,
		.fd = at->file->fd,
		.dev = at->file->dev,
		.ino = at->file->ino,
		.bufs = at->ring.bufs,
		.buf_cnt = at->ring.cnt,
	};

	if (!ring.buf_cnt || !reader->want_maps)
		return 0;
	if (grow(&reader->rings, reader->ring_cnt, &reader->ring_room, sizeof(ring)))
		return -ENOMEM;
	reader->rings[reader->ring_cnt++] = ring;
	at->ring.bufs = NULL;
	return 0;
}

static void ask_xdp(struct looked *at)
{
	struct evidence_file *file = at->file;
	const struct xdp_umem *umem = xdp_umems__find(&at->reader->xdp, at->dir, file->ino);

	if (!umem)
		return;
	file->says_bytes = umem->bytes;
	snprintf(file->says, sizeof(file->says), "umem %u: %llu chunks, %s", umem->id,
		 (unsigned long long)(umem->bytes / (umem->chunk_bytes ?: 1)),
		 fmt_bytes(umem->bytes).s);
}

static int add_file(struct looked *at, const char *path, struct evidence_proc *proc,
		    uint32_t proc_index, size_t *room)
{
	uint32_t index = proc->file_cnt;
	int err;

	at->file->path = strdup(path);
	err = at->file->path ? 0 : -ENOMEM;
	if (!strcmp(at->file->kind, "xdp"))
		ask_xdp(at);
	else if (!err)
		err = read_fdinfo(at, find_kind(at->file->kind));
	if (!err)
		err = grow(&proc->files, proc->file_cnt, room, sizeof(*proc->files));
	if (!err)
		err = note_ring(at, proc->pid, proc_index, index);
	free(at->ring.bufs);
	if (!err)
		proc->files[proc->file_cnt++] = *at->file;
	else
		free((char *)at->file->path);
	return err;
}

static int look_at(struct evidence_reader *reader, int dir, int fds, const char *name,
		   struct evidence_proc *proc, uint32_t proc_index, size_t *room)
{
	char link[PATH_MAX], path[256];
	struct evidence_file file = { .fd = strtol(name, NULL, 10) };
	struct looked at = { .reader = reader, .dir = dir, .fds = fds, .file = &file };
	struct file_facts facts = {};
	ssize_t len = readlinkat(fds, name, link, sizeof(link) - 1);

	if (len < 0)
		return errno == EACCES || errno == EPERM ? -errno : 0;
	link[len] = '\0';
	file.kind = classify(&at, name, link, &facts);
	if (!file.kind || !find_kind(file.kind))
		return 0;
	file.dev = facts.dev;
	file.ino = facts.ino;
	if (!S_ISCHR(facts.mode) || file_path(&facts, path, sizeof(path)))
		snprintf(path, sizeof(path), "%.255s",
			 !strncmp(link, "anon_inode:", 11) ? link + 11 : link);
	return add_file(&at, path, proc, proc_index, room);
}

int evidence_files__read(struct evidence_reader *reader, int dir, struct evidence_proc *proc,
			 uint32_t proc_index)
{
	int fds = openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	DIR *list = fds >= 0 ? fdopendir(fds) : NULL;
	struct dirent *entry;
	size_t room = 0;

	if (!list) {
		err = -errno;
		if (fds >= 0)
			close(fds);
		return err;
	}
	errno = 0;
	while (!err && (entry = readdir(list)))
		if (isdigit((unsigned char)entry->d_name[0]))
			err = look_at(reader, dir, fds, entry->d_name, proc, proc_index, &room);
	closedir(list);
	return err;
}
