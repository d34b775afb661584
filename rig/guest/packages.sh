# Debian's packages, kept unpacked in a cache of our own: nothing is installed. rig/guest/build and the judges source this.
# shellcheck shell=bash

cache=${HYPERCALL_RIG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hypercall-rig}
offline=${HYPERCALL_RIG_OFFLINE:-0}
mkdir -p "$cache/packages"

say() { printf 'rig/guest: %s\n' "$*"; }
die() { printf 'rig/guest/build: %s\n' "$*" >&2; exit 1; }
not_to_be_had() { printf 'rig/guest/build: %s\n' "$*" >&2; exit 3; }

# Packages, each unpacked into a folder of its own that is only there when it is whole.
fetch() { # NAME... -> prints the folders
  local name folder missing=()
  for name in "$@"; do [ -d "$cache/packages/$name" ] || missing+=("$name"); done
  if [ ${#missing[@]} -ne 0 ]; then
    [ "$offline" != 1 ] || not_to_be_had "not in $cache, and HYPERCALL_RIG_OFFLINE forbids to fetch: ${missing[*]}"
    folder=$(mktemp -d "$cache/fetch.XXXXXX")
    if ! (cd "$folder" && apt-get download -q "${missing[@]}" >apt.log 2>&1); then
      cat "$folder/apt.log" >&2
      rm -rf "$folder"
      not_to_be_had "not to be fetched (apt-get update, as root, may help; a machine without a network needs a filled cache, $cache): ${missing[*]}"
    fi
    for name in "${missing[@]}"; do
      dpkg-deb -x "$folder/${name}"_*.deb "$folder/$name"
      mv "$folder/$name" "$cache/packages/$name" 2>/dev/null || [ -d "$cache/packages/$name" ] # somebody else may have been first
    done
    rm -rf "$folder"
  fi
  for name in "$@"; do printf '%s\n' "$cache/packages/$name"; done
}

# The libraries that a package depends on, and theirs: names of packages, found once and kept.
libraries_of() { # NAME
  local list=$cache/libraries-$1 new=("$1") all=
  if [ ! -s "$list" ]; then
    [ "$offline" != 1 ] || not_to_be_had "the libraries of $1 are not known in $cache, and HYPERCALL_RIG_OFFLINE forbids to ask apt"
    while [ ${#new[@]} -ne 0 ]; do
      mapfile -t new < <(apt-cache depends --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances "${new[@]}" |
        sed -n -E 's/^ +\|?(Pre)?Depends: ((lib|zlib)[^ <>:]*)$/\2/p' | sort -u | grep -vxF "$all" || true)
      [ ${#new[@]} -eq 0 ] || all+=${all:+$'\n'}$(printf '%s\n' "${new[@]}")
    done
    [ -n "$all" ] || not_to_be_had "apt does not know $1: run apt-get update, with the sources of Debian 12"
    sort -u <<<"$all" >"$list.new.$$"
    mv "$list.new.$$" "$list"
  fi
  cat "$list"
}

# The newest kernel of a pattern of apt's, chosen once and kept; with refresh=yes, chosen anew.
newest_kernel() { # FILE PATTERN -> prints its release
  local file=$cache/$1 release
  if [ ! -s "$file" ] || { [ "${refresh:-no}" = yes ] && [ "$offline" != 1 ]; }; then
    [ "$offline" != 1 ] || not_to_be_had "no kernel is in $cache, and HYPERCALL_RIG_OFFLINE forbids to fetch one"
    release=$(apt-cache search --names-only "^linux-image-$2\$" | sed -n 's/^linux-image-\([^ ]*\) .*/\1/p' | sort -V | tail -n 1)
    [ -n "$release" ] || not_to_be_had "apt knows no linux-image-$2: run apt-get update, with the sources of Debian 12"
    printf '%s\n' "$release" >"$file.new.$$"
    mv "$file.new.$$" "$file"
  fi
  cat "$file"
}

# --- what goes into an archive ----------------------------------------------------------------------------------------

# Programs with the libraries that they need, from unpacked packages.
install_programs() { # ROOT PROGRAM... -- PACKAGE-FOLDER...
  local root=$1 queue=() index file name
  shift
  while [ "$1" != -- ]; do queue+=("$1"); shift; done
  shift
  index=$(find "$@" -name '*.so*')
  for file in "${queue[@]}"; do install -D -m 755 "$file" "$root/bin/${file##*/}"; done
  while [ ${#queue[@]} -ne 0 ]; do
    file=${queue[0]}
    queue=("${queue[@]:1}")
    while read -r name; do
      [ ! -e "$root/lib/x86_64-linux-gnu/$name" ] || continue
      file=$(grep -m 1 "/x86_64-linux-gnu/$name\$" <<<"$index" || grep -m 1 "/$name\$" <<<"$index") || die "no package here has the library $name"
      install -D -m 644 "$file" "$root/lib/x86_64-linux-gnu/$name"
      queue+=("$file")
    done < <(LC_ALL=C readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
  done
  mkdir -p "$root/lib64"
  chmod 755 "$root/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
  ln -sf ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 "$root/lib64/ld-linux-x86-64.so.2"
}

depends_of() { # MODULE-FILE -> the modules that it names
  objcopy -O binary --only-section=.modinfo "$1" /dev/stdout | tr '\0' '\n' | sed -n 's/^depends=//p' | tr ',' ' '
}

# Kernel modules, what they depend on, and the list that modprobe reads. A name with a question mark may be missing (or built in).
install_modules() { # ROOT RELEASE FOLDER NAME...
  local root=$1 release=$2 folder=$3 to=$1/lib/modules/$2 name file queue all
  shift 3
  mkdir -p "$to"
  queue="$*"
  while [ -n "$queue" ]; do
    name=${queue%% *}
    if [ "$queue" = "$name" ]; then queue=; else queue=${queue#* }; fi
    [ ! -e "$to/${name%\?}.ko" ] || continue
    file=$(find "$folder" \( -name "${name%\?}.ko" -o -name "${name%\?}.ko.xz" \) -print -quit)
    if [ -z "$file" ]; then
      [ "${name%\?}" != "$name" ] || die "kernel $release has no module $name"
      continue
    fi
    case $file in
      *.xz) xz -dc "$file" >"$to/${name%\?}.ko" ;;
      *) install -m 644 "$file" "$to/${name%\?}.ko" ;;
    esac
    all=$(depends_of "$to/${name%\?}.ko")
    queue="${queue:+$queue }$all"
    queue=${queue% }
  done
  for file in "$to"/*.ko; do # modules.dep names all that is below a module, not only what is right below it
    all= queue=$(depends_of "$file")
    while [ -n "${queue// /}" ]; do
      for name in $queue; do [[ " $all " = *" $name.ko "* ]] || all+=" $name.ko"; done
      queue=$(for name in $queue; do depends_of "$to/$name.ko"; done | tr '\n' ' ')
    done
    printf '%s:%s\n' "${file##*/}" "$all"
  done >"$to/modules.dep"
}

install_busybox() { # ROOT
  local busybox applet
  busybox=$(fetch busybox-static)/bin/busybox
  mkdir -p "$1"/{bin,dev,etc,lib/modules,proc,root,run,sys,tmp}
  install -m 755 "$busybox" "$1/bin/busybox"
  "$busybox" --list | while read -r applet; do
    [ "$applet" = busybox ] || [ -e "$1/bin/$applet" ] || ln -s busybox "$1/bin/$applet"
  done
}

# Times, owners, inode numbers, the order of names and gzip's header are what differs between two builds of the same.
archive() { # ROOT FILE [GZIP-LEVEL]
  find "$1" -exec touch -h -d @0 {} +
  (cd "$1" && find . -mindepth 1 -print0 | LC_ALL=C sort -z | cpio --quiet --null --create --format=newc --owner=0:0 --reproducible) |
    gzip -n "-${3:-9}" >"$2.new"
  mv "$2.new" "$2"
}
