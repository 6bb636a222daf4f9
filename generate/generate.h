/*
 * What else is made of the tables of options, commands and errors while the project is built: the manual page, the
 * completions of bash, zsh and fish, and the systemd unit. `generate TEMPLATE OUT` copies a template. Where it has one of
 * the names in generate.c, as @OPTIONS@, it writes what the tables hold.
 */
#ifndef FERRY_GENERATE_GENERATE_H
#define FERRY_GENERATE_GENERATE_H

#include <stdio.h>

void manual_options(FILE *out);
void manual_statuses(FILE *out);

/* The branches of `case`: what the option before the word takes; each command's options. */
void bash_values(FILE *out);
void bash_options(FILE *out);
/* The names of commands with their texts; each command's options as _arguments takes them. */
void zsh_commands(FILE *out);
void zsh_options(FILE *out);
void fish_commands(FILE *out);
void fish_options(FILE *out);
/* The commands' words, with blanks between; and what `mongoferry set` takes. */
void shell_commands(FILE *out);
void shell_settings(FILE *out);

/* After which exit statuses a restart is in vain. */
void unit_restarts(FILE *out);

#endif
