// SPDX-License-Identifier: GPL-2.0-only
/*
 * attach FILE PREFIX: attaches the programs of a BPF object whose names begin
 * with PREFIX and whose functions this kernel has, says `ready`, waits.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRAMPOLINE_ARGS 6

/* Arguments of a kernel function, -1: there is none. */
static int args_of(const struct btf *btf, const char *func)
{
	int id = btf__find_by_name_kind(btf, func, BTF_KIND_FUNC);

	return id < 0 ? -1 : btf_vlen(btf__type_by_id(btf, btf__type_by_id(btf, id)->type));
}

/* A trampoline where it can carry the arguments, else the program that does without it. */
static bool fits(const struct btf *btf, const struct bpf_program *prog)
{
	int args = args_of(btf, strchr(bpf_program__section_name(prog), '/') + 1);

	return args >= 0 && (args > TRAMPOLINE_ARGS) == !!strstr(bpf_program__name(prog), "__vmas");
}

int main(int argc, char **argv)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct bpf_object *obj = argc == 3 ? bpf_object__open_file(argv[1], NULL) : NULL;
	struct bpf_program *prog;

	if (!btf)
		err(4, "no BTF");
	if (!obj) {
		warnx("usage: attach FILE PREFIX");
		return 2;
	}
	bpf_object__for_each_program (prog, obj)
		bpf_program__set_autoload(
			prog, !strncmp(bpf_program__name(prog), argv[2], strlen(argv[2])) &&
				      fits(btf, prog));
	if (bpf_object__load(obj))
		err(4, "%s: can't load", argv[1]);
	bpf_object__for_each_program (prog, obj)
		if (bpf_program__autoload(prog) && !bpf_program__attach(prog))
			err(4, "%s: can't attach", bpf_program__name(prog));
	puts("ready");
	fflush(stdout);
	pause();
	bpf_object__close(obj);
	return 0;
}
