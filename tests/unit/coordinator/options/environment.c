#include "coordinator/options/environment.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

/* Every name that a variable may have, as the table of options says. */
static const char *const names[][2] = {
#define GROUP(title)
#define TEXT(f, n, v, h) {n, ""},
#define SECRET(f, n, v, h) {n, ""}, {n, "File"}, {n "Fd", ""},
#define LIST(f, n, v, h) {n, ""},
#define FLAG(f, n, h) {n, ""},
#define NUMBER(f, n, i, l, m, v, h) {n, ""},
#define IGNORED(n, v, h) {n, ""},
#include "coordinator/options/options.def"
};
#define NAMES (sizeof names / sizeof *names)

Test(environment, each_variable_names_one_option)
{
  for (size_t i = 0; i < NAMES; i++) {
    char key[100];
    size_t length = (size_t)snprintf(key, sizeof key, "%s%s", names[i][0], names[i][1]);
    for (size_t at = 0; at < length; at++) {
      key[at] = (char)toupper((unsigned char)key[at]);
    }
    size_t found = 0;
    for (size_t other = 0; other < NAMES; other++) {
      found += environment_names(key, names[other][0], names[other][1]);
    }
    cr_assert_eq(found, 1, "%s: %zu", key, found);
  }
}

Test(environment, underscores_of_a_name_do_not_count)
{
  cr_assert(environment_names("SSL_PEM_KEY_PASSWORD_FILE", "sslPEMKeyPassword", "File"));
  cr_assert(environment_names("SSLPEMKEYPASSWORDFILE", "sslPEMKeyPassword", "File"));
  cr_assert(environment_names("BOOKMARK_FILE", "bookmarkFile", ""));
  cr_assert_not(environment_names("BOOKMARK_FILES", "bookmarkFile", ""));
  cr_assert_not(environment_names("BOOKMARK_FIL", "bookmarkFile", ""));
  cr_assert_not(environment_names("BOOKMARK_FILE_", "bookmarkFile", ""));
  cr_assert_not(environment_names("bookmarkFile", "bookmarkFile", ""), "capitals only");
}

Test(environment, items_of_a_list)
{
  char text[] = " a.b , c\\,d.e,,f\\*g\\";
  char *rest = text;
  cr_assert_str_eq(environment_next_item(&rest), "a.b");
  cr_assert_str_eq(environment_next_item(&rest), "c,d.e");
  cr_assert_str_eq(environment_next_item(&rest), "");
  cr_assert_str_eq(environment_next_item(&rest), "f\\*g\\");
  cr_assert_null(environment_next_item(&rest));
}

static char *
secret_of(const char *bytes, size_t size, struct error *error)
{
  char file[] = "/tmp/secret-XXXXXX";
  int fd = mkstemp(file);
  cr_assert_eq(write(fd, bytes, size), size);
  close(fd);
  char *secret = environment_read_secret(file, error);
  unlink(file);
  return secret;
}

Test(environment, a_file_holds_one_line)
{
  static const char *const good[] = {"p@ss word", "p@ss word\n", "p@ss word\r\n"};
  struct error error;
  for (size_t i = 0; i < 3; i++) {
    char *secret = secret_of(good[i], strlen(good[i]), &error);
    cr_assert_str_eq(secret, "p@ss word");
    memory_wipe(secret);
  }
  static const struct {
    const char *bytes;
    size_t size;
    const char *says;
  } bad[] = {{"", 0, "is empty"},
             {"\n", 1, "is empty"},
             {"a\nb\n", 4, "more than one line"},
             {"a\n\n", 3, "more than one"},
             {"a\0b", 3, "more than one line of text"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    cr_assert_null(secret_of(bad[i].bytes, bad[i].size, &error));
    cr_assert(strstr(error.text, bad[i].says), "%s", error.text);
  }
  cr_assert_null(environment_read_secret("/nowhere/secret", &error));
  cr_assert_eq(error.kind, ERROR_USAGE);
}

/* Options are removed, and the place where the kernel had put them is empty. */
static bool
take_known(void *context, const struct variable *variable, struct error *error)
{
  (*(int *)context)++;
  if (strcmp(variable->key, "WRONG") == 0) {
    error_set(error, ERROR_USAGE, "'%s' is wrong", variable->value);
  }
  return strcmp(variable->key, "OTHER") != 0;
}

Test(environment, what_is_taken_leaves_the_environment)
{
  struct error error;
  int count = 0;
  char password[] = "MONGOFERRY_PASSWORD=hush"; /* putenv keeps this very string */
  putenv(password);
  setenv("MONGOFERRY_OTHER", "x", 1);
  setenv("MONGOFERRY_HOST", "h", 1);
  cr_assert(environment_read(take_known, &count, &error));
  cr_assert_eq(count, 3);
  cr_assert_null(getenv("MONGOFERRY_PASSWORD"));
  cr_assert_null(getenv("MONGOFERRY_HOST"));
  cr_assert_str_eq(getenv("MONGOFERRY_OTHER"), "x");
  for (size_t i = 0; i < sizeof password; i++) {
    cr_assert_eq(password[i], 0);
  }
  setenv("MONGOFERRY_WRONG", "y", 1);
  cr_assert_not(environment_read(take_known, &count, &error));
  cr_assert_str_eq(error.text, "MONGOFERRY_WRONG: 'y' is wrong");
}
