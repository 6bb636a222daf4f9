#include "coordinator/report/verify_view.h"

const char *
verify_state_text(enum verify_state state)
{
  static const char *const texts[] = {"waiting", "listing", "comparing", "following", "failed"};
  return texts[state];
}
