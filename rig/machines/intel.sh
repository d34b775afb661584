# An Intel CPU with VMX: Bochs. rig/boot sources this; what a machine must define is in rig/judges/README.md.
# shellcheck shell=bash disable=SC2034,SC2154

needs="bochs-bin setpriv script grub-mkrescue xorriso mformat"
packages="bochs bochsbios vgabios grub-pc-bin grub-common xorriso mtools"
usual_cpu=corei7_haswell_4770
menu=
disk=

# GRUB, on a CD, boots what QEMU boots by itself.
put_on_cd() { # FILE -> its path there
  local name=${1##*/}
  mkdir -p "$work/iso/boot/grub"
  cp -L "$1" "$work/iso/$name"
  printf '/%s' "$name"
}

machine_linux() { # KERNEL INITRD COMMAND-LINE
  menu="linux $(put_on_cd "$1") $3
initrd $(put_on_cd "$2")"
}

machine_multiboot() { # ELF COMMAND-LINE "MODULE WORDS"...
  local module words
  menu="multiboot $(put_on_cd "$1") $2"
  shift 2
  for module in "$@"; do
    words=${module#"${module%% *}"}
    menu+="
module --nounzip $(put_on_cd "${module%% *}")$words"
  done
}

machine_disk() { # FILE
  disk=$1
}

machine_prepare() {
  if [ -z "$disk" ]; then
    printf 'set timeout=0\nmenuentry guest {\n%s\n}\n' "$menu" >"$work/iso/boot/grub/grub.cfg"
    grub-mkrescue -d /usr/lib/grub/i386-pc -o "$work/guest.iso" "$work/iso" --locales= --fonts= --themes= >"$work/mkrescue.log" 2>&1 \
      || { cat "$work/mkrescue.log" >&2; fail "no ISO: apt-get install grub-pc-bin grub-common xorriso mtools"; }
    rm -rf "$work/iso"
  else
    cp --sparse=always "$disk" "$work/disk.img" # the guest may write to it
  fi
  mkfifo "$work/debugger"
  exec 7<>"$work/debugger" # held open, for what is typed there later
}

write_bochsrc() { # $1: the serial port's mode and device
  local drive='boot: cdrom'
  if [ -z "$disk" ]; then
    drive="ata0-master: type=cdrom, path=\"$work/guest.iso\", status=inserted
boot: cdrom"
  else # 16 heads, 63 sectors: rig/guest/pack makes whole cylinders
    drive="ata0-master: type=disk, mode=flat, path=\"$work/disk.img\", cylinders=$(($(stat -c %s "$work/disk.img") / (16 * 63 * 512))), heads=16, spt=63
boot: disk"
  fi
  cat >"$work/bochsrc" <<TEXT
megs: $machine_memory
cpu: model=$cpu, ips=100000000
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
display_library: rfb, options="timeout=0"
$drive
com1: enabled=1, $1
port_e9_hack: enabled=1
clock: sync=none
log: $work/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
speaker: enabled=0
sound: driver=dummy
TEXT
  echo c >"$work/start"
}

# Standard output is the guest's serial port, which has no input; port 0xe9, with all that Bochs says itself, goes to $work/vmm.
machine_start() {
  write_bochsrc "mode=file, dev=$work/guest"
  run_bochs
}

run_bochs() {
  cd "$work"
  echo "$BASHPID" >"$work/bochs.pid"
  run bochs-bin -q -f "$work/bochsrc" -rc "$work/start" <"$work/debugger" >"$work/vmm" 2>"$work/emulator.out" 7<&-
}

# The same, on the caller's terminal: script(1) has a terminal of its own for the serial port, and passes everything through.
machine_start_interactive() {
  export -f run_bochs run write_bochsrc
  export work machine_memory cpu disk
  # Functions come through bash alone: script(1) runs $SHELL, and dash drops them.
  SHELL=$BASH run script -q -f -e -c 'write_bochsrc "mode=term, dev=$(tty)"; run_bochs' /dev/null
}

# What the CPU is doing, in the words of Bochs' debugger; then $work/memory is part of the machine's memory.
machine_state() {
  local direct=0xffff888000000000 # Linux' map of all memory, with nokaslr: Documentation/arch/x86/x86_64/mm.rst
  ! grep -q -a '^VMM STOPPED' "$work/vmm.raw" || direct=0 # the rig's VMM, whose linear addresses are physical ones
  local commands=(sreg creg "print-stack 8" "u /8" "info cpu" "writemem \"$work/memory\" $direct $((96 << 20))") from i
  from=$(stat -c %s "$work/vmm.raw")
  kill -INT "$(cat "$work/bochs.pid")" 2>/dev/null || return 0
  printf '%s\n' "${commands[@]}" >&7
  for i in {1..60}; do # there is one more prompt than commands when all are done
    [ "$(tail -c "+$((from + 1))" "$work/vmm.raw" | grep -a -o '<bochs:' | wc -l)" -le ${#commands[@]} ] || break
    sleep 0.5
  done
  tail -c "+$((from + 1))" "$work/vmm.raw" | grep -a -v -E '^(MM|VMM|XMM|YMM)\['
}

machine_end() {
  [ ! -s "$work/bochs.log" ] || tail -n 5 "$work/bochs.log"
}
