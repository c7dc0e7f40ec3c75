# Linux on 64-bit ARM: Raspberry Pi 3 and later with a 64-bit system, Jetson, gateways.
#   cmake -S fastlabel -B build --toolchain cmake/toolchains/aarch64-linux-gnu.cmake
# Debian, Ubuntu: apt-get install g++-aarch64-linux-gnu, and qemu-user-static for the tests.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
# The tests then run here. "max" has SVE; FASTLABEL_ISA=baseline has them run without.
find_program(FASTLABEL_QEMU_AARCH64 NAMES qemu-aarch64-static qemu-aarch64)
if(FASTLABEL_QEMU_AARCH64 AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
  set(CMAKE_CROSSCOMPILING_EMULATOR
    "${FASTLABEL_QEMU_AARCH64};-cpu;max;-L;/usr/aarch64-linux-gnu")
endif()
