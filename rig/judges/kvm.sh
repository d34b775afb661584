# Debian's KVM. Our guest runs in a virtual machine of Debian's QEMU, in a Linux that does nothing else (kvm.init):
#
#   guest: $image/vmlinuz, initramfs.gz  ->  QEMU, KVM  ->  Linux 6.1, judges/kvm.gz  ->  the emulated machine
#
# Its serial port is QEMU's standard input and output, on the host's serial port.
# shellcheck shell=bash disable=SC2034,SC2154

about="Debian's KVM, nested: our guest in Debian's QEMU"
machines="amd intel"
files="vmlinuz judges/kvm.gz"
timeout_amd=400 timeout_intel=1200
guest_cpu=host
keys='\035c\ninfo registers\nx/8i $eip\ninfo status\n' # Ctrl-] c: the inner QEMU's monitor
host_memory=448
if [ "${machine:-}" = intel ]; then usual_memory=512; fi # Bochs has no memory to waste, and is slow to clear it

judge_build() { # OUTPUT
  local root package kernel qemu libraries folders
  kernel=$(newest_kernel release "$KERNEL_6_1")
  package=$(fetch "linux-image-$kernel")
  libraries=$(libraries_of qemu-system-x86)
  # shellcheck disable=SC2086 # names of packages are words
  folders=$(fetch qemu-system-x86 qemu-system-data seabios $libraries)
  mapfile -t qemu <<<"$folders"
  root=$(mktemp -d)
  install_busybox "$root"
  install_modules "$root" "$kernel" "$package/lib/modules/$kernel" kvm-amd kvm-intel
  install_programs "$root" "${qemu[0]}/usr/bin/qemu-system-x86_64" -- "${qemu[@]}"
  mkdir -p "$root/usr/share/qemu"
  install -m 644 "${qemu[1]}/usr/share/qemu/"{linuxboot_dma.bin,kvmvapic.bin} "${qemu[2]}/usr/share/seabios/bios-256k.bin" "$root/usr/share/qemu/"
  install -m 755 rig/judges/kvm.init "$root/init"
  archive "$root" "$1/judges/kvm.gz" 1 # quickly: it is packed at each build, and unpacked in an emulator
  rm -rf "$root"
}

judge_boot() {
  machine_memory=$((memory + host_memory))
  nest "$image/judges/kvm.gz" cpu="$guest_cpu" memory="$memory"
  machine_linux "$image/vmlinuz" "$work/nested" "console=ttyS0,115200 quiet nokaslr mitigations=off"
}
