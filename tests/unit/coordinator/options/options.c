#include <criterion/criterion.h>

#include "coordinator/options/uri.h"

#define PARSE(...)                                                                                                     \
  const char *argv[] = {__VA_ARGS__};                                                                                  \
  struct options options;                                                                                              \
  struct error error;                                                                                                  \
  bool ok = options_parse(&options, command_at(COMMAND_MIGRATE), (int)(sizeof argv / sizeof *argv),                    \
                          (char **)(uintptr_t)argv, &error)

Test(options, the_seeds_own_command_line)
{
  PARSE("--host", "MySourceRS/a:1,b:2", "--ssl", "true", "--username", "mySourceUser", "--password", "mySourceP@$$word",
        "--authenticationDatabase", "admin", "--destination=myAtlasRS/c:3,d:4", "--destinationUsername", "u",
        "--destinationPassword", "p", "-j", "8");
  cr_assert(ok);
  cr_assert(options.ssl);
  cr_assert_eq(options.collections_at_once, 8);
  char *uri = uri_make(&options, URI_SOURCE, &error);
  cr_assert_str_eq(uri, "mongodb://mySourceUser:mySourceP%40%24%24word@a:1,b:2/"
                        "?replicaSet=MySourceRS&authSource=admin&tls=true&compressors=snappy,zstd,zlib");
  free(uri);
  options_clear(&options);
}

Test(options, one_host_is_a_direct_connection)
{
  PARSE("--host", "h:1", "--destination", "mongodb://x/?replicaSet=r&compressors=snappy,zstd,zlib");
  cr_assert(ok);
  char *uri = uri_make(&options, URI_SOURCE, &error);
  cr_assert_str_eq(uri, "mongodb://h:1/?directConnection=true&compressors=snappy,zstd,zlib");
  free(uri);
  uri = uri_make(&options, URI_TARGET, &error);
  cr_assert_str_eq(uri, "mongodb://x/?replicaSet=r&compressors=snappy,zstd,zlib");
  free(uri);
  options_clear(&options);
}

Test(options, the_same_twice_is_fine)
{
  PARSE("--host", "r/h:1", "--destination", "r/h:2", "--host", "r/h:1", "--workers", "4", "--workers=04", "--drop",
        "--drop", "true", "-j", "2", "--numParallelCollections", "2", "--includeDB", "a", "--includeDB", "b",
        "--readPreference", "x", "--readPreference", "y", "--sslAllowInvalidHostnames");
  cr_assert(ok, "%s", error.text);
  cr_assert_eq(options.workers, 4);
  cr_assert_eq(options.include_dbs.count, 2);
  options_clear(&options);
}

#define REFUSED(name, word, ...)                                                                                       \
  Test(options_refused, name)                                                                                          \
  {                                                                                                                    \
    PARSE("--host", "r/h:1", "--destination", "r/h:2", __VA_ARGS__);                                                   \
    cr_assert_not(ok);                                                                                                 \
    cr_assert_eq(error.kind, ERROR_USAGE);                                                                             \
    cr_assert_not_null(strstr(error.text, word), "%s", error.text);                                                    \
    options_clear(&options);                                                                                           \
  }

REFUSED(unknown, "--frobnicate", "--frobnicate")
REFUSED(value_missing, "--bookmarkFile", "--bookmarkFile")
REFUSED(number_wrong, "--workers", "--workers", "many")
REFUSED(number_out_of_range, "--workers", "--workers", "1000")
REFUSED(flag_wrong, "--drop", "--drop=perhaps")
REFUSED(namespace_without_dot, "--includeNamespace", "--includeNamespace", "x")
REFUSED(twice_with_other_values, "--bookmarkFile", "--bookmarkFile", "a", "--bookmarkFile", "b")
REFUSED(number_twice, "--workers is given twice", "--workers", "4", "--workers", "5")
REFUSED(the_default_and_another, "--rangeMB is given twice", "--rangeMB", "64", "--rangeMB", "65")
REFUSED(flag_twice, "--drop is given twice", "--drop", "--drop=false")
REFUSED(short_and_long, "--numParallelCollections is given twice", "-j4", "--numParallelCollections", "5")
REFUSED(two_ways, "--password and --passwordFd", "--password", "x", "--passwordFd", "3")
REFUSED(two_addresses, "--host and --uri", "--uri", "mongodb://h/")
REFUSED(descriptor_wrong, "--passwordFd", "--passwordFd", "-1")
REFUSED(mechanism_wrong, "--authenticationMechanism", "--authenticationMechanism", "scram")
REFUSED(compressor_wrong, "--compressors", "--compressors", "snappy,,zlib")
REFUSED(no_compressor, "--compressors", "--compressors", "none,snappy")
REFUSED(two_mechanisms_of_the_target, "--destinationAwsSessionToken", "--destinationAwsSessionToken", "t",
        "--destinationGssapiHostName", "s")
REFUSED(word, "word 5", "stray")
REFUSED(two_mechanisms, "--awsSessionToken", "--awsSessionToken", "t", "--gssapiServiceName", "s")

Test(options, help_fits_eighty_columns)
{
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  options_help(out);
  fclose(out);
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    cr_assert_leq(strlen(line), 80, "%s", line);
  }
  free(text);
}
