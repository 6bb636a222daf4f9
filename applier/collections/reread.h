/*
 * Documents whose fields' order the lenient replay cannot promise, those that a copy from MMAPv1 may have missed
 * (target/replay/unmatched_updates.h), and those of which the target refused a state (target/replay/bulk.h), read again from the source at the
 * consistency point.
 *
 * Removing a field and setting it again moves it behind the others. Where the copy already is as after that, doing it once
 * more moves it behind fields that were added later still: every value is right, the order is not. No other kind of
 * entry does this: a field that is only set keeps its place, an insert or a replacement says the whole document, and a
 * $v: 2 delta appends again every field that it appended.
 *
 * A document that was read again is newer than the replay: its entries up to a timestamp noted before the reading are
 * left out, those after it, until one noted after the reading, are replayed leniently, and it is read again if one of
 * them removes a field, or finds nothing. This ends, as what is to be read gets less each time.
 */
#ifndef FERRY_APPLIER_COLLECTIONS_REREAD_H
#define FERRY_APPLIER_COLLECTIONS_REREAD_H

#include "applier/collections/collection_map.h"
#include "source/reader/reader.h"
#include "target/replay/apply.h"

/* One document, in its place's `rereads`: about 150 bytes and its _id. */
struct reread {
  bson_t *id;     /* {_id}; the key is its bytes */
  uint64_t exact; /* entries at or below it are in what was read; 0: not read yet */
  bool due;       /* to be read */
  UT_hash_handle hh;
};

struct reread *reread_find(const struct mapped_collection *mapped, const bson_t *id);
void reread_note(struct mapped_collection *mapped, const bson_t *id);
void reread_forget(struct mapped_collection *mapped, struct reread *reread);
void reread_clear(struct mapped_collection *mapped);

bool reread_any_due(const struct collection_map *collection_map);

/* Behind the consistency point all there are wait for reread_judge. */
bool reread_any(const struct collection_map *collection_map);

/*
 * Behind the consistency point: updates that found nothing where the target may have expired documents by itself. If the source
 * has deleted the document, its entry comes. Where the source has it, so must the target at the newest entry of then: `settled`
 * is how far the replay is. ERROR_DIVERGED if it does not.
 */
bool reread_judge(struct collection_map *collection_map, struct reader *reader, struct server *target, uint64_t settled,
                  struct error *error);

/* The replay becomes lenient once more: what would have been judged is read again instead. */
void reread_all_due(struct collection_map *collection_map);

/*
 * apply_flush; what it sent may have put documents into `again`, which are due then; a capped collection is to be copied again
 * (places->relapse). Up to `complete`, each delete of an overflow has had the insert that it belongs to (target/replay/capped.h).
 */
bool reread_flush(struct collection_map *collection_map, struct apply *apply, bool majority, uint64_t complete,
                  struct error *error);

/*
 * Reads all that are due from the source and writes them to the target, through `apply`; they are due no more. `*end`
 * becomes the newest timestamp of the source after the reading: the new consistency point.
 */
bool reread_run(struct collection_map *collection_map, struct reader *reader, struct apply *apply, uint64_t *end,
                struct error *error);

#endif
