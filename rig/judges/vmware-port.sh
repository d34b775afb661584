# VMware's port 0x5658, as QEMU's machine "pc" serves it; no hypervisor besides.
# shellcheck shell=bash disable=SC2034,SC2154

about="VMware's port, as QEMU serves it"
machines="amd"
vmport=on

judge_boot() {
  machine_linux "$work/bzimage" "$work/initramfs" "$append"
}
