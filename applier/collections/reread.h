/*
 * Documents that are read again from the source at the consistency point. Four kinds: those whose fields' order the
 * lenient replay cannot promise; those that a copy from MMAPv1 may have missed (target/replay/unmatched_updates.h);
 * those of which the target refused a state (target/replay/bulk.h); those that a verification found different
 * (applier/replay/repair.h).
 *
 * Removing a field and setting it again moves it behind the others. The copy may already be as after that. Then doing
 * it once more moves the field behind fields that were added later still: every value is right, the order is not. No
 * other kind of entry does this. A field that is only set keeps its place. An insert or a replacement has the whole
 * document. A $v: 2 delta appends again every field that it appended.
 *
 * A document that was read again is newer than the replay. Its entries up to a timestamp noted before the reading are
 * left out. Those after that, up to a timestamp noted after the reading, are replayed leniently. If one of them
 * removes a field, or finds nothing, the document is read again. This ends, as each time there is less to read.
 */
#ifndef FERRY_APPLIER_COLLECTIONS_REREAD_H
#define FERRY_APPLIER_COLLECTIONS_REREAD_H

#include "applier/collections/collection_map.h"
#include "source/reader/reader.h"
#include "target/replay/apply.h"

/* One document, in its collection's `rereads`: about 150 bytes and its _id. */
struct reread {
  bson_t *id;     /* {_id}; the key is its bytes */
  uint64_t exact; /* what was read has the entries up to this one; 0: not read yet */
  bool due;       /* to be read */
  UT_hash_handle hh;
};

struct reread *reread_find(const struct mapped_collection *mapped, const bson_t *id);
void reread_note(struct mapped_collection *mapped, const bson_t *id);
void reread_forget(struct mapped_collection *mapped, struct reread *reread);
void reread_clear(struct mapped_collection *mapped);

bool reread_any_due(const struct collection_map *collection_map);

/* Behind the consistency point, all of them wait for reread_judge. */
bool reread_any(const struct collection_map *collection_map);

/*
 * Behind the consistency point: judges updates that found nothing where the target may have expired documents by
 * itself. If the source has deleted the document, its entry comes. If the source has the document, the target must
 * have it, too, at the source's newest entry of that moment; else ERROR_DIVERGED. `settled`: how far the replay is.
 */
bool reread_judge(struct collection_map *collection_map, struct reader *reader, struct server *target, uint64_t settled,
                  struct error *error);

/* The replay becomes lenient once more: what would have been judged is read again instead. */
void reread_all_due(struct collection_map *collection_map);

/*
 * apply_flush. Documents that it put into `again` are due then. A capped collection among them is to be copied again
 * (`relapse` of the collection map). Up to `complete`, each delete of an overflow has had the insert that it belongs
 * to (target/replay/capped.h).
 */
bool reread_flush(struct collection_map *collection_map, struct apply *apply, bool majority, uint64_t complete,
                  struct error *error);

/*
 * Reads all that are due from the source, and writes them to the target through `apply`. Then none is due. `*end`
 * becomes the source's newest timestamp after the reading: the new consistency point.
 *
 * `final`: what the target refuses is reported. Else it is to be read once more: where unique indexes are built, a
 * document that is ahead of the replay may meet a key that another one still has.
 */
bool reread_run(struct collection_map *collection_map, struct reader *reader, struct apply *apply, bool final,
                uint64_t *end, struct error *error);

#endif
