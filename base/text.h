/*
 * Text from elsewhere (collections' names, servers' messages) in the form that people and log readers may see. That is
 * valid UTF-8 without anything that moves a terminal's cursor, ends a line, or turns the reading direction.
 */
#ifndef FERRY_BASE_TEXT_H
#define FERRY_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The longest form of one byte of input: \xNN. */
#define TEXT_ESCAPED_MOST 4

/*
 * Writes `length` bytes of `from` to `to` (`size` bytes), and a zero byte. Control characters (C0, DEL, C1), line and
 * paragraph separators, direction marks, and bytes that are no UTF-8 become \n, \t or \xNN. What does not fit is left
 * out, never half a character. Returns the number of bytes written, without the zero byte.
 */
size_t text_escape(char *to, size_t size, const char *from, size_t length);

/* The whole text, escaped; the caller's to free. */
char *text_escaped(const char *text);
/* Prints it, escaped. */
void text_print(FILE *out, const char *text);

/*
 * A name as a value of a log line, so that it never reads as further key=value words. It goes between quotation marks
 * if it holds a blank, "=", a quotation mark or what text_escape changes; within them \\ and \" stand for these two.
 * What does not fit into `size` (at least 4) is left out; the closing mark is always there. Returns `to`.
 */
const char *text_quote(char *to, size_t size, const char *from);

/* The columns that an escaped text takes on a terminal. */
int text_columns(const char *text);

/*
 * The end of an escaped text, as much as fits into `columns`, with "…" before it if the beginning was cut. The end of
 * a name tells more than its beginning. Points into `to`, which has `size` bytes.
 */
const char *text_keep_end(char *to, size_t size, const char *text, int columns);

/* How many bytes of an escaped text's beginning fit into `columns`. */
size_t text_fitting(const char *text, int columns);

struct text_short {
  char text[24];
};
/* "12m03s", "3h05m", "2d04h" */
struct text_short text_duration(int64_t seconds);
/* "512 B", "1.5 MB": of 1000, as disks and networks count. */
struct text_short text_bytes(int64_t bytes);

/*
 * Of `count` names, the one nearest to a mistyped `word` of `length` bytes: letters changed, added, left out or
 * swapped; case is ignored. NULL if none is near.
 */
const char *text_nearest(const char *word, size_t length, const char *const *names, size_t count);

/* `names` ends with NULL. */
bool text_is_one_of(const char *text, const char *const *names);

#endif
