# The libraries that mongoferry is linked with, each once: what pkg-config calls it (the first that is there), its licence
# (SPDX) and its home. The list of parts (SBOM) is made from this table. Tests hold THIRD-PARTY-NOTICES.md to it.
set(FERRY_PARTS "")
function(ferry_part name version licence home)
  if(licence MATCHES " OR | WITH |LicenseRef")
    set(licences "{\"expression\": \"${licence}\"}")
  else()
    set(licences "{\"license\": {\"id\": \"${licence}\"}}")
  endif()
  set(part "    {\n      \"type\": \"library\",\n      \"bom-ref\": \"${name}\",\n      \"name\": \"${name}\",\n      \"version\": \"${version}\",\n")
  string(APPEND part "      \"licenses\": [${licences}],\n      \"externalReferences\": [{\"type\": \"website\", \"url\": \"${home}\"}]\n    }")
  list(APPEND FERRY_PARTS "${part}")
  set(FERRY_PARTS "${FERRY_PARTS}" PARENT_SCOPE)
endfunction()

macro(ferry_uses variable name licence home)
  pkg_search_module(${variable} REQUIRED IMPORTED_TARGET ${ARGN})
  ferry_part(${name} ${${variable}_VERSION} "${licence}" ${home})
endmacro()

ferry_uses(MONGOC libmongoc Apache-2.0 https://www.mongodb.com/docs/languages/c/c-driver/ mongoc2 libmongoc-1.0) # what differs: server/driver.h
ferry_uses(BSON libbson Apache-2.0 https://www.mongodb.com/docs/languages/c/c-driver/ bson2 libbson-1.0)
ferry_uses(UV libuv MIT https://libuv.org/ libuv)
ferry_uses(MICROHTTPD libmicrohttpd LGPL-2.1-or-later https://www.gnu.org/software/libmicrohttpd/ libmicrohttpd)
ferry_uses(ZSTD zstd "BSD-3-Clause OR GPL-2.0-only" https://facebook.github.io/zstd/ libzstd)
ferry_uses(SNAPPY snappy BSD-3-Clause https://google.github.io/snappy/ snappy)
ferry_uses(SQLITE SQLite blessing https://sqlite.org/ sqlite3)
ferry_uses(OPENSSL OpenSSL Apache-2.0 https://www.openssl.org/ openssl)
ferry_uses(YAML libyaml MIT https://pyyaml.org/wiki/LibYAML yaml-0.1)
ferry_uses(CURL libcurl curl https://curl.se/ libcurl)
find_package(leveldb CONFIG REQUIRED) # these two have no pkg-config file
ferry_part(LevelDB ${leveldb_VERSION} BSD-3-Clause https://github.com/google/leveldb)
find_path(FERRY_UTHASH uthash.h REQUIRED)
file(STRINGS ${FERRY_UTHASH}/uthash.h FERRY_UTHASH_VERSION REGEX "define UTHASH_VERSION")
string(REGEX MATCH "[0-9.]+" FERRY_UTHASH_VERSION "${FERRY_UTHASH_VERSION}")
ferry_part(uthash ${FERRY_UTHASH_VERSION} BSD-1-Clause https://troydhanson.github.io/uthash/)

# CycloneDX 1.5, with the versions of this build. No time and no number of its own, so that equal builds have equal ones.
function(ferry_write_sbom file)
  list(JOIN FERRY_PARTS ",\n" parts)
  string(REGEX MATCHALL "\"bom-ref\": \"[^\"]+\"" refs "${FERRY_PARTS}")
  list(TRANSFORM refs REPLACE "\"bom-ref\": " "")
  list(JOIN refs ", " refs)
  file(WRITE ${file} "{
  \"bomFormat\": \"CycloneDX\",
  \"specVersion\": \"1.5\",
  \"version\": 1,
  \"metadata\": {
    \"component\": {
      \"type\": \"application\",
      \"bom-ref\": \"mongoferry\",
      \"name\": \"mongoferry\",
      \"version\": \"${PROJECT_VERSION}\",
      \"licenses\": [{\"license\": {\"id\": \"Apache-2.0\"}}],
      \"properties\": [{\"name\": \"mongoferry:revision\", \"value\": \"${FERRY_REVISION}\"}]
    }
  },
  \"components\": [\n${parts}\n  ],
  \"dependencies\": [{\"ref\": \"mongoferry\", \"dependsOn\": [${refs}]}]
}\n")
endfunction()
