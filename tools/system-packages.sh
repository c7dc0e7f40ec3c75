#!/bin/sh
# Installs what the build needs from the system, where apt can; else says what is missing.
#   tools/system-packages.sh [browser] [cortex-m] [arm] [wheels]
# "browser" also asks for Chromium, which only the browser tests need; "cortex-m" for the compiler
# and the emulator of microcontrollers; "arm" for the cross compilers and the emulator of
# `make test-arm`; "wheels" for what unpacks Debian's sources.
set -eu
PYTHON=${PYTHON:-python3}
packages=""
missing=""

need() { # need NAME PACKAGES: remembers what to install
  missing="$missing $1"
  packages="$packages $2"
}

command -v c++ >/dev/null 2>&1 || need "a C++ compiler" "g++"
if ! command -v "$PYTHON" >/dev/null 2>&1; then
  need "Python 3.11 or later" "python3 python3-venv python3-dev"
else
  "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "fastlabel needs Python 3.11 or later; $PYTHON is $("$PYTHON" -V 2>&1)." >&2
    echo "Name another one: make demo PYTHON=python3.12" >&2
    exit 1
  }
  "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || need "venv" "python3-venv"
  "$PYTHON" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' ||
    need "Python.h" "python3-dev"
fi

# The headers, and an archive or library to link.
has_jpeg=no
if command -v c++ >/dev/null 2>&1; then
  work=$(mktemp -d)
  printf '#include <cstddef>\n#include <cstdio>\n#include <jpeglib.h>\n#ifndef LIBJPEG_TURBO_VERSION\n#error\n#endif\nint main() { return jpeg_std_error == nullptr; }\n' >"$work/t.cpp"
  if c++ "$work/t.cpp" -ljpeg -o "$work/t" 2>/dev/null; then has_jpeg=yes; fi
  rm -rf "$work"
fi
[ "$has_jpeg" = yes ] || need "libjpeg-turbo" "libjpeg-dev libturbojpeg0-dev"
has_simdjson=no
if command -v c++ >/dev/null 2>&1; then
  work=$(mktemp -d)
  printf '#include <simdjson.h>\nint main() { return simdjson::get_active_implementation() == nullptr; }\n' >"$work/t.cpp"
  if c++ -std=c++17 "$work/t.cpp" -lsimdjson -o "$work/t" 2>/dev/null; then has_simdjson=yes; fi
  rm -rf "$work"
fi
[ "$has_simdjson" = yes ] || need "simdjson" "libsimdjson-dev"

# With the archive the wheel carries its own codec; without it the system's library is linked.
archive=no
if [ "$has_jpeg" = yes ]; then
  case $(c++ -print-file-name=libturbojpeg.a) in
    libturbojpeg.a) archive=yes ;; # the bare name back: not found
  esac
fi

# Each is named by what is missing, so that a machine that has them is asked for nothing.
extra=""
want() { # want PROGRAM PACKAGE...
  program=$1
  shift
  command -v "$program" >/dev/null 2>&1 || extra="$extra $*"
}

install() { # install PACKAGES...: as root, or through sudo
  if [ "$(id -u)" = 0 ]; then
    run=""
  elif command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    run="sudo"
  else
    return 1
  fi
  command -v apt-get >/dev/null 2>&1 || return 1
  echo "installing:$*" >&2
  # The list may be old or empty on a new machine.
  $run env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 update >/dev/null || true
  # shellcheck disable=SC2086
  $run env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 \
    --no-install-recommends install $* >/dev/null
}

if [ -n "$packages" ] && ! install "$packages"; then
  echo "missing:$missing" >&2
  echo "Install it, for example on Debian or Ubuntu:" >&2
  echo "  sudo apt-get install$packages" >&2
  exit 1
fi
if [ "$archive" = yes ] && ! install " libturbojpeg0-dev"; then
  echo "no libturbojpeg.a here: the system's libjpeg will be linked, not carried along" >&2
fi
for what in "$@"; do
  extra=""
  lost="the tests that need it will be skipped"
  case $what in
    browser)
      command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 ||
        want chromium chromium
      ;;
    cortex-m)
      want arm-none-eabi-g++ gcc-arm-none-eabi libnewlib-arm-none-eabi \
        libstdc++-arm-none-eabi-newlib
      want qemu-system-arm qemu-system-arm
      ;;
    arm)
      want aarch64-linux-gnu-g++ g++-aarch64-linux-gnu
      want arm-linux-gnueabihf-g++ g++-arm-linux-gnueabihf
      want qemu-aarch64-static qemu-user-static
      want dpkg-source dpkg-dev
      ;;
    wheels)
      want dpkg-source dpkg-dev
      lost=""
      ;;
    *)
      echo "$0: $what is none of browser, cortex-m, arm, wheels" >&2
      exit 2
      ;;
  esac
  [ -n "$extra" ] || continue
  install "$extra" && continue
  echo "missing:$extra (apt-get install$extra)${lost:+: $lost}" >&2
  [ -n "$lost" ] || exit 1
done
