# What the two ways to run under Xen share: Debian's Xen, and a dom0 with Debian's generic kernel. Not a judge by itself.
# shellcheck shell=bash disable=SC2034,SC2154

machines="amd"
usual_cpu_amd=EPYC,+svm,+npt,-smap,-smep # with SMAP or SMEP, dom0 dies at its first exception on QEMU
console=hvc0
keys='\001\001\001d0qr' # three times Ctrl-A: what follows goes to Xen, which tells registers, dom0's registers, domains, and its run queues
timeout_amd=600
xen=4.17

build_xen() { # OUTPUT
  local package
  package=$(fetch "xen-hypervisor-$xen-amd64")
  zcat "$package/boot/xen-$xen-amd64.gz" >"$1/judges/xen.elf.new"
  mv "$1/judges/xen.elf.new" "$1/judges/xen.elf"
}

# cpuidle=0: otherwise Xen panics in MWAIT on QEMU.
boot_xen() { # DOM0-MEMORY MODULE...
  local dom0=$1
  shift
  ln -s "$(realpath "$image/judges/xen.elf")" "$work/xen.elf"
  machine_multiboot "$work/xen.elf" "com1=115200,8n1 console=com1 dom0_mem=${dom0}M,max:${dom0}M smap=0 smep=0 cpuidle=0 loglvl=warning guest_loglvl=none" "$@"
}
