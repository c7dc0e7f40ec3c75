# Headers, libraries, CMake package and pkg-config files, into ${libdir} and its companions.

# The edge profile's headers say so themselves, and those of what it lacks are not there: they are
# what fastlabel.h includes between #ifndef FL_PROFILE_EDGE and #endif.
set(left_out "")
if(FASTLABEL_EDGE)
  file(STRINGS csrc/include/fastlabel/fastlabel.h lines)
  set(inside OFF)
  foreach(line IN LISTS lines)
    if(line MATCHES "^#ifndef FL_PROFILE_EDGE")
      set(inside ON)
    elseif(line MATCHES "^#endif")
      set(inside OFF)
    elseif(inside AND line MATCHES "\"fastlabel/(.*)\"")
      list(APPEND left_out PATTERN ${CMAKE_MATCH_1} EXCLUDE)
    endif()
  endforeach()
  list(APPEND left_out PATTERN profile.h EXCLUDE)
  file(READ csrc/include/fastlabel/profile.h text)
  string(REPLACE "/* #define FL_PROFILE_EDGE */" "#define FL_PROFILE_EDGE" text "${text}")
  file(CONFIGURE OUTPUT profile.h CONTENT "${text}" @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/profile.h DESTINATION ${includedir}/fastlabel)
endif()
install(DIRECTORY csrc/include/fastlabel DESTINATION ${includedir}
  FILES_MATCHING PATTERN "*.h" ${left_out})

include(CMakePackageConfigHelpers)
# Relative to the .pc file, so that the tree may be moved.
file(RELATIVE_PATH up_to_libdir /${pkgconfigdir} /${libdir})
file(RELATIVE_PATH up_to_includedir /${pkgconfigdir} /${includedir})
set(static_needs "")
if(TARGET fastlabel_archive)
  set(static_needs ${FASTLABEL_CXX_RUNTIME})
  if(NOT FASTLABEL_EDGE)
    list(PREPEND static_needs jpeg simdjson pthread)
  endif()
  list(JOIN static_needs " -l" static_libs)
  set(static_libs "-l${static_libs}")
  file(RELATIVE_PATH static_up_to_libdir /${cmakedir} /${libdir})
  file(RELATIVE_PATH static_up_to_includedir /${cmakedir} /${includedir})
  configure_file(cmake/fastlabelStatic.cmake.in fastlabelStatic.cmake @ONLY)
  configure_file(cmake/fastlabel-static.pc.in fastlabel-static.pc @ONLY)
  install(FILES ${FASTLABEL_ARCHIVE} DESTINATION ${libdir})
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/fastlabelStatic.cmake DESTINATION ${cmakedir})
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/fastlabel-static.pc DESTINATION ${pkgconfigdir})
endif()
if(TARGET fastlabel)
  install(TARGETS fastlabel EXPORT fastlabelTargets
    LIBRARY DESTINATION ${libdir} INCLUDES DESTINATION ${includedir})
  install(EXPORT fastlabelTargets NAMESPACE fastlabel:: DESTINATION ${cmakedir})
endif()
configure_package_config_file(cmake/fastlabelConfig.cmake.in fastlabelConfig.cmake
  INSTALL_DESTINATION ${cmakedir} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change the surface.
write_basic_package_version_file(fastlabelConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/fastlabelConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/fastlabelConfigVersion.cmake DESTINATION ${cmakedir})
configure_file(cmake/fastlabel.pc.in fastlabel.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/fastlabel.pc DESTINATION ${pkgconfigdir})
