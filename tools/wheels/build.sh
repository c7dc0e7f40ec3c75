#!/usr/bin/env bash
# Builds wheels of fastlabel for the machines it runs on, on one Debian machine, without containers.
#   tools/wheels/build.sh TARGET...        the wheels go to dist/, all that they are built of to build/wheels/
#
#   x86_64 aarch64 armv7l                  for any Linux with glibc 2.17 or later, by zig
#   musl-x86_64 musl-aarch64               for Alpine and its kind, by zig
#   gcc-x86_64 gcc-aarch64 gcc-armv7l      by Debian's compilers: quick to build, need a glibc as new
#   sdist                                  the source, and a wheel built of nothing else to prove it
#
# PYTHON names the interpreter that the wheels are for and that has the tools (tools/wheels/requirements.txt);
# `make wheels` makes one. OUT and WORK move the two folders.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
PYTHON=${PYTHON:-python3}
OUT=${OUT:-$root/dist}
WORK=${WORK:-$root/build/wheels}
mkdir -p "$OUT" "$WORK"
OUT=$(cd "$OUT" && pwd) WORK=$(cd "$WORK" && pwd)
# shellcheck source=tools/wheels/debian.sh
. "$here/debian.sh"
# shellcheck source=tools/wheels/libraries.sh
. "$here/libraries.sh"

# The tools of that interpreter, before those of the system.
PATH=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("scripts"))'):$PATH
export PATH
version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')

quietly() { # quietly LOG COMMAND...: the output is kept, and shown when it failed
  local log=$1
  shift
  "$@" >>"$log" 2>&1 || {
    tail -40 "$log" >&2
    echo "failed: $* (all of it: $log)" >&2
    return 1
  }
}

zig_compilers() { # zig_compilers FOLDER TRIPLE FLAGS...: cc, c++, ar and ranlib as CMake wants them
  local folder=$1 triple=$2
  shift 2
  local zig
  zig=$("$PYTHON" -c 'import pathlib, ziglang; print(pathlib.Path(ziglang.__file__).parent / "zig")')
  mkdir -p "$folder"
  local tool
  for tool in cc c++; do
    # It names processors in its own way, where gcc and clang agree with each other.
    cat >"$folder/$tool" <<EOF
#!/bin/sh
for argument; do
  shift
  case \$argument in
    -march=x86-64-v?) argument=-mcpu=x86_64_v\${argument#-march=x86-64-v} ;;
    -march=armv8-a+*) argument=-mcpu=generic+\${argument#-march=armv8-a+} ;;
  esac
  set -- "\$@" "\$argument"
done
exec $zig $tool -target $triple $* "\$@"
EOF
  done
  for tool in ar ranlib; do
    printf '#!/bin/sh\nexec %s %s "$@"\n' "$zig" "$tool" >"$folder/$tool"
  done
  chmod +x "$folder"/*
}

wheel() { # wheel TARGET: of the tree, for one target
  local target=$1 processor=${1#*-} libc=gnu glibc=2.17 by=zig
  case $target in
    musl-*) libc=musl ;;
    gcc-*) by=gcc ;;
  esac
  local debian triple float=""
  case $processor in
    x86_64) debian=amd64 ;;
    aarch64) debian=arm64 ;;
    armv7l) debian=armhf float=eabihf ;;
  esac
  local out=$WORK/$target
  mkdir -p "$out"

  # Python.h is Debian's own for that machine; its folder holds no header of a C library.
  local python=$WORK/python-$processor
  deb_tree "$debian" "$python" "libpython$version-dev"
  triple=${processor/armv7l/arm}-linux-$libc$float
  local toolchain=$out/toolchain.cmake cross=() define=()
  if [ "$by" = zig ]; then
    local flags=() named=$triple
    [ "$libc" = musl ] || named=$triple.$glibc
    [ "$processor" != armv7l ] || flags=(-mcpu=generic+v7a+neon) # as the toolchain file has it
    zig_compilers "$out/bin" "$named" "${flags[@]}"
    cat >"$toolchain" <<EOF
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR $processor)
set(CMAKE_C_COMPILER $out/bin/cc)
set(CMAKE_CXX_COMPILER $out/bin/c++)
set(CMAKE_AR $out/bin/ar)
set(CMAKE_RANLIB $out/bin/ranlib)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
EOF
    define=(CMAKE_DISABLE_PRECOMPILE_HEADERS=ON) # zig reads none
  elif [ "$processor" = x86_64 ]; then
    toolchain=""
  else
    toolchain=$root/cmake/toolchains/$(case $processor in
      aarch64) echo aarch64-linux-gnu ;;
      armv7l) echo armhf-linux-gnueabihf ;;
    esac).cmake
  fi
  [ -z "$toolchain" ] || cross=(-DCMAKE_TOOLCHAIN_FILE="$toolchain")

  libraries "$target" "$processor" "${cross[@]}"

  define+=(
    "FASTLABEL_JPEG_INCLUDE=$out/include" "FASTLABEL_JPEG_ARCHIVE=$out/libjpeg.a"
    "FASTLABEL_SIMDJSON_INCLUDE=$out/include" "FASTLABEL_SIMDJSON_LIBRARY=$out/libsimdjson.a"
  )
  local named_for=() settings=()
  if [ -n "$toolchain" ]; then
    # What tells the build backend the names of the wheel and of the modules in it.
    named_for=(
      "_PYTHON_HOST_PLATFORM=linux-$processor"
      "SETUPTOOLS_EXT_SUFFIX=.cpython-${version/./}-${triple}.so"
    )
    define+=(
      "CMAKE_TOOLCHAIN_FILE=$toolchain" "Python_INCLUDE_DIR=$python/usr/include/python$version"
      "CMAKE_CXX_FLAGS=-isystem $python/usr/include" "CMAKE_C_FLAGS=-isystem $python/usr/include"
    )
  fi
  local setting
  for setting in "${define[@]}"; do settings+=(-C "cmake.define.$setting"); done
  rm -rf "$out/wheel" "$out/tagged"
  quietly "$out/wheel.log" env "${named_for[@]}" "$PYTHON" -m pip wheel "$root" --no-deps \
    --no-build-isolation -w "$out/wheel" -C build-dir="$out/build" -C install.strip=true "${settings[@]}"
  built+=("$("$PYTHON" "$here/tag.py" "$out/wheel/"*.whl "$OUT")")
}

sdist() {
  rm -rf "$WORK/sdist"
  mkdir -p "$WORK/sdist"
  (cd "$root" && quietly "$WORK/sdist/log" "$PYTHON" -c "
import sys
from scikit_build_core.build import build_sdist
build_sdist(sys.argv[1])" "$OUT")
  local source
  source=$(ls -t "$OUT"/fastlabel-*.tar.gz | head -1)
  quietly "$WORK/sdist/log" "$PYTHON" -m pip wheel "$source" --no-deps --no-build-isolation \
    -w "$WORK/sdist/wheel"
  echo "$source: builds $(basename "$WORK/sdist/wheel/"*.whl)"
}

main() {
  [ $# -gt 0 ] || { sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 2; }
  built=()
  for target in "$@"; do
    case $target in
      sdist) sdist ;;
      x86_64 | aarch64 | armv7l | musl-x86_64 | musl-aarch64 | gcc-x86_64 | gcc-aarch64 | gcc-armv7l)
        wheel "$target"
        ;;
      *)
        echo "no such target: $target; one of x86_64 aarch64 armv7l musl-x86_64 musl-aarch64" \
          "gcc-x86_64 gcc-aarch64 gcc-armv7l sdist" >&2
        exit 2
        ;;
    esac
  done
  [ ${#built[@]} = 0 ] || "$PYTHON" "$here/table.py" "${built[@]}"
}
main "$@"
exit 0
