# Debian's packages for another architecture, and their sources, without installing anything and
# without root: apt with lists and a cache of its own, beside the system's. Sourced, with $WORK set.
#   deb_tree ARCH FOLDER PACKAGE...    unpacks packages into a folder
#   deb_source PACKAGE FOLDER          unpacks a source package, with Debian's patches

# Sets APT_CONFIG. The places to fetch from are the system's, read where the system keeps them.
apt_ready() {
  [ -z "${apt_is_ready:-}" ] || return 0
  local apt=$WORK/apt
  mkdir -p "$apt/sources" "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/debs"
  cat >"$apt/apt.conf" <<EOF
Dir::Etc::SourceList "$apt/sources.list";
Dir::Etc::SourceParts "$apt/sources";
Dir::State::Lists "$apt/lists";
Dir::Cache "$apt/cache";
APT::Architectures { "amd64"; "arm64"; "armhf"; };
APT::Sandbox::User "";
Acquire::Retries "3";
EOF
  export APT_CONFIG=$apt/apt.conf
  apt_is_ready=yes
  # A day-old list serves: asking again costs seconds and the network.
  if [ -z "$(find "$apt/updated" -mmin -1440 2>/dev/null)" ]; then
    # Only Debian's own lists have all architectures; each is asked for its sources too.
    : >"$apt/sources.list"
    if [ -f /etc/apt/sources.list ]; then
      sed -n 's/^deb \(.*debian.*\)/deb \1\ndeb-src \1/p' /etc/apt/sources.list >"$apt/sources.list"
    fi
    if [ -f /etc/apt/sources.list.d/debian.sources ]; then
      sed 's/^Types: deb$/Types: deb deb-src/' /etc/apt/sources.list.d/debian.sources \
        >"$apt/sources/debian.sources"
    fi
    # One list of many may be out of step with its index for a while: what is missing shows later.
    apt-get -qq update >"$apt/update.log" 2>&1 || true
    touch "$apt/updated"
  fi
}

deb_tree() {
  local arch=$1 folder=$2
  shift 2
  local stamp="$folder/.debs" wanted="$*"
  [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
  apt_ready
  local debs
  debs=$(mktemp -d "$WORK/apt/debs/XXXXXX")
  (cd "$debs" && apt-get -qq download $(printf "%s:$arch " "$@") >>"$WORK/apt/download.log" 2>&1) || {
    tail -5 "$WORK/apt/download.log" >&2
    echo "apt-get could not fetch $wanted for $arch" >&2
    return 1
  }
  mkdir -p "$folder"
  local deb
  for deb in "$debs"/*.deb; do dpkg -x "$deb" "$folder"; done
  rm -rf "$debs"
  printf '%s' "$wanted" >"$stamp"
}

deb_source() {
  local package=$1 folder=$2
  [ ! -d "$folder" ] || return 0
  apt_ready
  local debs
  debs=$(mktemp -d "$WORK/apt/debs/XXXXXX")
  (cd "$debs" && apt-get -qq source --download-only "$package" >>"$WORK/apt/download.log" 2>&1) || {
    tail -5 "$WORK/apt/download.log" >&2
    echo "apt-get could not fetch the source of $package" >&2
    return 1
  }
  # dpkg-source checks the sums of the archives that apt checked the signature of.
  dpkg-source --no-check -x "$debs"/*.dsc "$folder" >"$debs/log" 2>&1 || { cat "$debs/log" >&2; return 1; }
  rm -rf "$debs"
}
