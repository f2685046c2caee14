// SPDX-License-Identifier: GPL-2.0-only
/* attach FILE PREFIX: attaches the programs of a BPF object whose names begin with PREFIX, says `ready`, waits. */
#include <bpf/libbpf.h>
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct bpf_object *obj = argc == 3 ? bpf_object__open_file(argv[1], NULL) : NULL;
	struct bpf_program *prog;

	if (!obj) {
		warnx("usage: attach FILE PREFIX");
		return 2;
	}
	bpf_object__for_each_program (prog, obj)
		bpf_program__set_autoload(
			prog, !strncmp(bpf_program__name(prog), argv[2], strlen(argv[2])));
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
