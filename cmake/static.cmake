# libfastlabel.a: one object in which only the names of the C ABI are left, so that nothing inside
# meets a name of the program it goes into. Its sections stay apart: a program linked with
# -Wl,--gc-sections keeps what it calls.

# What a C program has to name besides: the C++ runtime this compiler links by itself.
set(FASTLABEL_CXX_RUNTIME ${CMAKE_CXX_IMPLICIT_LINK_LIBRARIES})
list(REMOVE_ITEM FASTLABEL_CXX_RUNTIME ${CMAKE_C_IMPLICIT_LINK_LIBRARIES} gcc gcc_s c)
if(NOT FASTLABEL_CXX_RUNTIME)  # a compiler that does not tell, such as those of bare metal
  set(FASTLABEL_CXX_RUNTIME stdc++)
endif()
list(APPEND FASTLABEL_CXX_RUNTIME m)
list(REMOVE_DUPLICATES FASTLABEL_CXX_RUNTIME)

set(FASTLABEL_ARCHIVE ${CMAKE_CURRENT_BINARY_DIR}/libfastlabel.a)
set(whole ${CMAKE_CURRENT_BINARY_DIR}/fastlabel_whole.o)
separate_arguments(flags UNIX_COMMAND "${CMAKE_CXX_FLAGS}")
if(CMAKE_OBJCOPY)
  add_custom_command(OUTPUT ${FASTLABEL_ARCHIVE}
    COMMAND ${CMAKE_CXX_COMPILER} ${flags} -r -nostdlib -Wl,--force-group-allocation
      -o ${whole} ${fastlabel_objects}
    COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=fl_* ${whole}
    COMMAND ${CMAKE_COMMAND} -E rm -f ${FASTLABEL_ARCHIVE}
    COMMAND ${CMAKE_AR} qc ${FASTLABEL_ARCHIVE} ${whole}
    COMMAND ${CMAKE_RANLIB} ${FASTLABEL_ARCHIVE}
    DEPENDS fastlabel_core ${fastlabel_objects}
    COMMENT "Linking static library libfastlabel.a"
    COMMAND_EXPAND_LISTS VERBATIM)
else()
  message(FATAL_ERROR "fastlabel needs objcopy (binutils) for its static library; "
    "-DFASTLABEL_STATIC=OFF does without.")
endif()
add_custom_target(fastlabel_archive ALL DEPENDS ${FASTLABEL_ARCHIVE})

# For a project that takes the sources in by add_subdirectory.
add_library(fastlabel_static INTERFACE)
add_library(fastlabel::static ALIAS fastlabel_static)
add_dependencies(fastlabel_static fastlabel_archive)
target_include_directories(fastlabel_static INTERFACE
  $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/csrc/include>)
target_link_libraries(fastlabel_static INTERFACE
  ${FASTLABEL_ARCHIVE} ${fastlabel_needs} ${FASTLABEL_CXX_RUNTIME})
if(FASTLABEL_EDGE)
  target_compile_definitions(fastlabel_static INTERFACE FL_PROFILE_EDGE)
endif()
