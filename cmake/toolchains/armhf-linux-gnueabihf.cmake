# Linux on 32-bit ARMv7 with hardware floats (Debian's armhf, 32-bit Raspberry Pi OS).
#   cmake -S fastlabel -B build --toolchain cmake/toolchains/armhf-linux-gnueabihf.cmake
# Debian, Ubuntu: apt-get install g++-arm-linux-gnueabihf, and qemu-user-static for the tests.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(CMAKE_C_COMPILER arm-linux-gnueabihf-gcc)
set(CMAKE_CXX_COMPILER arm-linux-gnueabihf-g++)
set(CMAKE_LIBRARY_ARCHITECTURE arm-linux-gnueabihf)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
# NEON: all but the first ARMv7 cores have it (Cortex-A9 without, as in Tegra 2: -mfpu=vfpv3-d16
# in CMAKE_CXX_FLAGS, which stands behind this one). -Wno-psabi: GCC 7's change of a convention
# is no news here.
set(CMAKE_C_FLAGS_INIT "-mfpu=neon -Wno-psabi")
set(CMAKE_CXX_FLAGS_INIT "-mfpu=neon -Wno-psabi")
find_program(FASTLABEL_QEMU_ARM NAMES qemu-arm-static qemu-arm)
if(FASTLABEL_QEMU_ARM AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
  set(CMAKE_CROSSCOMPILING_EMULATOR "${FASTLABEL_QEMU_ARM};-L;/usr/arm-linux-gnueabihf")
endif()
