#include "coordinator/prepare/setup.h"

#include "base/memory.h"
#include "coordinator/check/check.h"
#include "coordinator/options/uri.h"

bool
setup_init(struct setup *setup, const struct options *options, struct error *error)
{
  setup->options = options;
  bson_init(&setup->settings);
  if (!check_files(options, error) || !options_select(options, &setup->selection, error)) {
    return false;
  }
  options_settings(options, &setup->selection, &setup->settings);
  setup->source_uri = uri_make(options, URI_SOURCE, error);
  setup->target_uri = setup->source_uri ? uri_make(options, URI_TARGET, error) : NULL;
  setup->target_uri = uri_name(setup->target_uri, options_bookmark(options));
  return setup->target_uri != NULL;
}

void
setup_clear(struct setup *setup)
{
  catalog_clear(&setup->catalog);
  selection_clear(&setup->selection);
  memory_wipe(setup->source_uri);
  memory_wipe(setup->target_uri);
  bson_destroy(&setup->settings);
}
