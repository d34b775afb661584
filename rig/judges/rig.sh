# The VMM of this repository, rig/vmm: a Multiboot kernel that boots Linux itself.
# shellcheck shell=bash disable=SC2034,SC2154

about="the VMM of this repository, which calls functions by name"
machines="amd intel"
least_memory=256 # the VMM lies at 128 MiB

judge_boot() {
  if [ -z "$vmm" ]; then
    vmm=$rig/vmm/build/vmm.elf
    [ -e "$vmm" ] || make -s -C "$rig/vmm" >&2 || fail "the VMM does not build"
  fi
  [ -r "$vmm" ] || fail "cannot read '$vmm'"
  ln -s "$(realpath "$vmm")" "$work/vmm.elf"
  machine_multiboot "$work/vmm.elf" "" "$work/bzimage $append" "$work/initramfs"
}
