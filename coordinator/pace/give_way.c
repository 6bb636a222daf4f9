#include "coordinator/pace/give_way.h"

#define MINUTE_MS 60000
#define LAG_MOST_S 10 /* is too much, however usual */
#define MORE_MOST_S 2 /* more than usual from which on it waits, */
#define MORE_WELL_S 1 /* and from which on it goes on */

static int64_t
smaller(int64_t a, int64_t b)
{
  return a < b ? a : b;
}

static void
remember(struct give_way *way, int64_t lag_s, int64_t now_ms)
{
  if (way->since_ms == 0) {
    way->since_ms = now_ms;
    way->least_s = way->earlier_s = lag_s;
  } else if (now_ms - way->since_ms >= MINUTE_MS) {
    way->since_ms = now_ms;
    way->earlier_s = way->least_s;
    way->least_s = lag_s;
  }
  way->least_s = smaller(way->least_s, lag_s);
}

bool
give_way_take(struct give_way *way, int64_t lag_s, int64_t now_ms)
{
  if (lag_s < 0) {
    way->waits = false;
    return false;
  }
  remember(way, lag_s, now_ms);
  int64_t more_s = lag_s - smaller(way->least_s, way->earlier_s);
  way->waits = lag_s > LAG_MOST_S || more_s > (way->waits ? MORE_WELL_S : MORE_MOST_S);
  return way->waits;
}
