#include "target/replay/dealing.h"

#include <string.h>

#include "base/hash.h"

/* The last bytes that went into FNV-1a hardly change its high bits: this spreads them (MurmurHash3's finalizer). */
static uint64_t
spread(uint64_t hash)
{
  hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdU;
  hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53U;
  return hash ^ hash >> 33;
}

int
dealing_place(const char *db, const char *coll, uint64_t hash, int count)
{
  uint64_t of = hash_bytes(HASH_SEED, db, strlen(db) + 1);
  of = hash_bytes(of, coll, strlen(coll) + 1);
  return (int)(spread(of ^ hash) % (unsigned)count);
}
