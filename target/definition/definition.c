#include "target/definition/definition.h"

#include <stdio.h>
#include <string.h>

#define PAGE 4096 /* of MMAPv1: S:src/mongo/db/storage/mmap_v1/extent_manager.cpp@r4.0.14 */

enum rule {
  KEEP,
  SILENT, /* not the user's, or without a meaning */
  CAPPED, /* the flag itself */
  CAPPED_SIZE,
  IF_CAPPED,
  ENGINE, /* options by storage engine */
  EXPIRY,
  AUTO_ID,
  PIPELINE,
  PRE_IMAGES
};

/* S:src/mongo/db/catalog/collection_options.cpp@r2.6.12..r4.2.2; later ones by the documentation of create. */
static const struct {
  const char *name;
  enum rule rule;
} rules[] = {
  {"capped", CAPPED},
  {"size", CAPPED_SIZE},
  {"max", IF_CAPPED},
  {"autoIndexId", AUTO_ID},
  {"storageEngine", ENGINE},
  {"indexOptionDefaults", ENGINE},
  {"validator", KEEP},
  {"validationLevel", KEEP},
  {"validationAction", KEEP},
  {"collation", KEEP},
  {"viewOn", KEEP},
  {"pipeline", KEEP},
  {"timeseries", KEEP},
  {"clusteredIndex", KEEP},
  {"changeStreamPreAndPostImages", KEEP},
  {"encryptedFields", KEEP},
  {"recordPreImages", PRE_IMAGES},
  {"expireAfterSeconds", EXPIRY},
  {"viewPipeline", PIPELINE}, /* SecantusDB's oplog calls a view's pipeline so */
  {"create", SILENT},
  {"uuid", SILENT},
  {"idIndex", SILENT},
  {"temp", SILENT},
  {"flags", SILENT},
  {"$nExtents", SILENT},
  {"recordIdsReplicated", SILENT},
  {"writeConcern", SILENT},
  {"comment", SILENT},
};

static void
note(struct definition *definition, const char *key, const char *what)
{
  size_t used = strlen(definition->notes);
  snprintf(definition->notes + used, sizeof definition->notes - used, "%s%.60s %s", used ? ", " : "", key, what);
}

static bool
is_true(const bson_t *options, const char *key)
{
  bson_iter_t iter;
  return bson_iter_init_find(&iter, options, key) && bson_iter_as_bool(&iter);
}

/* A target takes every engine it may have for WiredTiger. Another engine's settings have no meaning there. */
static void
keep_engine(struct definition *definition, const bson_iter_t *option, bson_t *to)
{
  bson_iter_t iter;
  bson_t kept = BSON_INITIALIZER;
  const char *key = bson_iter_key(option);
  bool nested = strcmp(key, "indexOptionDefaults") == 0;
  if (BSON_ITER_HOLDS_DOCUMENT(option) && bson_iter_recurse(option, &iter)) {
    while (bson_iter_next(&iter)) {
      if (nested && strcmp(bson_iter_key(&iter), "storageEngine") == 0) {
        keep_engine(definition, &iter, &kept);
      } else if (nested || strcmp(bson_iter_key(&iter), "wiredTiger") == 0) {
        bson_append_iter(&kept, NULL, 0, &iter);
      } else {
        note(definition, bson_iter_key(&iter), "is no storage engine of the target and left out");
      }
    }
  }
  if (!bson_empty(&kept)) {
    bson_append_document(to, key, -1, &kept);
  }
  bson_destroy(&kept);
}

/* From 6.0 on before-images are an option of change streams. */
static void
append_pre_images(const bson_iter_t *option, int version, bson_t *to)
{
  bson_t images;
  if (version < 600) {
    bson_append_iter(to, NULL, 0, option);
    return;
  }
  BSON_APPEND_DOCUMENT_BEGIN(to, "changeStreamPreAndPostImages", &images);
  BSON_APPEND_BOOL(&images, "enabled", bson_iter_as_bool(option));
  bson_append_document_end(to, &images);
}

static void
keep_pre_images(struct definition *definition, const bson_iter_t *option, int version)
{
  if (version < 600 || bson_iter_as_bool(option)) {
    append_pre_images(option, version, &definition->options);
  }
  if (version >= 600 && bson_iter_as_bool(option)) {
    note(definition, "recordPreImages", "becomes changeStreamPreAndPostImages");
  }
}

static void
keep_expiry(struct definition *definition, const bson_iter_t *option)
{
  if (BSON_ITER_HOLDS_NUMBER(option) && bson_iter_as_int64(option) >= 0) {
    definition->ttl_s = bson_iter_as_int64(option);
    bson_append_iter(&definition->options, NULL, 0, option);
  }
}

static void
keep_auto_id(struct definition *definition, const bson_iter_t *option)
{
  if (!bson_iter_as_bool(option)) {
    note(definition, "autoIndexId", "is left out: the target gives it an _id index");
  }
}

static void
keep_if_capped(struct definition *definition, const bson_iter_t *option, bool capped)
{
  if (capped) {
    bson_append_iter(&definition->options, NULL, 0, option);
  } else {
    note(definition, bson_iter_key(option), "has no effect without capped and is left out");
  }
}

static void
keep_pages(struct definition *definition, const bson_iter_t *option)
{
  int64_t size = BSON_ITER_HOLDS_NUMBER(option) ? bson_iter_as_int64(option) : 0;
  if (size <= 0 || size > INT64_MAX - PAGE || size % PAGE == 0) {
    bson_append_iter(&definition->options, NULL, 0, option);
    return;
  }
  BSON_APPEND_INT64(&definition->options, "size", size + PAGE - size % PAGE);
  note(definition, "size", "becomes whole pages of 4096 bytes, which the source fills");
}

static enum rule
rule_of(const char *name, bool *known)
{
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    if (strcmp(rules[i].name, name) == 0) {
      *known = true;
      return rules[i].rule;
    }
  }
  *known = false;
  return SILENT;
}

void
definition_make(const bson_t *options, bool pages, int version, struct definition *definition)
{
  bson_iter_t iter;
  bool capped = is_true(options, "capped");
  bson_init(&definition->options);
  definition->ttl_s = -1;
  definition->notes[0] = 0;
  for (bson_iter_init(&iter, options); bson_iter_next(&iter);) {
    bool known = false;
    const char *key = bson_iter_key(&iter);
    switch (rule_of(key, &known)) {
    case KEEP:
      bson_append_iter(&definition->options, NULL, 0, &iter);
      break;
    case CAPPED: /* 2.6 took any true value */
      if (capped) {
        BSON_APPEND_BOOL(&definition->options, "capped", true);
      }
      break;
    case CAPPED_SIZE:
      if (capped && pages) {
        keep_pages(definition, &iter);
        break;
      }
      /* fall through */
    case IF_CAPPED:
      keep_if_capped(definition, &iter, capped);
      break;
    case ENGINE:
      keep_engine(definition, &iter, &definition->options);
      break;
    case EXPIRY:
      keep_expiry(definition, &iter);
      break;
    case AUTO_ID:
      keep_auto_id(definition, &iter);
      break;
    case PIPELINE:
      bson_append_iter(&definition->options, "pipeline", -1, &iter);
      break;
    case PRE_IMAGES:
      keep_pre_images(definition, &iter, version);
      break;
    case SILENT:
      if (!known) {
        note(definition, key, "is unknown and left out");
      }
      break;
    }
  }
}

bool
definition_append_change(const bson_iter_t *field, int version, bson_t *command)
{
  const char *key = bson_iter_key(field);
  if (strcmp(key, "comment") == 0) {
    return false;
  }
  if (strcmp(key, "recordPreImages") == 0) {
    append_pre_images(field, version, command);
  } else {
    bson_append_iter(command, NULL, 0, field);
  }
  return true;
}
