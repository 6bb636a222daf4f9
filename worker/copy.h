/*
 * Copies one range. One thread reads the next batch while another one writes the last.
 */
#ifndef FERRY_WORKER_COPY_H
#define FERRY_WORKER_COPY_H

#include "ipc/measures.h"
#include "source/reader/reader.h"
#include "target/insert/writer.h"
#include "worker/pace.h"

/* The primary that took the worker's last range, so that the target is asked once for each range. Zeroed at first. */
struct copy_primary {
  bool known;
  struct server_hello hello;
};

struct copy_task {
  const char *from_db; /* on the source */
  const char *from_coll;
  const char *db; /* on the target */
  const char *coll;
  const bson_t *min; /* {_id} bounds; NULL: open */
  const bson_t *max;
  bool no_id_index; /* several documents may have one `_id`: those are reported */
  bool natural;     /* as in struct range, and so is fetch_max */
  bool alone;       /* each document goes in a command of its own: see writer_unreadable */
  bool fetch_max;
  bool has_uuid;
  uint8_t uuid[16];         /* the collection's when the plan was made */
  int32_t answer_documents; /* so many at most in an answer of the source; 0: as many as it likes */
  int64_t batch_bytes;      /* a batch has no more, but for a single document */
  struct copy_primary *primary;
  struct measures *measures; /* counts what it takes; one thread's at a time */
  struct pace *pace;         /* sets the batches' size, and counts what was written */
};

struct copy_result {
  int64_t documents;
  int64_t bytes;
  int64_t duplicates; /* documents that were there from an earlier attempt, or came twice in the scan */
  bool lost;          /* it was read by name, and another collection or none has that name now */
};

struct copy_events {
  /* Called before each batch; returns when the pace allows the batch. False: the coordinator is gone. */
  bool (*wait)(void *context, struct error *error);
  /* Called after each batch, with what was copied so far. */
  void (*progress)(void *context, const struct copy_result *so_far);
  writer_refuse refuse;
  void *context;
};

/*
 * Returns when a majority of the target has the range. On false any part of it may be there; copying it again is safe.
 */
bool copy_range(struct reader *reader, struct server *target, const struct copy_task *task,
                const struct copy_events *events, struct copy_result *result, struct error *error);

#endif
