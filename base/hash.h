/*
 * FNV-1a, 64 bits: to recognise bytes, not to protect them.
 */
#ifndef FERRY_BASE_HASH_H
#define FERRY_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_SEED 14695981039346656037U

/* Goes on from `hash`; begin with HASH_SEED. */
static inline uint64_t
hash_bytes(uint64_t hash, const void *data, size_t size)
{
  const uint8_t *bytes = data;
  for (size_t i = 0; i < size; i++) {
    hash = (hash ^ bytes[i]) * 1099511628211U;
  }
  return hash;
}

#endif
