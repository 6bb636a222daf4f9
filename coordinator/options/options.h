/*
 * The command line, the environment and the --config file. options.def has the table of options.
 */
#ifndef FERRY_COORDINATOR_OPTIONS_OPTIONS_H
#define FERRY_COORDINATOR_OPTIONS_OPTIONS_H

#include <stdio.h>

#include "base/error.h"
#include "coordinator/options/commands.h"
#include "source/catalog/selection.h"

#define OPTIONS_NO_DESCRIPTOR (-1)

struct option_list {
  char **items;
  size_t count;
  size_t capacity;
};

struct options {
#define GROUP(title)
#define TEXT(field, name, value, help) char *field;
#define SECRET(field, name, value, help)                                                                               \
  char *field;                                                                                                         \
  int64_t field##_fd;
#define LIST(field, name, value, help) struct option_list field;
#define FLAG(field, name, help) bool field;
#define NUMBER(field, name, initial, least, most, value, help) int64_t field;
#define IGNORED(name, value, help)
#include "coordinator/options/options.def"
  bool destination_plain; /* --destinationSsl false was given explicitly */
  struct option_list warnings;
};

/*
 * Reads argv (not argv[0], and no command), the environment (environment.h), and the file that --config names. Opens no
 * connection. ERROR_USAGE names the option, what it takes, and the variable or the file's line. The command line wins
 * over the environment, and both over the file. An option that is given twice must have the same value. Environment
 * and file may hold options of every command; argv only those of this one.
 */
bool options_parse(struct options *options, const struct command *command, int argc, char **argv, struct error *error);
void options_clear(struct options *options);

/* Gives the log the form that they ask for, then logs what options_parse found worth a warning. */
void options_begin_log(const struct options *options);

/* Fills an empty selection with what is included, excluded and renamed. ERROR_USAGE if that makes no sense. */
bool options_select(const struct options *options, struct selection *selection, struct error *error);
/* Of a verification: if not given, from the number of the machine's processors. A copy's may be automatic. */
int options_workers(const struct options *options);
const char *options_bookmark(const struct options *options);

/* In at most 80 columns. */
void options_help(FILE *out);

/*
 * The options that decide what a migration is: the selection's, and whether there are indexes and UUIDs. A migration
 * can go on only with the same ones. The caller's to destroy.
 */
void options_shape(const struct options *options, const struct selection *selection, bson_t *shape);

/* The name of the first option of `shape` that is another one in `kept`; NULL: they are the same. */
const char *options_shape_other(const bson_t *shape, const bson_t *kept);

/* Appends to `settings` what the children have to know of the options. */
void options_settings(const struct options *options, const struct selection *selection, bson_t *settings);

#endif
