#include <criterion/criterion.h>

#include "coordinator/options.h"

#define PARSE(...)                                                                                                     \
  const char *argv[] = {__VA_ARGS__};                                                                                  \
  struct options options;                                                                                              \
  struct error error;                                                                                                  \
  bool ok = options_parse(&options, (int)(sizeof argv / sizeof *argv), (char **)(uintptr_t)argv, &error)

Test(options, the_seeds_own_command_line)
{
  PARSE("--host", "MySourceRS/a:1,b:2", "--ssl", "true", "--username", "mySourceUser", "--password", "mySourceP@$$word",
        "--authenticationDatabase", "admin", "--destination=myAtlasRS/c:3,d:4", "--destinationUsername", "u",
        "--destinationPassword", "p", "-j", "8");
  cr_assert(ok);
  cr_assert(options.ssl);
  cr_assert_eq(options.collections_at_once, 8);
  char *uri = options_uri(&options, OPTIONS_SOURCE, &error);
  cr_assert_str_eq(
    uri, "mongodb://mySourceUser:mySourceP%40%24%24word@a:1,b:2/?replicaSet=MySourceRS&authSource=admin&tls=true");
  free(uri);
  options_clear(&options);
}

Test(options, one_host_is_a_direct_connection)
{
  PARSE("--host", "h:1", "--destination", "mongodb://x/?replicaSet=r");
  cr_assert(ok);
  char *uri = options_uri(&options, OPTIONS_SOURCE, &error);
  cr_assert_str_eq(uri, "mongodb://h:1/?directConnection=true");
  free(uri);
  uri = options_uri(&options, OPTIONS_TARGET, &error);
  cr_assert_str_eq(uri, "mongodb://x/?replicaSet=r");
  free(uri);
  options_clear(&options);
}

Test(options, mechanisms_have_their_properties)
{
  PARSE("--host", "r/h:1", "--destination", "r/h:2", "--authenticationMechanism", "MONGODB-IAM", "--awsSessionToken",
        "a b", "--sslAllowInvalidHostnames");
  cr_assert(ok);
  char *uri = options_uri(&options, OPTIONS_SOURCE, &error);
  cr_assert_str_eq(
    uri, "mongodb://h:1/?replicaSet=r&authMechanism=MONGODB-AWS&authMechanismProperties=AWS_SESSION_TOKEN%3Aa%20b&"
         "tlsInsecure=true");
  free(uri);
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
