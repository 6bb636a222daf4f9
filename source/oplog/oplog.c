#include "source/oplog/oplog.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/table.h"
#include "source/reader/majority.h"

#define OPLOG_DB "local"
#define OPLOG_COLL "oplog.rs"

/*
 * How long an entry may become visible behind a later one, if a server's plain reads allow that. In the oplog's
 * seconds.
 */
#define LATE_S 3
#define VERSION_4_2 402

/* An entry that no majority holds yet is waited for HOLD_MS at a time, and asked for every ASK_MS. */
#define HOLD_MS 1000
#define ASK_MS 100

#define ATTEMPTS_MOST 10 /* to read, and to open what is to be read, in one call */
#define PAUSE_MS 20

#define SHOWN_SIZE 64 /* an optime, for people */

/*
 * A plain read catches up. Then a tailable cursor is opened, and the plain read is repeated once behind it. So it does
 * not matter how the server positions the tailable cursor. (SecantusDB 0.7 takes the position after it has read the
 * first batch, and leaves out what comes between.)
 *
 * SecantusDB's plain reads also show an entry while an earlier one is still being committed, and several entries may
 * share a timestamp. For such a server a cursor is opened LATE_S before the last entry given, and an entry is known by
 * its bytes. For other servers the timestamp tells all.
 */
enum oplog_stage { CATCHING_UP, BRIDGING, TAILING };

/*
 * An entry that was given, from the last LATE_S seconds or since the bridge began: by timestamp and a 64-bit hash of
 * its bytes.
 */
struct given {
  struct given_key {
    uint64_t ts;
    uint64_t hash;
  } key;
  UT_hash_handle hh;
};

struct oplog_cursor {
  struct reader *reader;
  enum oplog_stage stage;
  struct reader_cursor *plain; /* NULL while tailing */
  struct reader_cursor *tail;  /* NULL while catching up */
  struct optime last;          /* the newest entry given, or where to start */
  struct optime given_at;      /* the entry given last */
  struct optime settled;       /* see oplog_settled */
  struct optime candidate;     /* settled as soon as LATE_S have passed, before tailing */
  uint64_t start;              /* nothing at or below it is given */
  struct given *given;         /* in the order of giving */
  const bson_t *held;          /* read, but not known to be on a majority yet; the cursor that is read has it */
  uint64_t committed;          /* a majority holds all up to here; UINT64_MAX: that is not asked */
  int64_t asked_ms;
  bool at_end; /* see oplog_at_end */
};

/*
 * From 4.2 on entries have no hash, and those of two sets may well share a timestamp and term. An entry's bytes are
 * the same on all members. (SecantusDB's entries have no term either, and several share a timestamp.)
 */
static int64_t
hash_of(const bson_t *entry)
{
  return (int64_t)hash_bytes(HASH_SEED, bson_get_data(entry), entry->len);
}

struct optime
optime_of(const bson_t *entry)
{
  bool whole = false;
  struct optime optime = {.term = -1};
  bson_iter_t iter;
  if (!bson_iter_init(&iter, entry)) {
    return optime;
  }
  while (bson_iter_next(&iter)) {
    const char *key = bson_iter_key(&iter);
    if (strcmp(key, "ts") == 0 && BSON_ITER_HOLDS_TIMESTAMP(&iter)) {
      uint32_t seconds;
      uint32_t increment;
      bson_iter_timestamp(&iter, &seconds, &increment);
      optime.ts = (uint64_t)seconds << 32 | increment;
    } else if (strcmp(key, "t") == 0 && BSON_ITER_HOLDS_INT(&iter)) {
      optime.term = bson_iter_as_int64(&iter);
    } else if (strcmp(key, "h") == 0 && BSON_ITER_HOLDS_INT(&iter)) {
      optime.hash = bson_iter_as_int64(&iter);
    } else if (strcmp(key, "op") == 0) {
      whole = true;
    }
  }
  if (whole && optime.hash == 0 && optime.term >= 0) {
    optime.hash = hash_of(entry);
  }
  return optime;
}

void
optime_put(bson_t *document, const struct optime *optime)
{
  BSON_APPEND_TIMESTAMP(document, "ts", OPTIME_SECONDS(optime->ts), OPTIME_INCREMENT(optime->ts));
  if (optime->term >= 0) {
    BSON_APPEND_INT64(document, "t", optime->term);
  }
  if (optime->hash) {
    BSON_APPEND_INT64(document, "h", optime->hash);
  }
}

void
optime_put_as(bson_t *document, const char *name, const struct optime *optime)
{
  bson_t field;
  BSON_APPEND_DOCUMENT_BEGIN(document, name, &field);
  optime_put(&field, optime);
  bson_append_document_end(document, &field);
}

bool
optime_equal(const struct optime *left, const struct optime *right)
{
  bool same = left->hash == right->hash || left->hash == 0 || right->hash == 0;
  return left->ts == right->ts && left->term == right->term && same;
}

static bool
no_entry(struct error *error)
{
  return error_set(error, ERROR_REFUSED,
                   "the source has no oplog (local.oplog.rs is missing or empty); a standalone must be made a replica "
                   "set first: restart it with --replSet and run rs.initiate()");
}

/* The newest (order -1) or oldest (1) entry by natural order, at or below `most` (0: any). */
static int
edge(struct reader *reader, int order, uint64_t most, bool majority, bson_t *entry, struct error *error)
{
  bson_t filter = BSON_INITIALIZER;
  if (most) {
    bson_t bound;
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "ts", &bound);
    BSON_APPEND_TIMESTAMP(&bound, "$lte", OPTIME_SECONDS(most), OPTIME_INCREMENT(most));
    bson_append_document_end(&filter, &bound);
  }
  bson_t *sort = BCON_NEW("$natural", BCON_INT32(order));
  struct find find = {.db = OPLOG_DB, .coll = OPLOG_COLL, .filter = &filter, .sort = sort, .majority = majority};
  int got = reader_find_one(reader, &find, entry, error);
  bson_destroy(sort);
  bson_destroy(&filter);
  return got;
}

static bool
edge_optime(struct reader *reader, int order, uint64_t most, bool majority, struct optime *optime, struct error *error)
{
  bson_t entry;
  int got = edge(reader, order, most, majority, &entry, error);
  if (got == 1) {
    *optime = optime_of(&entry);
    bson_destroy(&entry);
  }
  return got == 1 || (got == 0 && no_entry(error));
}

static uint64_t
seconds_before(uint64_t ts, uint32_t seconds)
{
  uint64_t span = (uint64_t)seconds << 32;
  return ts > span ? ts - span : 0;
}

bool
oplog_newest(struct reader *reader, struct optime *newest, struct error *error)
{
  uint64_t committed = 0;
  if (!majority_ask(&reader->server, &committed, error)) {
    return false;
  }
  if (committed == MAJORITY_UNKNOWN && reader->majority) {
    committed = 0; /* such a read waits until it can be told */
  } else if (committed == MAJORITY_UNKNOWN) {
    return error_set(
      error, ERROR_SOURCE,
      "the source's primary cannot tell what a majority of the set's members holds: too few of them are up");
  }
  return edge_optime(reader, -1, committed, reader->majority && committed == 0, newest, error);
}

int
oplog_find_newest(struct reader *reader, const bson_t *filter, bson_t *entry, struct error *error)
{
  bson_t *sort = BCON_NEW("$natural", BCON_INT32(-1));
  struct find find = {.db = OPLOG_DB, .coll = OPLOG_COLL, .filter = filter, .sort = sort};
  int got = reader_find_one(reader, &find, entry, error);
  bson_destroy(sort);
  return got;
}

bool
oplog_last(struct reader *reader, struct optime *last, struct error *error)
{
  return edge_optime(reader, -1, 0, false, last, error);
}

bool
oplog_latest(struct reader *reader, uint64_t *latest, struct error *error)
{
  struct server_hello hello;
  struct optime last = {0};
  if (!server_ask_hello(&reader->server, false, &hello, error) ||
      (hello.last_write == 0 && !oplog_last(reader, &last, error))) {
    return false;
  }
  *latest = hello.last_write ? hello.last_write : last.ts;
  return true;
}

/*
 * The newest timestamp before all transactions that are open now (4.2 and later log them in several entries).
 * UINT64_MAX if there are none, or the user may not see them. Then their first parts are fetched when they are
 * committed.
 */
static uint64_t
before_open_transactions(struct reader *reader)
{
  uint64_t before = UINT64_MAX;
  const bson_t *document = NULL;
  struct error ignored;
  if (reader->version < VERSION_4_2) {
    return before;
  }
  bson_t *filter = BCON_NEW("state", "{", "$in", "[", BCON_UTF8("prepared"), BCON_UTF8("inProgress"), "]", "}");
  struct find find = {.db = "config", .coll = "transactions", .filter = filter};
  struct reader_cursor *cursor = reader_find(reader, &find);
  while (reader_next(cursor, &document, &ignored) == 1) {
    bson_iter_t iter;
    bson_iter_t ts;
    uint32_t seconds = 0;
    uint32_t increment = 0;
    if (bson_iter_init(&iter, document) && bson_iter_find_descendant(&iter, "startOpTime.ts", &ts) &&
        BSON_ITER_HOLDS_TIMESTAMP(&ts)) {
      bson_iter_timestamp(&ts, &seconds, &increment);
      uint64_t first = (uint64_t)seconds << 32 | increment;
      before = first - 1 < before ? first - 1 : before;
    }
  }
  reader_cursor_free(cursor);
  bson_destroy(filter);
  return before;
}

/*
 * What is older than LATE_S before the newest entry is complete. An oplog that is younger is taken from its first
 * entry.
 */
bool
oplog_start(struct reader *reader, struct optime *start, struct error *error)
{
  struct optime newest = {0};
  bson_t entry;
  if (!oplog_newest(reader, &newest, error)) {
    return false;
  }
  uint64_t late = seconds_before(newest.ts, LATE_S);
  uint64_t open = before_open_transactions(reader);
  int got = edge(reader, -1, open < late ? open : late, false, &entry, error);
  if (got == 1) {
    *start = optime_of(&entry);
    bson_destroy(&entry);
  }
  return got == 1 || (got == 0 && edge_optime(reader, 1, 0, false, start, error));
}

bool
oplog_window(struct reader *reader, uint64_t *oldest, uint64_t *newest, struct error *error)
{
  struct optime first = {0};
  struct optime last = {0};
  if (!edge_optime(reader, 1, 0, false, &first, error) || !oplog_last(reader, &last, error)) {
    return false;
  }
  *oldest = first.ts;
  *newest = last.ts;
  return true;
}

bool
oplog_glance(struct reader *reader, uint64_t *oldest, uint64_t *newest, struct error *error)
{
  struct optime first = {0};
  if (!oplog_latest(reader, newest, error) || !edge_optime(reader, 1, 0, false, &first, error)) {
    return false;
  }
  *oldest = first.ts;
  return true;
}

static struct reader_cursor *
read_from(struct reader *reader, uint64_t ts, int64_t limit, bool tailable)
{
  bson_t filter = BSON_INITIALIZER;
  bson_t bound;
  BSON_APPEND_DOCUMENT_BEGIN(&filter, "ts", &bound);
  BSON_APPEND_TIMESTAMP(&bound, "$gte", OPTIME_SECONDS(ts), OPTIME_INCREMENT(ts));
  bson_append_document_end(&filter, &bound);
  struct find find = {.db = OPLOG_DB,
                      .coll = OPLOG_COLL,
                      .filter = &filter,
                      .limit = limit,
                      .tailable = tailable,
                      .oplog = true,
                      .majority = true};
  struct reader_cursor *opened = reader_find(reader, &find);
  bson_destroy(&filter);
  return opened;
}

int
oplog_find(struct reader *reader, uint64_t ts, bson_t *entry, struct error *error)
{
  const bson_t *found = NULL;
  struct reader_cursor *cursor = read_from(reader, ts, 1, false);
  int got = reader_next(cursor, &found, error);
  if (got == 1 && optime_of(found).ts == ts) {
    bson_copy_to(found, entry);
  } else if (got == 1) {
    got = 0;
  }
  reader_cursor_free(cursor);
  return got;
}

/* The first entry at or after `ts` that a majority holds. 1; 0: none; -1 on error. */
static int
first_from(struct reader *reader, uint64_t ts, struct optime *found, struct error *error)
{
  const bson_t *entry = NULL;
  struct reader_cursor *opened = read_from(reader, ts, 1, false);
  int got = reader_next(opened, &entry, error);
  if (got == 1) {
    *found = optime_of(entry);
  }
  reader_cursor_free(opened);
  return got;
}

/* "1700000000.1 (term 3)" */
static void
show(const struct optime *optime, char text[SHOWN_SIZE])
{
  int used = snprintf(text, SHOWN_SIZE, "%u.%u", OPTIME_SECONDS(optime->ts), OPTIME_INCREMENT(optime->ts));
  if (optime->term >= 0) {
    snprintf(text + used, SHOWN_SIZE - (size_t)used, " (term %" PRId64 ")", optime->term);
  }
}

/*
 * Finds where the source went on without `lost`. Terms only grow. So an entry of a later term than the lost one's was
 * written by a primary that did not have it. What is common lies before all such entries.
 */
static int
find_common(struct reader *reader, const struct optime *lost, struct optime *common, struct error *error)
{
  bson_t entry;
  bson_t bound;
  bson_t filter = BSON_INITIALIZER;
  BSON_APPEND_DOCUMENT_BEGIN(&filter, "ts", &bound);
  BSON_APPEND_TIMESTAMP(&bound, "$lt", OPTIME_SECONDS(lost->ts), OPTIME_INCREMENT(lost->ts));
  bson_append_document_end(&filter, &bound);
  if (lost->term >= 0) {
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "t", &bound);
    BSON_APPEND_INT64(&bound, "$lte", lost->term);
    bson_append_document_end(&filter, &bound);
  }
  int got = oplog_find_newest(reader, &filter, &entry, error);
  if (got == 1) {
    *common = optime_of(&entry);
    bson_destroy(&entry);
  }
  bson_destroy(&filter);
  return got;
}

bool
oplog_parted(struct reader *reader, const struct optime *lost, struct error *error)
{
  struct optime common = {.term = -1};
  struct optime other = {.term = -1};
  struct error ignored;
  char lost_text[SHOWN_SIZE];
  char common_text[SHOWN_SIZE];
  char other_text[SHOWN_SIZE];
  char where[3 * SHOWN_SIZE] = "what both agree on is no longer in its oplog";
  show(lost, lost_text);
  if (find_common(reader, lost, &common, &ignored) == 1) {
    show(&common, common_text);
    int used = snprintf(where, sizeof where, "both agree up to %s at most", common_text);
    if (first_from(reader, common.ts + 1, &other, &ignored) == 1) {
      show(&other, other_text);
      snprintf(where + used, sizeof where - (size_t)used, ", where the source goes on with %s", other_text);
    }
  }
  return error_set(error, ERROR_OPLOG,
                   "the source rolled back: its oplog no longer has the entry %s, up to which it was read; %s. The "
                   "target may hold writes that the source lost; start over with --forceDump --drop",
                   lost_text, where);
}

/*
 * Whether what a majority holds goes past the entry. 1: yes; 0: this member does not know of that much yet; -1 on
 * error.
 */
static int
is_past(struct reader *reader, const struct optime *wanted, const struct optime *found, struct error *error)
{
  struct optime newest = {.term = -1};
  uint64_t committed = 0;
  if (found->ts == 0) {
    int got = oplog_newest(reader, &newest, error) ? 1 : -1;
    return got == 1 ? newest.term > wanted->term : got;
  }
  if (reader->majority) {
    return 1;
  }
  if (!majority_ask(&reader->server, &committed, error)) {
    return -1;
  }
  return committed == 0 || committed >= wanted->ts;
}

bool
oplog_holds(struct reader *reader, const struct optime *wanted, struct error *error)
{
  struct optime found = {.term = -1};
  struct optime oldest = {.term = -1};
  if (first_from(reader, wanted->ts, &found, error) < 0) {
    return false;
  }
  if (optime_equal(&found, wanted)) {
    return true;
  }
  if (!edge_optime(reader, 1, 0, false, &oldest, error)) {
    return false;
  }
  if (oldest.ts > wanted->ts) {
    return error_set(
      error, ERROR_OPLOG,
      "the source's oplog begins at %u.%u and no longer holds %u.%u, where the replay has to go on. If the run before "
      "had an --oplogPath, give the same; else enlarge the oplog and start over with --forceDump --drop",
      OPTIME_SECONDS(oldest.ts), OPTIME_INCREMENT(oldest.ts), OPTIME_SECONDS(wanted->ts), OPTIME_INCREMENT(wanted->ts));
  }
  int past = is_past(reader, wanted, &found, error);
  if (past == 1) {
    return oplog_parted(reader, wanted, error);
  }
  return past == 0 &&
         error_set(
           error, ERROR_SOURCE,
           "the source's primary does not know yet whether a majority has its oplog up to %u.%u, which was read before",
           OPTIME_SECONDS(wanted->ts), OPTIME_INCREMENT(wanted->ts));
}

static struct reader_cursor *
cursor_at(struct oplog_cursor *cursor, uint64_t ts, bool tailable)
{
  return read_from(cursor->reader, ts, 0, tailable);
}

/* Where late entries may begin. Never before the start, whose entry must be there. */
static uint64_t
late_from(const struct oplog_cursor *cursor)
{
  if (!cursor->reader->unordered) {
    return cursor->last.ts;
  }
  uint64_t from = seconds_before(cursor->last.ts, LATE_S);
  return from > cursor->start ? from : cursor->start;
}

static void
forget_given(struct oplog_cursor *cursor, uint64_t below)
{
  struct given *given;
  struct given *next;
  HASH_ITER (hh, cursor->given, given, next) {
    if (given->key.ts >= below) {
      break; /* in the order of giving: what little is out of order goes with a later call */
    }
    HASH_DEL(cursor->given, given); /* NOLINT(clang-analyzer-*): the analyzer does not follow uthash */
    free(given);
  }
}

/* Notes an entry as given; false if it was before. */
static bool
give_in_order(struct oplog_cursor *cursor, const struct optime *at)
{
  if (at->ts <= cursor->last.ts) {
    return false;
  }
  cursor->settled = cursor->last;
  cursor->last = *at;
  return true;
}

/* The same where entries may come late, or share a timestamp. */
static bool
give(struct oplog_cursor *cursor, const bson_t *entry, const struct optime *at)
{
  struct given *known = NULL;
  struct given_key key = {.ts = at->ts, .hash = hash_bytes(HASH_SEED, bson_get_data(entry), entry->len)};
  if (at->ts <= cursor->start) {
    return false;
  }
  /* NOLINTNEXTLINE(clang-analyzer-*): the analyzer does not follow uthash */
  HASH_FIND(hh, cursor->given, &key, sizeof key, known);
  if (known) {
    return false;
  }
  known = memory_new(sizeof *known);
  known->key = key;
  HASH_ADD(hh, cursor->given, key, sizeof key, known);
  if (cursor->stage == TAILING && at->ts > cursor->last.ts) {
    cursor->settled = cursor->last;
  } else if (seconds_before(at->ts, LATE_S) > cursor->candidate.ts) {
    cursor->settled = cursor->candidate;
    cursor->candidate = cursor->last;
  }
  if (at->ts > cursor->last.ts) {
    cursor->last = *at;
    if (cursor->stage != BRIDGING) { /* the tail is to show all that again */
      forget_given(cursor, late_from(cursor));
    }
  }
  return true;
}

static void
close_both(struct oplog_cursor *cursor)
{
  reader_cursor_free(cursor->plain);
  reader_cursor_free(cursor->tail);
  cursor->plain = NULL;
  cursor->tail = NULL;
  cursor->held = NULL;
}

/* From the last entry given, whatever was open before. */
static bool
catch_up(struct oplog_cursor *cursor, struct error *error)
{
  close_both(cursor);
  cursor->stage = CATCHING_UP;
  cursor->candidate = cursor->settled;
  cursor->plain = cursor_at(cursor, late_from(cursor), false);
  return oplog_holds(cursor->reader, &cursor->last, error);
}

bool
oplog_open(struct oplog_cursor **cursor, struct reader *reader, const struct optime *from, struct error *error)
{
  struct oplog_cursor *made = memory_new(sizeof *made);
  made->reader = reader;
  made->last = made->settled = *from;
  made->start = from->ts;
  if (!catch_up(made, error)) {
    oplog_free(made);
    return false;
  }
  *cursor = made;
  return true;
}

void
oplog_free(struct oplog_cursor *cursor)
{
  if (cursor) {
    close_both(cursor);
    forget_given(cursor, UINT64_MAX);
    free(cursor);
  }
}

/* The present cursor has nothing more: on to the next stage. */
static bool
next_stage(struct oplog_cursor *cursor, struct error *error)
{
  const bson_t *seen = NULL;
  reader_cursor_free(cursor->plain);
  cursor->plain = NULL;
  if (cursor->stage == BRIDGING) {
    cursor->stage = TAILING;
    return true;
  }
  cursor->stage = BRIDGING;
  cursor->tail = cursor_at(cursor, late_from(cursor), true);
  if (!oplog_holds(cursor->reader, &cursor->last, error) ||
      reader_next(cursor->tail, &seen, error) < 0) { /* this opens it */
    return false;
  }
  cursor->plain = cursor_at(cursor, late_from(cursor), false); /* what the tail has shown, this shows again */
  return true;
}

/*
 * 1: a majority holds everything up to `ts`; 0: not within a second; -1 on error. The member that the entry came from
 * must be asked. Another primary's oplog may have gone on without it.
 */
static int
wait_committed(struct oplog_cursor *cursor, struct reader_cursor *reading, uint64_t ts, struct error *error)
{
  int64_t until_ms = clock_ms() + HOLD_MS;
  while (ts > cursor->committed) {
    int64_t pause_ms = cursor->asked_ms + ASK_MS - clock_ms();
    if (clock_ms() + pause_ms > until_ms) {
      return 0;
    }
    if (pause_ms > 0) {
      clock_sleep_ms(pause_ms);
    }
    if (!reader_committed(reading, &cursor->committed, error)) {
      cursor->committed = 0;
      return -1;
    }
    cursor->asked_ms = clock_ms();
    if (cursor->committed == 0) {
      log_warn("the source cannot tell what a majority of its members holds: what is read may still roll back, and a "
               "rollback ends the run with status 7");
      cursor->committed = UINT64_MAX;
    }
  }
  return 1;
}

/* The next entry of the present cursor, without those given before. */
static int
read_entry(struct oplog_cursor *cursor, const bson_t **entry, struct error *error)
{
  struct reader_cursor *reading = cursor->stage == TAILING ? cursor->tail : cursor->plain;
  int got = 1;
  while ((*entry = cursor->held) != NULL || (got = reader_next(reading, entry, error)) == 1) {
    struct optime at = optime_of(*entry);
    if (at.ts == 0) {
      error_set(error, ERROR_OPLOG, "an oplog entry has no timestamp");
      return -1;
    }
    int committed = cursor->reader->majority ? 1 : wait_committed(cursor, reading, at.ts, error);
    cursor->held = committed == 0 ? *entry : NULL;
    if (committed <= 0) {
      return committed;
    }
    if (cursor->reader->unordered ? give(cursor, *entry, &at) : give_in_order(cursor, &at)) {
      cursor->given_at = at;
      return 1;
    }
  }
  return got;
}

int
oplog_next(struct oplog_cursor *cursor, const bson_t **entry, struct error *error)
{
  cursor->at_end = false;
  bool lost = false; /* the cursor died, and the oplog is to be opened again */
  for (int attempt = 0; attempt < ATTEMPTS_MOST; attempt++) {
    int got = lost ? 0 : read_entry(cursor, entry, error);
    if (got == 1) {
      return 1;
    }
    lost = lost || got < 0;
    if (got < 0 && !reader_cursor_died(error)) {
      return -1;
    }
    bool dead = !lost && cursor->stage == TAILING && !reader_alive(cursor->tail);
    if (!lost && (cursor->held || (cursor->stage == TAILING && !dead))) {
      cursor->settled = cursor->last;
      cursor->at_end = attempt == 0 && !cursor->held;
      return 0;
    }
    if (attempt > 1) {
      clock_sleep_ms(PAUSE_MS);
    }
    bool ok = lost || dead ? catch_up(cursor, error) : next_stage(cursor, error);
    if (!ok && !reader_cursor_died(error)) {
      return -1;
    }
    lost = !ok;
  }
  return lost ? -1 : 0;
}

bool
oplog_at_end(const struct oplog_cursor *cursor)
{
  return cursor->at_end;
}

struct optime
oplog_given(const struct oplog_cursor *cursor)
{
  return cursor->given_at;
}

struct optime
oplog_settled(const struct oplog_cursor *cursor)
{
  return cursor->settled;
}
