# Installs the systemd unit, with the paths under CMAKE_INSTALL_PREFIX in it, and the example of its configuration.
# unit: where to make it, from ${unit}.in; bindir: where the program is; example: the configuration.
string(REGEX REPLACE "/$" "" prefix "${CMAKE_INSTALL_PREFIX}")
if(prefix STREQUAL "/usr")
  set(sysconfdir /etc)
else()
  set(sysconfdir ${prefix}/etc)
endif()
configure_file(${unit}.in ${unit} @ONLY)
file(INSTALL ${unit} DESTINATION ${prefix}/lib/systemd/system)
file(INSTALL ${example} DESTINATION ${sysconfdir}/mongoferry RENAME example.yaml
  PERMISSIONS OWNER_READ OWNER_WRITE)
