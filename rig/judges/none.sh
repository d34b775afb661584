# Nothing under the guest: the bare emulated CPU.
# shellcheck shell=bash disable=SC2034,SC2154

about="no hypervisor: the bare emulated CPU"
machines="amd intel"

judge_boot() {
  machine_linux "$work/bzimage" "$work/initramfs" "$append"
}
