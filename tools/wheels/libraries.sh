# libjpeg-turbo and simdjson as archives for one target, from Debian's sources. Sourced.
#   libraries TARGET PROCESSOR CMAKE-ARGUMENT...    -> $WORK/TARGET/lib*.a, $WORK/TARGET/include

libraries() {
  local target=$1 processor=$2
  shift 2
  local out=$WORK/$target
  if [ -f "$out/libjpeg.a" ] && [ -f "$out/libsimdjson.a" ]; then return 0; fi
  deb_source libjpeg-turbo "$WORK/libjpeg-turbo"
  deb_source simdjson "$WORK/simdjson"
  mkdir -p "$out/include"
  # Both were written for older CMakes.
  local common=(-G Ninja -DCMAKE_POLICY_VERSION_MINIMUM=3.5 -DCMAKE_BUILD_TYPE=Release -DCMAKE_POSITION_INDEPENDENT_CODE=ON "$@")

  local assembler=()
  if [ "$processor" = x86_64 ]; then # its fast decoder is written for an assembler
    if ! command -v nasm >/dev/null; then
      deb_tree amd64 "$WORK/nasm" nasm
      assembler=(-DCMAKE_ASM_NASM_COMPILER="$WORK/nasm/usr/bin/nasm")
    fi
  fi
  # The calls of version 6.2 of the library, as Debian has them, and no programs.
  quietly "$out/libjpeg.log" cmake -S "$WORK/libjpeg-turbo" -B "$out/libjpeg" "${common[@]}" \
    "${assembler[@]}" -DENABLE_SHARED=OFF -DWITH_TURBOJPEG=OFF -DREQUIRE_SIMD=ON
  quietly "$out/libjpeg.log" cmake --build "$out/libjpeg" --target jpeg-static
  cp "$out/libjpeg/libjpeg.a" "$out/"
  cp "$WORK/libjpeg-turbo/"{jpeglib,jmorecfg,jerror}.h "$out/libjpeg/jconfig.h" "$out/include/"

  quietly "$out/simdjson.log" cmake -S "$WORK/simdjson" -B "$out/simdjson" "${common[@]}" \
    -DBUILD_SHARED_LIBS=OFF -DSIMDJSON_DEVELOPER_MODE=OFF
  quietly "$out/simdjson.log" cmake --build "$out/simdjson" --target simdjson
  cp "$out/simdjson/libsimdjson.a" "$out/"
  cp -r "$WORK/simdjson/include/"* "$out/include/"
}
