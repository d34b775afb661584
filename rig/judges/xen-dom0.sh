# Debian's Xen, our guest as its dom0: a paravirtual guest, whose kernel runs at CPL 3, and which needs no SVM.
# shellcheck shell=bash disable=SC2034,SC2154
. "${BASH_SOURCE[0]%/*}/xen.sh"

about="Debian's Xen, our guest as dom0 (paravirtual)"
files="vmlinuz-generic judges/xen.elf"
kernel_name=vmlinuz-generic # the cloud kernel is no dom0
xen_memory=256

judge_build() { # OUTPUT
  build_xen "$1"
}

judge_boot() {
  machine_memory=$((memory + xen_memory))
  boot_xen "$memory" "$work/bzimage $append" "$work/initramfs"
}
