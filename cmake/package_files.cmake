# What a deb has and an installation from source has not; cpack runs it when all is in the folder that it packs.
if(NOT CPACK_GENERATOR STREQUAL "DEB")
  return()
endif()
set(share ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share)
set(doc ${share}/doc/mongoferry)
file(COPY ${CPACK_FERRY_SOURCE}/contrib/debian/copyright DESTINATION ${doc})
file(REMOVE ${doc}/LICENSE)
# Debian's names: of the changelog, and of the folder with completions of zsh
execute_process(COMMAND gzip -9n ${doc}/CHANGELOG.md COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${doc}/CHANGELOG.md.gz ${doc}/changelog.gz)
file(RENAME ${share}/zsh/site-functions ${share}/zsh/vendor-completions)

string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC)
set(version ${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})
file(WRITE ${doc}/changelog.Debian "mongoferry (${version}) bookworm; urgency=medium

  * See changelog.gz.

 -- ${CPACK_PACKAGE_CONTACT}  ${now}
")
execute_process(COMMAND gzip -9n ${doc}/changelog.Debian COMMAND_ERROR_IS_FATAL ANY)
configure_file(${CPACK_FERRY_SOURCE}/contrib/debian/overrides ${share}/lintian/overrides/mongoferry COPYONLY)
