# The two libraries of the full profile: libjpeg-turbo and simdjson.

# ---- libjpeg-turbo: the static archive where it can go into a shared library -----------
# Debian's archive is built for programs: all of it but its default error handler may go into
# a shared library, and csrc/codec brings its own handler.
find_path(FASTLABEL_JPEG_INCLUDE jpeglib.h)
find_library(FASTLABEL_JPEG_ARCHIVE NAMES libturbojpeg.a)
find_library(FASTLABEL_JPEG_SHARED NAMES jpeg)
set(how_to_get_jpeg
  "  Debian, Ubuntu:  apt-get install libjpeg-dev libturbojpeg0-dev\n"
  "  Fedora:          dnf install libjpeg-turbo-devel")
if(NOT FASTLABEL_JPEG_INCLUDE OR NOT (FASTLABEL_JPEG_ARCHIVE OR FASTLABEL_JPEG_SHARED))
  message(FATAL_ERROR
    "fastlabel needs libjpeg-turbo with its headers (jpeglib.h), and did not find it.\n"
    ${how_to_get_jpeg})
endif()
include(CheckCXXSourceCompiles)
function(fastlabel_try_jpeg library result)
  set(CMAKE_REQUIRED_INCLUDES ${FASTLABEL_JPEG_INCLUDE})
  set(CMAKE_REQUIRED_LIBRARIES ${library})
  # Linked as a shared object: an archive that is not position independent fails here.
  set(CMAKE_REQUIRED_FLAGS -fPIC)
  set(CMAKE_REQUIRED_LINK_OPTIONS -shared -Wl,-z,defs)
  check_cxx_source_compiles("
    #include <cstddef>
    #include <cstdio>
    #include <jpeglib.h>
    #ifndef LIBJPEG_TURBO_VERSION
    #error not libjpeg-turbo
    #endif
    const unsigned char byte = 0;
    void decode(jpeg_decompress_struct* d, JSAMPARRAY rows) {
      jpeg_create_decompress(d);
      jpeg_mem_src(d, &byte, 1);
      jpeg_read_header(d, TRUE);
      jpeg_start_decompress(d);
      jpeg_read_scanlines(d, rows, 1);
      jpeg_read_raw_data(d, &rows, 1);
      jpeg_destroy_decompress(d);
    }
    int main() { return sizeof(&decode) == 0; }" ${result})
endfunction()
if(FASTLABEL_JPEG_ARCHIVE)
  fastlabel_try_jpeg(${FASTLABEL_JPEG_ARCHIVE} FASTLABEL_JPEG_ARCHIVE_WORKS)
endif()
if(FASTLABEL_JPEG_ARCHIVE_WORKS)
  set(FASTLABEL_JPEG_LIBRARY ${FASTLABEL_JPEG_ARCHIVE})
else()
  if(FASTLABEL_JPEG_SHARED)
    fastlabel_try_jpeg(${FASTLABEL_JPEG_SHARED} FASTLABEL_JPEG_SHARED_WORKS)
  endif()
  if(NOT FASTLABEL_JPEG_SHARED_WORKS)
    message(FATAL_ERROR
      "fastlabel needs libjpeg-turbo; what is in ${FASTLABEL_JPEG_INCLUDE} is another libjpeg "
      "or does not link.\n" ${how_to_get_jpeg})
  endif()
  set(FASTLABEL_JPEG_LIBRARY ${FASTLABEL_JPEG_SHARED})
endif()
message(STATUS "libjpeg-turbo: ${FASTLABEL_JPEG_LIBRARY}")

# ---- simdjson: finds the tokens of label files ----------------------------------------------
find_path(FASTLABEL_SIMDJSON_INCLUDE simdjson.h)
find_library(FASTLABEL_SIMDJSON_LIBRARY NAMES simdjson)
if(NOT FASTLABEL_SIMDJSON_INCLUDE OR NOT FASTLABEL_SIMDJSON_LIBRARY)
  message(FATAL_ERROR
    "fastlabel needs simdjson with its header (simdjson.h), and did not find it.\n"
    "  Debian, Ubuntu:  apt-get install libsimdjson-dev\n"
    "  Fedora:          dnf install simdjson-devel")
endif()
message(STATUS "simdjson: ${FASTLABEL_SIMDJSON_LIBRARY}")
