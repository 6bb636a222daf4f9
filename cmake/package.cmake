# A deb and an rpm of what cmake/install.cmake installs: cpack -G DEB, cpack -G RPM.
set(CPACK_PACKAGE_NAME mongoferry)
set(CPACK_PACKAGE_VENDOR "mongoferry")
set(FERRY_MAINTAINER "mongoferry maintainers <maintainers@mongoferry.invalid>" CACHE STRING "The packages' maintainer")
set(CPACK_PACKAGE_CONTACT ${FERRY_MAINTAINER})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "moves a running MongoDB replica set to another one")
set(FERRY_DESCRIPTION "mongoferry copies all data of a MongoDB replica set to another one. Then it
replays the source's oplog until the cut-over, while clients go on writing.
It compares both sides, and takes the command lines of mongomirror.")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION ${FERRY_DESCRIPTION})
set(CPACK_RPM_PACKAGE_DESCRIPTION ${FERRY_DESCRIPTION})
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_SET_DESTDIR ON) # for the paths outside of the prefix: /etc
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/package_files.cmake)
set(CPACK_FERRY_SOURCE ${PROJECT_SOURCE_DIR})

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(FERRY_DEBIAN ${PROJECT_SOURCE_DIR}/contrib/debian)
file(WRITE ${CMAKE_BINARY_DIR}/conffiles "/etc/mongoferry/example.yaml\n")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${CMAKE_BINARY_DIR}/conffiles ${FERRY_DEBIAN}/postinst ${FERRY_DEBIAN}/prerm ${FERRY_DEBIAN}/postrm)

set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_LICENSE Apache-2.0)
set(CPACK_RPM_PACKAGE_GROUP Applications/Databases)
set(CPACK_RPM_PACKAGE_SUMMARY "Moves a running MongoDB replica set to another one")
set(CPACK_RPM_PACKAGE_RELOCATABLE OFF)
set(CPACK_RPM_POST_INSTALL_SCRIPT_FILE ${PROJECT_SOURCE_DIR}/contrib/rpm/reload)
set(CPACK_RPM_PRE_UNINSTALL_SCRIPT_FILE ${PROJECT_SOURCE_DIR}/contrib/rpm/preun)
set(CPACK_RPM_POST_UNINSTALL_SCRIPT_FILE ${PROJECT_SOURCE_DIR}/contrib/rpm/reload)
set(CPACK_RPM_USER_FILELIST "%config(noreplace) /etc/mongoferry/example.yaml")
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION
  /etc /usr/lib/systemd /usr/lib/systemd/system /usr/share/man /usr/share/man/man1 /usr/share/doc
  /usr/share/bash-completion /usr/share/bash-completion/completions /usr/share/fish /usr/share/fish/vendor_completions.d
  /usr/share/zsh /usr/share/zsh/site-functions)
include(CPack)
