#include "coordinator/options/commands.h"

#include <criterion/criterion.h>
#include <string.h>

#include "coordinator/options/options.h"

static bool
takes(enum command_name name, const char *option)
{
  const struct command *owner;
  return command_takes(command_at(name), option, &owner);
}

Test(commands, an_option_belongs_to_its_command)
{
  cr_assert(takes(COMMAND_CUTOVER, "rehearse"));
  cr_assert(takes(COMMAND_CHECK, "host"));
  cr_assert(takes(COMMAND_MIGRATE, "exitWhenCaughtUp"));
  cr_assert_not(takes(COMMAND_MIGRATE, "rehearse"));
  cr_assert_not(takes(COMMAND_STATUS, "host"));
  cr_assert_not(takes(COMMAND_CHECK, "yes"));
  cr_assert_not(takes(COMMAND_CUTOVER, "jso"));
  cr_assert(takes(COMMAND_VERIFY, "host"));
  cr_assert_not(takes(COMMAND_VERIFY, "drop"));
  cr_assert(takes(COMMAND_CHECK, "drop"));
}

Test(commands, everybody_takes_the_bookmark_file)
{
  for (int i = 0; i < COMMAND_COUNT; i++) {
    cr_assert(takes((enum command_name)i, "bookmarkFile"));
    cr_assert(takes((enum command_name)i, "config"));
  }
}

/* A word in the table that is no option would never be noticed. */
Test(commands, what_the_table_lists_are_options)
{
  static const char *const names[] = {
#define GROUP(title)
#define TEXT(f, name, v, h) name,
#define SECRET(f, name, v, h) name,
#define LIST(f, name, v, h) name,
#define FLAG(f, name, h) name,
#define NUMBER(f, name, i, l, m, v, h) name,
#define IGNORED(name, v, h) name,
#include "coordinator/options/options.def"
    NULL};
  for (int i = 0; i < COMMAND_COUNT; i++) {
    char listed[600];
    snprintf(listed, sizeof listed, "%s", command_at((enum command_name)i)->options);
    cr_assert_lt(strlen(command_at((enum command_name)i)->options), sizeof listed);
    for (char *word = strtok(listed, " "); word; word = strtok(NULL, " ")) {
      bool known = false;
      word += *word == '!';
      for (int k = 0; names[k]; k++) {
        known = known || strcmp(names[k], word) == 0;
      }
      cr_assert(known, "%s", word);
    }
  }
}

Test(commands, a_word_finds_its_command)
{
  cr_assert_eq(command_find("cutover")->name, COMMAND_CUTOVER);
  cr_assert_eq(command_find("")->name, COMMAND_MIGRATE);
  cr_assert_eq(command_find(NULL)->name, COMMAND_MIGRATE);
  cr_assert_eq(command_find("--host")->name, COMMAND_MIGRATE);
}
