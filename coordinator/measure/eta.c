#include "coordinator/measure/eta.h"

#define PACE_MS 5000 /* before that a pace means nothing */
#define LONGEST_S (INT64_C(1000) * 86400)

static int64_t
seconds(double left, double per_s)
{
  double needed_s = per_s > 0 ? left / per_s : -1;
  return needed_s < 0 || needed_s > (double)LONGEST_S ? -1 : (int64_t)(needed_s + 0.5);
}

int64_t
eta_copy_s(const struct eta_copy *copy)
{
  if (copy->left_bytes <= 0) {
    return 0;
  }
  if (copy->copied_ms < PACE_MS) {
    return -1;
  }
  double whole_per_s = (double)copy->copied_bytes * 1000 / (double)copy->copied_ms;
  double per_s = copy->recent_per_s > 0 ? (whole_per_s + copy->recent_per_s) / 2 : whole_per_s;
  return seconds((double)copy->left_bytes, per_s);
}

static double
shared(int64_t work, int64_t builds)
{
  return (double)work / (double)(builds > 0 ? builds : 1);
}

int64_t
eta_indexes_s(const struct eta_indexes *indexes)
{
  if (indexes->left_long + indexes->left_short <= 0) {
    return 0;
  }
  if (indexes->built_ms <= 0 || indexes->built <= 0) {
    return -1;
  }
  double per_s = (double)indexes->built * 1000 / (double)indexes->built_ms;
  int64_t at_once = indexes->at_once < indexes->workers ? indexes->at_once : indexes->workers;
  int64_t all_s = seconds(shared(indexes->left_long, at_once) + shared(indexes->left_short, indexes->workers), per_s);
  int64_t largest_s = seconds((double)indexes->largest, per_s);
  return all_s > largest_s ? all_s : largest_s;
}

int64_t
eta_catch_up_s(int64_t lag_s, double position_per_s, double newest_per_s)
{
  return lag_s <= 0 ? lag_s : seconds((double)lag_s, position_per_s - newest_per_s);
}

int64_t
eta_sum_s(int64_t left, int64_t right)
{
  return left < 0 ? right : right < 0 ? left : left + right;
}
