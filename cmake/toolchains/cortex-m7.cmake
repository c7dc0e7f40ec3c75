# ARM Cortex-M7 with its double-precision floating-point unit, without an operating system.
#   cmake -S fastlabel -B build --toolchain cmake/toolchains/cortex-m7.cmake
# Debian, Ubuntu: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi
#   libstdc++-arm-none-eabi-newlib
# Your program brings the start-up code and the linker script: examples/cortex-m has both.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR cortex-m7)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
# CMake's trial programs would need the linker script.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(FASTLABEL_CORTEX_FLAGS "-mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16 -Wno-psabi")
set(CMAKE_C_FLAGS_INIT "${FASTLABEL_CORTEX_FLAGS}")
set(CMAKE_CXX_FLAGS_INIT "${FASTLABEL_CORTEX_FLAGS}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
