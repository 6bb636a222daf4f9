/* The --config file: what of YAML is taken, and how it goes together with the command line. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "coordinator/options/options.h"

static char path[] = "/tmp/ferry-config-XXXXXX";

static void
write_file(const char *text, size_t size)
{
  int fd = mkstemp(path);
  cr_assert_geq(fd, 0);
  cr_assert_eq(write(fd, text, size), (ssize_t)size);
  close(fd);
}

/* Parses the file beside the words. */
static bool
parse(const char *text, const char *const *words, struct options *options, struct error *error)
{
  const char *argv[16] = {"--config", path};
  int argc = 2;
  for (; *words; words++) {
    argv[argc++] = *words;
  }
  write_file(text, strlen(text));
  bool ok = options_parse(options, command_at(COMMAND_MIGRATE), argc, (char **)(uintptr_t)argv, error);
  unlink(path);
  return ok;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(config, every_kind_of_value)
{
  struct options options;
  struct error error;
  const char *text = "# what moves\n"
                     "uri: mongodb://a:1/\n"
                     "destination: \"r/b:2\"\n"
                     "password: ' p: # % @ '\n"
                     "destinationPassword: |-\n"
                     "  \xc3\xa9\"'\n"
                     "drop: true\n"
                     "workers: 3\n"
                     "httpStatusPort: \"8080\"\n"
                     "includeDB: [a, b]\n"
                     "excludeNamespace:\n"
                     "  - a.b\n"
                     "  - a.c\n"
                     "includeNamespace: x.y\n";
  cr_assert(parse(text, WORDS("--forceDump"), &options, &error), "%s", error.text);
  cr_assert_str_eq(options.uri, "mongodb://a:1/");
  cr_assert_str_eq(options.password, " p: # % @ ");
  cr_assert_str_eq(options.destination_password, "\xc3\xa9\"'");
  cr_assert(options.drop);
  cr_assert(options.force_dump);
  cr_assert_eq(options.workers, 3);
  cr_assert_eq(options.http_status_port, 8080);
  cr_assert_eq(options.include_dbs.count, 2);
  cr_assert_str_eq(options.exclude_namespaces.items[1], "a.c");
  cr_assert_eq(options.include_namespaces.count, 1);
  options_clear(&options);
}

Test(config, the_command_line_wins)
{
  struct options options;
  struct error error;
  const char *text = "host: r/file:1\ndestination: r/b:2\nworkers: 3\ndrop: true\nincludeDB: [a, b]\npassword: p\n"
                     "destinationSsl: true\n";
  cr_assert(parse(text,
                  WORDS("--workers", "5", "--drop=false", "--includeDB", "c", "--uri", "mongodb://line/",
                        "--passwordFd", "7", "--destinationSsl", "false"),
                  &options, &error),
            "%s", error.text);
  cr_assert_null(options.host);
  cr_assert_str_eq(options.uri, "mongodb://line/");
  cr_assert_eq(options.workers, 5);
  cr_assert_not(options.drop);
  cr_assert_eq(options.include_dbs.count, 1);
  cr_assert_str_eq(options.include_dbs.items[0], "c");
  cr_assert_null(options.password);
  cr_assert_eq(options.password_fd, 7);
  cr_assert(options.destination_plain);
  options_clear(&options);
}

Test(config, nothing_in_it_is_fine)
{
  static const char *const texts[] = {"", "\n", "# only this\n", "---\n", "{}\n", "---\n...\n"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct options options;
    struct error error;
    strcpy(path, "/tmp/ferry-config-XXXXXX");
    cr_assert(parse(texts[i], WORDS("--host", "r/a", "--destination", "r/b"), &options, &error), "%zu: %s", i,
              error.text);
    options_clear(&options);
  }
}

Test(config, refused)
{
  static const struct {
    const char *text;
    const char *says;
  } cases[] = {
    {"drop: true\nfrobnicate: 1\n", ":2: 'frobnicate' is no option"},
    {"--drop: true\n", ":1: '--drop' is no option"},
    {"drop: true\n\ndrop: true\n", ":3: drop is in the file twice"},
    {"drop: yes\n", ":1: --drop takes true or false, not 'yes'"},
    {"workers: 1000\n", ":1: --workers takes auto, or a whole number from 1 to 64"},
    {"workers: 0x10\n", ":1: --workers takes"},
    {"\n\nworkers:\n", ":3: workers lacks its value"},
    {"workers: ~\n", ":1: workers lacks"},
    {"workers: [1]\n", ":1: workers takes one value"},
    {"includeNamespace: [a.b, c]\n", ":1: --includeNamespace takes DB.COLL"},
    {"includeDB: [[a]]\n", ":1: a nested value"},
    {"includeDB: [{a: b}]\n", ":1: a nested value"},
    {"drop: true\nhost:\n  a: b\n", ":3: a nested value"},
    {"[a]: b\n", ":1: a nested value"},
    {"username: &u x\n", ":1: anchors"},
    {"username: *u\n", ":1: aliases"},
    {"username: !!str x\n", ":1: anchors and tags"},
    {"!x {drop: true}\n", ":1: anchors and tags"},
    {"&x\ndrop: true\n", ":1: anchors and tags"},
    {"includeDB: &a [x]\n", ":1: anchors"},
    {"<<: {a: b}\n", ":1: a nested value"},
    {"- drop\n", ":1: what is taken"},
    {"just words\n", ":1: what is taken"},
    {"drop: true\n---\ndrop: true\n", ":2: a second document"},
    {"drop: \"true\n", "not YAML"},
    {"username: b: c\n", ":1: not YAML"},
    {"\tdrop: true\n", ":1: not YAML"},
    {"username: \"a\\0b\"\n", ":1: a value holds a NUL"},
    {"username: \"\xff\"\n", "not YAML"},
    {"config: other\n", ":1: config belongs on the command line"},
    {"help: true\n", ":1: help belongs"},
    {"password: a\npasswordFd: 3\n", ":2: --password and --passwordFd say the same"},
    {"uri: mongodb://a/\nhost: r/a\n", ":2: --uri and --host say the same"},
    {"authenticationMechanism: SCRAM\n", ":1: --authenticationMechanism takes SCRAM-SHA-1"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct options options;
    struct error error = {0};
    strcpy(path, "/tmp/ferry-config-XXXXXX");
    cr_assert_not(parse(cases[i].text, WORDS("--destination", "r/h"), &options, &error), "%s", cases[i].text);
    cr_assert_eq(error.kind, ERROR_USAGE);
    cr_assert_not_null(strstr(error.text, cases[i].says), "%s: %s", cases[i].text, error.text);
    cr_assert_not_null(strstr(error.text, path), "%s", error.text);
    options_clear(&options);
  }
}

static void
refuse_file(const char *file, const char *says)
{
  const char *argv[] = {"--config", file, "--host", "r/h", "--destination", "r/h"};
  struct options options;
  struct error error = {0};
  cr_assert_not(options_parse(&options, command_at(COMMAND_MIGRATE), 6, (char **)(uintptr_t)argv, &error), "%s", file);
  cr_assert_eq(error.kind, ERROR_USAGE);
  cr_assert_not_null(strstr(error.text, says), "%s", error.text);
  options_clear(&options);
}

Test(config, what_is_no_file)
{
  refuse_file("/tmp", "regular file");
  refuse_file("/dev/zero", "regular file");
  refuse_file("/nowhere/at/all", "cannot read");
  refuse_file("", "is empty");
}

Test(config, too_large)
{
  size_t size = (1 << 20) + 1;
  char *text = calloc(1, size);
  memset(text, '\n', size);
  write_file(text, size);
  refuse_file(path, "larger than 1 MB");
  unlink(path);
  free(text);
}
