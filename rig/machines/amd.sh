# An AMD CPU with SVM: QEMU (TCG). rig/boot sources this; what a machine must define is in rig/judges/README.md.
# shellcheck shell=bash disable=SC2034,SC2154

needs="qemu-system-x86_64 setpriv"
packages="qemu-system-x86"
usual_cpu=EPYC,+svm,+npt
vmport=off # a judge may turn it on
what=()

machine_linux() { # KERNEL INITRD COMMAND-LINE
  what=(-kernel "$1" -initrd "$2" -append "$3")
}

machine_multiboot() { # ELF COMMAND-LINE "MODULE WORDS"...
  local elf=$1 words=$2 module modules=
  shift 2
  for module in "$@"; do modules+=${modules:+,}${module//,/,,}; done
  what=(-kernel "$elf" ${words:+-append "$words"} -initrd "$modules")
}

machine_disk() { # FILE
  what=(-drive "file=$1,format=raw,if=ide,snapshot=on")
}

machine_prepare() {
  mkfifo "$work/monitor.in" "$work/monitor.out"
}

# Standard input and output are the guest's serial port; port 0xe9 goes to $work/vmm.
machine_start() {
  # smm=off: SeaBIOS' system management mode and a VMM under it do not go together.
  run qemu-system-x86_64 -accel tcg -cpu "$cpu" -machine "pc,smm=off,vmport=$vmport" -m "$machine_memory" -nodefaults -display none -no-reboot \
    -chardev stdio,id=console,signal=off -serial chardev:console -device isa-debug-exit,iobase=0xf4,iosize=4 \
    -chardev "file,id=vmm,path=$work/vmm" -device isa-debugcon,iobase=0xe9,chardev=vmm \
    -chardev "pipe,id=monitor,path=$work/monitor" -mon chardev=monitor,mode=readline -d cpu_reset -D "$work/resets" "${what[@]}"
}

machine_start_interactive() { # the same, on the caller's terminal, which QEMU sets to raw
  machine_start
}

# What the CPU is doing, in QEMU's words; then $work/memory is the machine's memory.
machine_state() {
  local line
  exec 7<>"$work/monitor.in" 8<>"$work/monitor.out"
  printf '%s\n' stop 'info status' 'info registers' 'x/8i $eip' "pmemsave 0 $((machine_memory << 20)) \"$work/memory\"" 'info version' >&7
  while IFS= read -r -t 30 line <&8; do
    line=${line%$'\r'}
    case $line in
      "(qemu)"* | *$'\e'*) ;; # what was typed
      [0-9].* | [0-9][0-9].*) break ;; # the version: the last answer
      FPR?=* | XMM??=* | YMM??=*) ;; # nobody asks
      *) printf '%s\n' "$line" ;;
    esac
  done
  exec 7>&- 8<&-
}

# Why an emulator ended by itself.
machine_end() {
  grep -v -E '^(FPR|XMM|FCW|DR|CC)' "$work/resets" 2>/dev/null | tail -n 16 # QEMU's log of CPU resets: a triple fault is one
}
