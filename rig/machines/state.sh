# What a machine's memory tells of its kernels. rig/boot sources this.
# shellcheck shell=bash disable=SC2154

log_size=$((128 << 10)) # CONFIG_LOG_BUF_SHIFT=17 of Debian's kernels
log_lines=120

# The logs of the kernels in a dump of memory: each begins with "Linux version", and tells the command line soon after; a host's comes first.
kernel_logs() { # FILE
  local at
  [ -s "$1" ] || return 0
  # Zero bytes end lines, too: a line of an empty memory would be as long as the memory. (The offsets of `grep -z` are wrong.)
  tr '\0' '\n' <"$1" | LC_ALL=C grep -abo 'Linux version [0-9]' | cut -d : -f 1 | while read -r at; do
    head -c "$log_size" < <(tail -c "+$((at + 1))" "$1") | LC_ALL=C tr -c '[:print:]\t' '\n' | grep -E '.{4}' >"$work/kernel.log" || true
    head -n 12 "$work/kernel.log" | grep -q '^Command line: ' || continue # the kernel's own banner, say
    echo "the log of a kernel, its first line and its last $log_lines:"
    head -n 1 "$work/kernel.log"
    tail -n +2 "$work/kernel.log" | tail -n "$log_lines"
  done
  rm -f "$1"
}
