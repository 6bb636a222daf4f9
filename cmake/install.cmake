# What `cmake --install`, `make install` and the packages install. With the prefix /usr the configuration is in /etc.
include(GNUInstallDirs)
set(FERRY_DOC ${CMAKE_INSTALL_DATAROOTDIR}/doc/mongoferry)

find_program(FERRY_GZIP gzip REQUIRED)
add_custom_command(OUTPUT ${FERRY_MANUAL}.gz COMMAND ${FERRY_GZIP} -9nkf ${FERRY_MANUAL} DEPENDS ${FERRY_MANUAL} VERBATIM)
add_custom_target(manual_compressed ALL DEPENDS ${FERRY_MANUAL}.gz)

install(TARGETS mongoferry)
install(FILES ${FERRY_MANUAL}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${FERRY_COMPLETIONS}/mongoferry DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/bash-completion/completions)
install(FILES ${FERRY_COMPLETIONS}/_mongoferry DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/zsh/site-functions)
install(FILES ${FERRY_COMPLETIONS}/mongoferry.fish DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/fish/vendor_completions.d)
file(GLOB FERRY_NOTICES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/NOTICE* ${PROJECT_SOURCE_DIR}/THIRD*PARTY*)
install(FILES ${FERRY_NOTICES} ${CMAKE_BINARY_DIR}/mongoferry.cdx.json README.md CHANGELOG.md SECURITY.md CONTRIBUTING.md DESTINATION ${FERRY_DOC})
install(DIRECTORY docs DESTINATION ${FERRY_DOC} FILES_MATCHING PATTERN *.md)
install(DIRECTORY contrib/grafana contrib/prometheus contrib/kubernetes DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/mongoferry
  PATTERN *.test.yml EXCLUDE)

# The unit names the installed paths, which are known when it is installed.
install(CODE "set(unit \"${CMAKE_BINARY_DIR}/mongoferry@.service\")
  set(bindir \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
  set(example \"${PROJECT_SOURCE_DIR}/contrib/mongoferry.yaml\")")
install(SCRIPT cmake/install_unit.cmake)
