# The version and the revision that `--version` tells. A source tarball has both in the file .release. In git the version is
# that of the newest tag vX.Y.Z, annotated or not, and the revision what `git describe` says; both are asked again whenever HEAD moves.
# With neither, the version is this one.
set(FERRY_VERSION 0.1.0)
set(FERRY_REVISION "no revision")
get_filename_component(FERRY_ROOT ${CMAKE_CURRENT_LIST_DIR} DIRECTORY)

function(ferry_git variable)
  execute_process(COMMAND ${GIT_EXECUTABLE} ${ARGN} WORKING_DIRECTORY ${FERRY_ROOT} OUTPUT_VARIABLE said
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  set(${variable} "${said}" PARENT_SCOPE)
endfunction()

find_package(Git QUIET)
if(EXISTS ${FERRY_ROOT}/.release)
  file(STRINGS ${FERRY_ROOT}/.release FERRY_RELEASE)
  list(GET FERRY_RELEASE 0 FERRY_VERSION)
  list(GET FERRY_RELEASE 1 FERRY_REVISION)
elseif(GIT_FOUND AND EXISTS ${FERRY_ROOT}/.git)
  ferry_git(FERRY_TAG describe --tags --match "v[0-9]*.[0-9]*.[0-9]*" --exclude "v*[!0-9.]*" --abbrev=0)
  if(FERRY_TAG MATCHES "^v([0-9]+[.][0-9]+[.][0-9]+)$")
    set(FERRY_VERSION ${CMAKE_MATCH_1})
  endif()
  ferry_git(FERRY_DESCRIBED describe --tags --always --dirty)
  if(FERRY_DESCRIBED)
    set(FERRY_REVISION ${FERRY_DESCRIBED})
  endif()
  ferry_git(FERRY_HEAD rev-parse --git-path logs/HEAD)
  get_filename_component(FERRY_HEAD "${FERRY_HEAD}" ABSOLUTE BASE_DIR ${FERRY_ROOT})
  if(EXISTS ${FERRY_HEAD} AND NOT CMAKE_SCRIPT_MODE_FILE)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${FERRY_HEAD})
  endif()
endif()
if(CMAKE_SCRIPT_MODE_FILE) # for scripts/release.sh: cmake -P cmake/version.cmake
  execute_process(COMMAND ${CMAKE_COMMAND} -E echo ${FERRY_VERSION})
endif()
