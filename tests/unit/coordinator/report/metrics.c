#include "coordinator/report/metrics.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A status with collections `names`, each of (100 + its number) KB, one range each. */
struct sample {
  struct catalog catalog;
  struct plan plan;
  struct tail tail;
  struct window window;
  struct throttle throttle;
  struct pool pool;
  struct measure measure;
  struct status status;
};

static struct sample *
begin(size_t count)
{
  struct sample *sample = calloc(1, sizeof *sample);
  sample->catalog.count = count;
  sample->catalog.collections = calloc(count ? count : 1, sizeof *sample->catalog.collections);
  for (size_t i = 0; i < count; i++) {
    struct collection *collection = &sample->catalog.collections[i];
    collection->db = strdup("db");
    collection->name = malloc(260);
    snprintf(collection->name, 260, "c%zu", i);
    collection->bytes = (int64_t)(100 + i) * 1000;
  }
  return sample;
}

static char *
text_of(struct sample *sample)
{
  plan_init(&sample->plan, &sample->catalog, 4);
  for (size_t i = 0; i < sample->catalog.count; i++) {
    struct split_points points = {.method = "test"};
    plan_set_points(&sample->plan, i, &points);
  }
  plan_close(&sample->plan);
  throttle_init(&sample->throttle);
  sample->throttle.brake.now = (struct load){-1, 0.5, -1};
  sample->status = (struct status){.plan = &sample->plan,
                                   .pool = &sample->pool,
                                   .measure = &sample->measure,
                                   .tail = &sample->tail,
                                   .window = &sample->window,
                                   .throttle = &sample->throttle,
                                   .now_ms = 100000};
  return metrics_text(&sample->status);
}

static void
end(struct sample *sample, char *text)
{
  plan_clear(&sample->plan);
  for (size_t i = 0; i < sample->catalog.count; i++) {
    free(sample->catalog.collections[i].db);
    free(sample->catalog.collections[i].name);
  }
  free(sample->catalog.collections);
  free(sample);
  free(text);
}

static void
expect(const char *text, const char *line)
{
  char *whole = malloc(strlen(line) + 3);
  sprintf(whole, "\n%s\n", line);
  cr_assert(strstr(text, whole), "no '%s' in\n%s", line, text);
  free(whole);
}

Test(metrics, say_what_is_known)
{
  struct sample *sample = begin(2);
  sample->window = (struct window){.oldest = 100ULL << 32, .newest = 160ULL << 32};
  char *text = text_of(sample);
  expect(text, "# TYPE mongoferry_phase gauge");
  expect(text, "mongoferry_phase{phase=\"copying\"} 1");
  expect(text, "mongoferry_phase{phase=\"tailing the oplog\"} 0");
  expect(text, "mongoferry_copy_expected_bytes 201000");
  expect(text, "mongoferry_collections 2");
  expect(text, "mongoferry_namespace_expected_bytes{namespace=\"db.c1\"} 101000");
  expect(text, "mongoferry_oplog_window_length_seconds 60");
  expect(text, "mongoferry_target_latency_seconds 0.0005");
  cr_assert_not(strstr(text, "mongoferry_source_latency_seconds"));
  cr_assert_not(strstr(text, "mongoferry_oplog_window_left_seconds"));
  cr_assert_not(strstr(text, "mongoferry_replay_entries_total"));
  cr_assert_not(strstr(text, "nan"));
  end(sample, text);
}

Test(metrics, of_batches_count_those_that_were_quicker_too)
{
  struct sample *sample = begin(1);
  histogram_add(&sample->pool.gone.batches, 3000);
  histogram_add(&sample->pool.gone.batches, 3000);
  histogram_add(&sample->pool.gone.batches, 3600 * INT64_C(1000000));
  histogram_add(&sample->pool.gone_appliers.batches, 3000);
  char *text = text_of(sample);
  expect(text, "# TYPE mongoferry_copy_batch_duration_seconds histogram");
  expect(text, "mongoferry_copy_batch_duration_seconds_bucket{le=\"+Inf\"} 3");
  expect(text, "mongoferry_copy_batch_duration_seconds_count 3");
  expect(text, "mongoferry_copy_batch_duration_seconds_sum 3600.006");
  expect(text, "mongoferry_replay_batch_duration_seconds_count 1");
  int64_t before = 0;
  for (const char *at = text; (at = strstr(at, "mongoferry_copy_batch_duration_seconds_bucket{")) != NULL;) {
    at = strstr(at, "} ") + 2;
    cr_assert_geq(atoll(at), before);
    before = atoll(at);
  }
  end(sample, text);
}

Test(metrics, are_few_with_many_collections_with_long_names)
{
  struct sample *sample = begin(100000);
  for (size_t i = 0; i < sample->catalog.count; i++) {
    char *name = sample->catalog.collections[i].name;
    int digits = snprintf(name, 260, "%zu", i);
    memset(name + digits, i % 2 ? 'n' : 1, (size_t)(255 - digits)); /* a control character takes five bytes */
    name[255] = 0;
  }
  char *text = text_of(sample);
  cr_assert_lt(strlen(text), 200 * 1000, "%zu bytes", strlen(text));
  expect(text, "mongoferry_collections 100000");
  expect(text, "mongoferry_copy_expected_bytes 5009950000000");
  double sum = 0;
  size_t series = 0;
  for (const char *at = text; (at = strstr(at, "\nmongoferry_namespace_expected_bytes{")); series++) {
    at = strstr(at, "} ") + 2;
    sum += atof(at);
  }
  cr_assert_eq(series, METRICS_NAMESPACES_MOST + 1);
  cr_assert_eq(sum, 5009950000000);
  end(sample, text);
}

static void
expect_label(const char *name, const char *label)
{
  char made[METRICS_LABEL_MOST + 1];
  metrics_label(made, name);
  cr_assert_str_eq(made, label);
}

Test(metrics, labels_are_escaped)
{
  expect_label("shop.orders", "shop.orders");
  expect_label("a.\"b\\c", "a.\\\"b\\\\c");
  expect_label("a.\nb\xff\x1b", "a.\\\\nb\\\\xff\\\\x1b");
  expect_label("a.\xc3\xa4\xe2\x80\xae", "a.\xc3\xa4\\\\xe2\\\\x80\\\\xae");
}

Test(metrics, a_label_that_is_cut_stays_whole_characters)
{
  char name[402] = "";
  char made[METRICS_LABEL_MOST + 1];
  for (int i = 0; i < 400; i += 2) {
    memcpy(name + i, "\xc3\xa4", 3);
  }
  metrics_label(made, name);
  cr_assert_eq(strlen(made), METRICS_LABEL_MOST);
  name[0] = 'a';
  memmove(name + 1, name + 2, strlen(name) - 1);
  metrics_label(made, name);
  cr_assert_eq(strlen(made), METRICS_LABEL_MOST - 1);
  memset(name, '\\', 400);
  metrics_label(made, name);
  cr_assert_eq(strlen(made), METRICS_LABEL_MOST);
}

/* Prometheus takes no document that has a series twice. */
Test(metrics, names_that_look_the_same_are_counted_together)
{
  struct sample *sample = begin(2);
  strcpy(sample->catalog.collections[0].name, "\x01");
  strcpy(sample->catalog.collections[1].name, "\\x01");
  char *text = text_of(sample);
  expect(text, "mongoferry_namespace_expected_bytes{namespace=\"db.\\\\x01\"} 101000");
  expect(text, "mongoferry_namespace_expected_bytes{namespace=\"other\"} 100000");
  end(sample, text);
}
