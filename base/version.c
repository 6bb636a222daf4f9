#include "base/version.h"

const char version_number[] = FERRY_VERSION;
const char version_revision[] = FERRY_REVISION;
