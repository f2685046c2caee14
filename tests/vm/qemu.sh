# shellcheck shell=bash
# Which QEMU runs the guests. Stub.
fetch_qemu() { :; }
choose_qemu() { qemu=(qemu-system-x86_64); qemu_thread=single; }
