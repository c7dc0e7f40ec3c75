#!/usr/bin/env bash
# Runs fastlabel on emulated ARM processors and compares what it says with this machine.
#   tools/wheels/test-arm.sh          what CI runs
#   tools/wheels/test-arm.sh all      also more tests, all C tests on 32 bits, and the 32-bit wheel
#                                     with Debian's NumPy
#
# The wheel for aarch64 goes into Debian's arm64 Python, unpacked under build/arm and run by
# qemu-user: no root, no container, nothing of the system changed. PYTHON has the build tools
# (tools/wheels/requirements.txt); NATIVE, else PYTHON, has this machine's fastlabel.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
PYTHON=${PYTHON:-python3}
NATIVE=${NATIVE:-$PYTHON}
WORK=${WORK:-$root/build/wheels}
ARM=${ARM:-$root/build/arm}
which=${1:-ci}
export PYTHON WORK OUT=$ARM/dist

skip() {
  printf '%s\n' "" "**********************************************************************" \
    "SKIPPED: the tests on emulated ARM. $1" \
    "**********************************************************************" "" >&2
  exit 0
}
qemu64=$(command -v qemu-aarch64-static || command -v qemu-aarch64) || skip "There is no qemu-aarch64."
qemu32=$(command -v qemu-arm-static || command -v qemu-arm) || skip "There is no qemu-arm."
for tool in aarch64-linux-gnu-g++ arm-linux-gnueabihf-g++ apt-get dpkg dpkg-source; do
  command -v $tool >/dev/null || skip "There is no $tool."
done
mkdir -p "$ARM" "$OUT" "$WORK"
# shellcheck source=tools/wheels/debian.sh
. "$here/debian.sh"
version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
started=$SECONDS

# step NAME LIMIT COMMAND...: with a time limit, for an emulated program may spin for ever; its
# output is shown when it fails, and its last line when it does not.
step() {
  local name=$1 limit=$2 from=$SECONDS log=$ARM/step.log status=0
  shift 2
  timeout --kill-after=10 "$limit" "$@" >"$log" 2>&1 </dev/null || status=$?
  if [ "$status" != 0 ]; then
    tail -60 "$log" >&2
    [ "$status" != 124 ] || echo "stopped after $limit s" >&2
    echo "FAILED  $name" >&2
    exit 1
  fi
  printf 'ok  %-42s %4d s  %s\n' "$name" $((SECONDS - from)) "$(tail -1 "$log")"
}

PACKAGES="python$version-minimal libpython$version-minimal libpython$version-stdlib libc6 libgcc-s1
  libstdc++6 zlib1g libexpat1 libssl3 libffi8 libbz2-1.0 liblzma5 libsqlite3-0 libuuid1 libcrypt1"

# emulated NAME EMULATOR CPU ROOT SITE: $ARM/NAME runs that machine's Python. A script, so that
# programs which the tests start by sys.executable are emulated too.
emulated() {
  cat >"$ARM/$1" <<EOF
#!/bin/sh
export OPENBLAS_NUM_THREADS=1
exec $2 -cpu $3 -L $4 -0 "\$0" -E PYTHONHOME=$4/usr \\
  -E PYTHONPATH=$5\${PYTHONPATH:+:\$PYTHONPATH} $4/usr/bin/python$version "\$@"
EOF
  chmod +x "$ARM/$1"
}

# Packages for that machine; compiled here, which is the same bytecode and ten times as fast.
packages_for() { # packages_for PROCESSOR FOLDER REQUIREMENT...
  local processor=$1 folder=$2
  shift 2
  [ "$(cat "$folder/.wanted" 2>/dev/null)" != "$*" ] || return 0
  rm -rf "$folder"
  "$PYTHON" -m pip install -q --disable-pip-version-check --target "$folder" --only-binary=:all: \
    --python-version "$version" --implementation cp --platform "manylinux_2_28_$processor" \
    --platform "manylinux_2_27_$processor" --platform "manylinux_2_17_$processor" \
    --platform "manylinux2014_$processor" "$@" || return 1
  printf '%s' "$*" >"$folder/.wanted"
}

unpacked() { # unpacked WHEEL FOLDER
  rm -rf "$2"
  "$PYTHON" -m zipfile -e "$1" "$2"
  "$PYTHON" -m compileall -q "$2"
}

# ---- what is needed ------------------------------------------------------------------------
step "aarch64 wheel by cross gcc" 1500 "$here/build.sh" gcc-aarch64
wheel=$(ls -t "$OUT"/fastlabel-*_aarch64.whl | head -1)
"$PYTHON" "$here/table.py" "$wheel"

fetch() {
  deb_tree arm64 "$ARM/root-arm64" $PACKAGES || return 1
  "$PYTHON" -m compileall -q "$ARM/root-arm64/usr/lib/python$version" || true
  # What the dependencies of the wheel are, is the wheel's to say.
  packages_for aarch64 "$ARM/site" $("$PYTHON" "$here/needs.py" "$wheel" aarch64) \
    pytest hypothesis xxhash scipy shapely pillow || return 1
  packages_for aarch64 "$ARM/site-numpy" numpy || return 1
}
fetch || skip "Debian's arm64 Python, or packages for it, could not be fetched."
unpacked "$wheel" "$ARM/fastlabel-arm64"
emulated python-neon "$qemu64" cortex-a57 "$ARM/root-arm64" "$ARM/fastlabel-arm64:$ARM/site"
emulated python-sve "$qemu64" max "$ARM/root-arm64" "$ARM/fastlabel-arm64:$ARM/site"
emulated python-alone "$qemu64" cortex-a57 "$ARM/root-arm64" \
  "$ARM/fastlabel-arm64:$ARM/site-numpy"

# ---- the same outputs ----------------------------------------------------------------------
outputs=$root/tests/device/kernel_outputs.py
export FASTLABEL_CACHE=off
step "kernels here" 300 "$NATIVE" "$outputs" --write "$ARM/here.npz"
for kind in neon sve; do
  step "kernels, $kind" 400 "$ARM/python-$kind" "$outputs" --write "$ARM/$kind.npz"
done
step "kernels, NumPy alone" 400 "$ARM/python-alone" "$outputs" --write "$ARM/alone.npz"
step "the same as here" 60 "$NATIVE" "$outputs" \
  "$ARM/here.npz" "$ARM/neon.npz" "$ARM/sve.npz" "$ARM/alone.npz"

check() { # check NAME PYTHON
  "$2" -m fastlabel check "$ARM/sample" --deploy edge-640 --fail-on never --out "$ARM/report-$1"
}
same_tables() { # byte for byte: every table of the report
  local table
  for table in "$ARM/report-$1"/*.parquet; do cmp "$table" "$ARM/report-$2/$(basename "$table")"; done
  echo "$(ls "$ARM/report-$1"/*.parquet | wc -l) tables, every byte"
}
export -f check same_tables
export ARM
rm -rf "$ARM/sample" "$ARM"/report-*
step "sample set" 300 "$NATIVE" -m fastlabel sample "$ARM/sample"
step "check here" 300 bash -ec "check here $NATIVE"
for kind in neon sve; do
  step "check, $kind" 600 bash -ec "check $kind $ARM/python-$kind"
  step "its tables are those made here" 20 bash -ec "same_tables here $kind"
done

# ---- the tests -----------------------------------------------------------------------------
tests() { (cd "$root" && "$ARM/python-$1" -m pytest -q -p no:cacheprovider -p no:xdist "${@:2}"); }
export -f tests
export root
step "kernel tests, sve" 600 bash -ec \
  "tests sve tests/isa tests/boxes/test_nms_basic.py tests/pixels/test_pixel_stats.py"
if [ "$which" = all ]; then
  step "kernel tests, all, neon" 3000 bash -ec \
    "tests neon tests/isa tests/boxes tests/pixels tests/tables tests/merge/test_merge_oracle.py"
fi

# ---- 32 bits -------------------------------------------------------------------------------
# CI builds what devices of 32 bits run, the edge profile; `all` builds everything.
armhf() {
  local options=-DFASTLABEL_PROFILE=edge
  local toolchain=-DCMAKE_TOOLCHAIN_FILE=$root/cmake/toolchains/armhf-linux-gnueabihf.cmake
  if [ "$which" = all ]; then
    . "$here/libraries.sh"
    quietly() { "${@:2}"; }
    libraries gcc-armv7l armv7l "$toolchain"
    options="-DFASTLABEL_JPEG_INCLUDE=$WORK/gcc-armv7l/include
      -DFASTLABEL_JPEG_ARCHIVE=$WORK/gcc-armv7l/libjpeg.a
      -DFASTLABEL_SIMDJSON_INCLUDE=$WORK/gcc-armv7l/include
      -DFASTLABEL_SIMDJSON_LIBRARY=$WORK/gcc-armv7l/libsimdjson.a"
  fi
  # shellcheck disable=SC2086
  cmake -S "$root" -B "$ARM/armhf-$which" -G Ninja "$toolchain" -DFASTLABEL_TESTS=ON $options
  cmake --build "$ARM/armhf-$which"
}
export -f armhf deb_tree deb_source apt_ready
export here which
PATH=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("scripts"))'):$PATH
export PATH
step "armhf C tests: build" 1200 bash -ec armhf
# box_pairs takes three minutes here.
slow=box_pairs
[ "$which" = ci ] || slow=none
step "armhf C tests: run" 900 ctest --test-dir "$ARM/armhf-$which" --timeout 600 -j2 \
  --output-on-failure -E "^$slow$"

if [ "$which" = all ]; then
  step "armv7l wheel by cross gcc" 1500 "$here/build.sh" gcc-armv7l
  wheel=$(ls -t "$OUT"/fastlabel-*_armv7l.whl | head -1)
  "$PYTHON" "$here/table.py" "$wheel"
  deb_tree armhf "$ARM/root-armhf" $PACKAGES python3-numpy libblas3 liblapack3 libgfortran5
  "$PYTHON" -m compileall -q "$ARM/root-armhf/usr/lib" || true
  unpacked "$wheel" "$ARM/fastlabel-armhf"
  # Where the loader looks; which of several BLAS is in use, a system would have a link for.
  libraries=$ARM/root-armhf/usr/lib/arm-linux-gnueabihf
  ln -sf "$libraries/blas/libblas.so.3" "$libraries/lapack/liblapack.so.3" "$libraries/"
  emulated python-armhf "$qemu32" max "$ARM/root-armhf" \
    "$ARM/fastlabel-armhf:$ARM/root-armhf/usr/lib/python3/dist-packages"
  step "kernels, armhf, NumPy alone" 300 "$ARM/python-armhf" "$outputs" --write "$ARM/armhf.npz"
  step "the same as here" 60 "$NATIVE" "$outputs" "$ARM/here.npz" "$ARM/armhf.npz"
fi
echo "emulated ARM: all passed in $((SECONDS - started)) s"
