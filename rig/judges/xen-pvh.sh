# Debian's Xen, our guest as a PVH guest of it (SVM, nested paging); dom0 does nothing else (xen-pvh.init):
#
#   guest: $image/vmlinuz-6.12, initramfs.gz      dom0: vmlinuz-generic, judges/xen-pvh.gz
#   ------------------------------ Xen -----------------------------------------------------
#
# Its console is Xen's, which dom0 passes on to its own, and Xen to the serial port.
# shellcheck shell=bash disable=SC2034,SC2154
. "${BASH_SOURCE[0]%/*}/xen.sh"

about="Debian's Xen, our guest as its PVH guest"
files="vmlinuz-6.12 vmlinuz-generic judges/xen.elf judges/xen-pvh.gz"
kernel_name=vmlinuz-6.12 # the newer kernel has to run somewhere
dom0_memory=512
xen_memory=320

judge_build() { # OUTPUT
  local root package kernel xen_packages libraries folders
  build_xen "$1"
  kernel=$(newest_kernel release "$KERNEL_6_1")
  kernel=${kernel/-cloud/}
  package=$(fetch "linux-image-$kernel")
  libraries=$(libraries_of "xen-utils-$xen")
  # shellcheck disable=SC2086 # names of packages are words
  folders=$(fetch "xen-utils-$xen" $libraries)
  mapfile -t xen_packages <<<"$folders"
  root=$(mktemp -d)
  install_busybox "$root"
  install_modules "$root" "$kernel" "$package/lib/modules/$kernel" xen-privcmd xen-evtchn xen-gntdev xen-gntalloc xenfs
  local bin=${xen_packages[0]}/usr/lib/xen-$xen/bin
  install_programs "$root" "$bin"/{xl,xenstored,xenconsoled,xenconsole,xen-init-dom0} -- "${xen_packages[@]}"
  install -m 644 "$(fetch libgcc-s1)/lib/x86_64-linux-gnu/libgcc_s.so.1" "$root/lib/x86_64-linux-gnu/" # threads load it when they end
  mkdir -p "$root/usr/lib/xen-$xen" "$root/var/log/xen" "$root/var/lib/xen" "$root/etc/xen"
  ln -s ../../../bin "$root/usr/lib/xen-$xen/bin" # where xl looks for xenconsole
  ln -s ../run "$root/var/run"
  ln -s ../run/lock "$root/var/lock"
  : >"$root/etc/xen/xl.conf"
  install -m 755 rig/judges/xen-pvh.init "$root/init"
  archive "$root" "$1/judges/xen-pvh.gz" 1
  rm -rf "$root"
}

judge_boot() {
  machine_memory=$((memory + dom0_memory + xen_memory))
  nest "$image/judges/xen-pvh.gz" memory="$memory"
  ln -s "$(realpath "$image/vmlinuz-generic")" "$work/dom0"
  boot_xen "$dom0_memory" "$work/dom0 console=hvc0 quiet nokaslr mitigations=off" "$work/nested"
}
