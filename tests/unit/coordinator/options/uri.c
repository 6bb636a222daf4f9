/* The connection strings that the options of the two sides become. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/memory.h"
#include "coordinator/options/uri.h"
#include "server/server.h"

#define WORDS_MOST 16

/* The words after the first are options; compressors are left out so that the rest stands clear. */
static char *
made(enum uri_side side, const char *const *words, struct error *error)
{
  const char *argv[WORDS_MOST + 6] = {"--compressors", "none"};
  int argc = 2;
  struct options options;
  bool source = false;
  bool target = false;
  for (; *words; words++) {
    source = source || strcmp(*words, "--host") == 0 || strcmp(*words, "--uri") == 0;
    target = target || strcmp(*words, "--destination") == 0;
    argv[argc++] = *words;
  }
  argv[argc++] = source ? "--bookmarkFile" : "--host";
  argv[argc++] = source ? "b" : "r/h:1";
  argv[argc++] = target ? "--bookmarkFile" : "--destination";
  argv[argc++] = target ? "b" : "r/h:2";
  char *uri = NULL;
  if (options_parse(&options, command_at(COMMAND_MIGRATE), argc, (char **)(uintptr_t)argv, error)) {
    uri = uri_make(&options, side, error);
  }
  options_clear(&options);
  return uri;
}

static void
expect(enum uri_side side, const char *wanted, const char *const *words)
{
  struct error error = {0};
  char *uri = made(side, words, &error);
  cr_assert_not_null(uri, "%s", error.text);
  cr_assert_str_eq(uri, wanted);
  memory_wipe(uri);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SOURCE(wanted, ...) expect(URI_SOURCE, wanted, WORDS(__VA_ARGS__))
#define TARGET(wanted, ...) expect(URI_TARGET, wanted, WORDS(__VA_ARGS__))

Test(uri, users)
{
  SOURCE("mongodb://u:p%40%3A%2F%25%20%22%C3%A9@h:1/?replicaSet=r&authSource=db", "--username", "u", "--password",
         "p@:/% \"\xc3\xa9", "--authenticationDatabase", "db");
  TARGET("mongodb://u:p@h:2/?replicaSet=r", "--destinationUsername", "u", "--destinationPassword", "p");
}

Test(uri, mechanisms)
{
  SOURCE("mongodb://u:p@h:1/?replicaSet=r&authMechanism=SCRAM-SHA-256", "--username", "u", "--password", "p",
         "--authenticationMechanism", "SCRAM-SHA-256");
  SOURCE("mongodb://u:p@h:1/?replicaSet=r&authSource=%24external&authMechanism=PLAIN", "--username", "u", "--password",
         "p", "--authenticationMechanism", "PLAIN");
  SOURCE("mongodb://u:p@h:1/?replicaSet=r&authSource=db&authMechanism=PLAIN", "--username", "u", "--password", "p",
         "--authenticationMechanism", "PLAIN", "--authenticationDatabase", "db");
  SOURCE("mongodb://u%40REALM@h:1/?replicaSet=r&authSource=%24external&authMechanism=GSSAPI&"
         "authMechanismProperties=SERVICE_NAME%3As",
         "--username", "u@REALM", "--authenticationMechanism", "GSSAPI", "--gssapiServiceName", "s");
  TARGET("mongodb://u@h:2/?replicaSet=r&authSource=%24external&authMechanism=GSSAPI&"
         "authMechanismProperties=SERVICE_NAME%3Amongodb%2Fk.example",
         "--destinationUsername", "u", "--destinationAuthenticationMechanism", "GSSAPI", "--destinationGssapiHostName",
         "k.example");
  TARGET("mongodb://k:s@h:2/?replicaSet=r&authSource=%24external&authMechanism=MONGODB-AWS&"
         "authMechanismProperties=AWS_SESSION_TOKEN%3At%2Bt",
         "--destinationUsername", "k", "--destinationPassword", "s", "--destinationAuthenticationMechanism",
         "MONGODB-IAM", "--destinationAwsSessionToken", "t+t");
  SOURCE("mongodb://h:1/?replicaSet=r&authSource=%24external&authMechanism=MONGODB-X509&tls=true&"
         "tlsCertificateKeyFile=k.pem",
         "--authenticationMechanism", "MONGODB-X509", "--ssl", "--sslPEMKeyFile", "k.pem");
}

Test(uri, tls)
{
  SOURCE("mongodb://h:1/?replicaSet=r&tls=true&tlsCAFile=a%20b&tlsCRLFile=c&tlsInsecure=true", "--ssl", "--sslCAFile",
         "a b", "--sslCRLFile", "c", "--tlsInsecure");
  TARGET("mongodb://a.mongodb.net:2,b.mongodb.net:2/?replicaSet=r&tls=true", "--destination",
         "r/a.mongodb.net:2,b.mongodb.net:2");
  TARGET("mongodb://a.mongodb.net/?replicaSet=r", "--destination", "r/a.mongodb.net", "--destinationSsl", "false");
  TARGET("mongodb://a.mongodb.net.example/?replicaSet=r", "--destination", "r/a.mongodb.net.example");
  SOURCE("mongodb://a.mongodb.net/?replicaSet=r&tls=true", "--host", "r/a.mongodb.net", "--ssl=true");
}

Test(uri, a_uri_is_taken_as_it_is)
{
  SOURCE("mongodb+srv://u:p@x.example.com/?retryWrites=false", "--host",
         "mongodb+srv://u:p@x.example.com/?retryWrites=false");
  SOURCE("mongodb://a,b/db?replicaSet=r&authSource=x", "--uri", "mongodb://a,b/db?replicaSet=r&authSource=x");
  TARGET("mongodb://u:p%2F@a/", "--destination", "mongodb://u:p%2F@a");
}

Test(uri, options_add_to_a_uri)
{
  SOURCE("mongodb://u:p@a/db?tls=true&tlsCAFile=f", "--host", "mongodb://a/db", "--username", "u", "--password", "p",
         "--ssl", "--sslCAFile", "f");
  SOURCE("mongodb://u:p@a/", "--uri", "mongodb://u@a", "--password", "p");
  SOURCE("mongodb://u:p@a/?authMechanism=PLAIN&authSource=%24external", "--uri",
         "mongodb://u:p@a/?authMechanism=PLAIN");
  TARGET("mongodb://a/?tls=true&tlsCAFile=/f", "--destination", "mongodb://a/?tls=true&tlsCAFile=/f",
         "--destinationSsl", "--destinationSslCAFile", "/f");
  TARGET("mongodb://a/?ssl=true", "--destination", "mongodb://a/?ssl=true", "--destinationSsl");
}

static void
refuse(enum uri_side side, const char *word, const char *const *words)
{
  struct error error = {0};
  char *uri = made(side, words, &error);
  cr_assert_null(uri);
  cr_assert_eq(error.kind, ERROR_USAGE);
  cr_assert_not_null(strstr(error.text, word), "%s", error.text);
  cr_assert_null(strstr(error.text, "hush"), "%s", error.text);
}

Test(uri, refused)
{
  refuse(URI_SOURCE, "--username", WORDS("--uri", "mongodb://u:hush@a/", "--username", "u"));
  refuse(URI_SOURCE, "--password", WORDS("--host", "mongodb://u:hush@a/", "--password", "hush"));
  refuse(URI_SOURCE, "--username", WORDS("--password", "hush"));
  refuse(URI_TARGET, "tlsCAFile", WORDS("--destination", "mongodb://a/?tlsCAFile=x", "--destinationSslCAFile", "y"));
  refuse(URI_TARGET, "authMechanism",
         WORDS("--destination", "mongodb://u@a/?authMechanism=GSSAPI", "--destinationAuthenticationMechanism",
               "MONGODB-X509"));
  refuse(URI_SOURCE, "--compressors", WORDS("--uri", "mongodb://a/?compressors=zlib"));
  refuse(URI_SOURCE, "--host", WORDS("--host", "u:hush@a:1"));
  refuse(URI_SOURCE, "--host", WORDS("--host", "a:1,b:2"));
  refuse(URI_SOURCE, "--host", WORDS("--host", "/a:1"));
  refuse(URI_SOURCE, "--uri", WORDS("--uri", "r/a:1"));
  refuse(URI_SOURCE, "source", WORDS("--uri", "mongodb://a:99999/"));
  refuse(URI_TARGET, "target", WORDS("--destination", "mongodb://u:hu/sh@a/"));
}

Test(uri, nothing_is_compressed_that_stays_on_this_machine)
{
  static const char *const near[] = {"r/127.0.0.1:1,127.0.0.1:2", "localhost", "r/localhost:1,127.0.0.2:3",
                                     "mongodb://[::1]:27017/", "mongodb://%2Ftmp%2Fmongodb-1.sock/"};
  static const char *const far[] = {"r/127.0.0.1:1,h:2", "127.example", "localhosts", "mongodb://[::2]/"};
  struct options options;
  struct error error;
  for (size_t i = 0; i < 9; i++) {
    const char *host = i < 5 ? near[i] : far[i - 5];
    const char *argv[] = {"--host", host, "--destination", "r/h"};
    cr_assert(options_parse(&options, command_at(COMMAND_MIGRATE), 4, (char **)(uintptr_t)argv, &error), "%s",
              error.text);
    char *uri = uri_make(&options, URI_SOURCE, &error);
    cr_assert(uri && (strstr(uri, "compressors=") != NULL) == (i >= 5), "%s: %s", host, uri);
    memory_wipe(uri);
    options_clear(&options);
  }
}

Test(uri, the_default_compressors)
{
  const char *argv[] = {"--host", "r/h", "--destination", "mongodb://h/?compressors=zlib"};
  struct options options;
  struct error error;
  cr_assert(options_parse(&options, command_at(COMMAND_MIGRATE), 4, (char **)(uintptr_t)argv, &error));
  char *uri = uri_make(&options, URI_SOURCE, &error);
  cr_assert_str_eq(uri, "mongodb://h/?replicaSet=r&compressors=snappy,zstd,zlib");
  free(uri);
  uri = uri_make(&options, URI_TARGET, &error);
  cr_assert_str_eq(uri, "mongodb://h/?compressors=zlib");
  free(uri);
  options_clear(&options);
}

Test(uri, who_lacks_a_password)
{
  static const struct {
    const char *words[5];
    const char *user; /* NULL: nobody */
  } cases[] = {
    {{"--username", "u"}, "u"},
    {{"--username", "u", "--password", "p"}, NULL},
    {{"--username", "u", "--authenticationMechanism", "GSSAPI"}, NULL},
    {{"--username", "u", "--authenticationMechanism", "MONGODB-X509"}, NULL},
    {{"--username", "u", "--authenticationMechanism", "MONGODB-IAM"}, "u"},
    {{"--uri", "mongodb://v@h/"}, "v"},
    {{"--uri", "mongodb://v:@h/"}, NULL},
    {{"--uri", "mongodb://v@h/?authMechanism=MONGODB-X509"}, NULL},
    {{"--uri", "mongodb://h/"}, NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *argv[8] = {"--destination", "r/h"};
    int argc = 2;
    struct options options;
    struct error error;
    char user[20] = "";
    for (; cases[i].words[argc - 2]; argc++) {
      argv[argc] = cases[i].words[argc - 2];
    }
    if (strcmp(argv[2], "--uri") != 0) {
      argv[argc++] = "--host";
      argv[argc++] = "r/h";
    }
    cr_assert(options_parse(&options, command_at(COMMAND_MIGRATE), argc, (char **)(uintptr_t)argv, &error), "%s",
              error.text);
    cr_assert_eq(uri_lacks_password(&options, URI_SOURCE, user, sizeof user), cases[i].user != NULL, "case %zu", i);
    cr_assert_str_eq(user, cases[i].user ? cases[i].user : "");
    options_clear(&options);
  }
}

Test(uri, the_revocation_list_is_found)
{
  char *file = server_uri_crl("mongodb://h/?a=b&tlsCRLFile=%2Fa%20b&c=d");
  cr_assert_str_eq(file, "/a b");
  free(file);
  cr_assert_null(server_uri_crl("mongodb://h/?x=tlsCRLFile"));
}
