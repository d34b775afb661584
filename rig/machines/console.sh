# Follows a machine until it ends, and decides what its end means. rig/boot sources this.
# shellcheck shell=bash disable=SC2034,SC2154

exit_code=
panic='^VMM PANIC: |^\(XEN\) Panic on CPU|Kernel panic - not syncing'
take_line() { # decides what the run's end means
  case $1 in
    "VMM PANIC: "* | "(XEN) Panic on CPU"*) exit_code=1 ;;
    *"rig: done 0") exit_code=${exit_code:-0} ;;
    *"rig: done "[0-9]*) exit_code=${exit_code:-3} ;;
    *"Kernel panic - not syncing"*) exit_code=${exit_code:-5} ;;
  esac
}

# guest: the console; vmm: port 0xe9 (on Bochs with all that it says itself); log: both, by whole lines.
# Open for both directions, so that nobody waits for the other to open.
mkfifo "$work/guest" "$work/vmm" "$work/log" "$work/typed"
exec 3<>"$work/log" 4<>"$work/guest" 5<>"$work/vmm" 6<>"$work/typed"
: >"$work/vmm.raw"
only_vmm='/^(vmm|guest|VMM PANIC): |^VMM STOPPED/'

show() {
  printf '%s\n' "$1"
  [ "$serial" = /dev/null ] || printf '%s\n' "$1" >>"$serial"
}

line=
follow() { # SECONDS: shows what comes within that time; fails at the end of it
  local part= status=0
  IFS= read -r -t "$1" part <&3 || status=$?
  line+=$part
  [ $status -eq 0 ] || return 1
  show "$line"
  take_line "$line"
  line=
}

is_running() { kill -0 "$emulator_pid" 2>/dev/null; }

tell_state() { # WHY
  local why=$1 text until=$((SECONDS + 5))
  is_running || return 0
  show "state: $why, after $SECONDS s; what the machine says of itself:"
  if [ -n "$keys" ] && [ "$machine" = amd ]; then # on Bochs nobody can type
    # shellcheck disable=SC2059 # it is a format
    printf "$keys" >&6
    while [ "$SECONDS" -lt "$until" ]; do follow 0.5 || true; done
  fi
  [ -z "$line" ] || { show "$line"; line=; }
  while IFS= read -r text; do show "state: $text"; done < <(machine_state; kernel_logs "$work/memory")
  show "state: end"
}

told_to_end() {
  trap '' TERM HUP
  tell_state "told to end"
  exit 143
}

# The log on standard output; nobody types.
listen() {
  local ends_at=$timeout had told=
  trap told_to_end TERM HUP
  # A guest in a guest ends a line with two carriage returns.
  run sed -u 's/\r*$//' <"$work/guest" >&3 3<&- 4<&- 5<&- 6<&- &
  helper_pids+=($!)
  (run tee -a "$work/vmm.raw" <"$work/vmm" 3<&- 4<&- 5<&- 6<&-) > >(run sed -u -n -E "${only_vmm}p" >&3 4<&- 5<&- 6<&-) &
  helper_pids+=($!)
  machine_start <"$work/typed" >&4 2>"$work/emulator.out" 3<&- 5<&- 6<&- &
  emulator_pid=$!
  while is_running; do
    had=$exit_code
    follow 0.3 || true
    # A machine that is done gets a while to power off; one that panicked, to say why.
    if [ -z "$had" ] && [ -n "$exit_code" ]; then
      ends_at=$((SECONDS + 20))
      case $exit_code in 1 | 5) told="it panicked" ends_at=$((SECONDS + 2)) ;; esac
    elif [ "$SECONDS" -ge "$ends_at" ]; then
      if [ -z "$exit_code" ]; then exit_code=124 told="no end within $timeout s"; fi
      [ -z "$told" ] || tell_state "$told"
      break
    fi
  done
  { kill -9 "$emulator_pid" && wait "$emulator_pid"; } 2>/dev/null || true
  exec 4<&- 5<&- # the end of input: a last line without an end comes out
  for pid in "${helper_pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  while follow 0.3; do :; done
  [ -z "$line" ] || { show "$line"; take_line "$line"; }
}

# The console on standard input and output, for a person or a program that types.
talk() {
  trap 'keys= told_to_end >&2' TERM HUP
  : >"$work/lines"
  (run tee -a "$work/vmm.raw" <"$work/vmm" 3<&- 4<&- 5<&- 6<&-) > >(run sed -u -n -E "${only_vmm}s/\$/\r/p" >&2 3<&- 4<&- 5<&- 6<&-) &
  helper_pids+=($!)
  run tee "$work/lines" "$serial" <"$work/guest" 3<&- 4<&- 5<&- 6<&- &
  helper_pids+=($!)
  machine_start_interactive <&0 >&4 2>"$work/emulator.out" 3<&- 5<&- 6<&- &
  emulator_pid=$!
  while is_running && [ "$SECONDS" -lt "$timeout" ] && ! grep -q -a -E "$panic" "$work/vmm.raw" "$work/lines"; do read -r -t 0.3 <&3 || true; done
  if is_running; then
    keys= # they would be the person's
    if [ "$SECONDS" -ge "$timeout" ]; then
      exit_code=124
      tell_state "no end within $timeout s" >&2
    else
      sleep 2 # it says why
      tell_state "it panicked" >&2
    fi
    { kill -9 "$emulator_pid" && wait "$emulator_pid"; } 2>/dev/null || true
  fi
  exec 4<&- 5<&-
  for pid in "${helper_pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  while IFS= read -r line; do take_line "${line%%$'\r'*}"; done < <(cat "$work/vmm.raw" "$work/lines" | tr -d '\000')
}
