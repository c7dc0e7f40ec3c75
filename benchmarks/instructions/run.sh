#!/bin/bash
# Instructions of one letterbox on aarch64, ours and OpenCV's, counted under qemu-user.
#
#   QEMU=qemu-aarch64 ROOT=folder SITE=folder benchmarks/instructions/run.sh
#
# QEMU: a qemu-user with plugins (Debian's qemu-user; qemu-user-static has none). ROOT: a tree with
# the arm64 usr/bin/python3.11 and its libraries; SITE: a folder with the aarch64 numpy and
# opencv-python-headless. A number is half the difference of three calls and one.
set -eu
: "${QEMU:=qemu-aarch64}" "${CXX:=aarch64-linux-gnu-g++}"
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gcc -shared -fPIC -O2 -o "$work/count.so" "$here/count.c"

flags="-std=c++20 -O3 -ffp-contract=off -Icsrc -Icsrc/include -DFL_VERSION=0"
for part in capi/core capi/frame capi/letterbox_call core/one_tier pixels/letterbox \
  pixels/picture_rows pixels/resize_area pixels/resize_linear pixels/colour \
  pixels/{letterbox,resize,yuv,row}_kernels_oracle; do
  $CXX $flags -c -o "$work/${part//\//-}.o" "csrc/$part.cpp"
done
for part in letterbox resize yuv row; do
  $CXX $flags -DFL_TIER=baseline -c -o "$work/$part-tier.o" "csrc/pixels/${part}_kernels_tier.cpp"
done
$CXX $flags -static -o "$work/letterbox" "$here/letterbox.cpp" "$work"/*.o

count() {  # of three calls less one, halved
  local one three
  one=$("$@" 1 2>&1 | sed -n 's/^instructions: //p')
  three=$("$@" 3 2>&1 | sed -n 's/^instructions: //p')
  echo $(((three - one) / 2))
}
ours() { "$QEMU" -plugin "file=$work/count.so" "$work/letterbox" "$@"; }
theirs() {
  PYTHONPATH="$SITE" PYTHONDONTWRITEBYTECODE=1 "$QEMU" -L "$ROOT" -plugin "file=$work/count.so" \
    "$ROOT/usr/bin/python3.11" "$here/opencv.py" "$@"
}
printf '%-6s %-5s %-7s %12s %12s\n' frame side resize fastlabel OpenCV
for what in "nv12 640 linear" "bgr 640 linear" "nv12 416 linear" "bgr 416 linear" \
  "nv12 640 area" "bgr 640 area"; do
  # shellcheck disable=SC2086
  printf '%-6s %-5s %-7s %12s %12s\n' $what "$(count ours $what)" "$(count theirs $what)"
done
