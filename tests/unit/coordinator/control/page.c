#include "coordinator/control/page.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static bool
has(const char *html, const char *text)
{
  return strstr(html, text) != NULL;
}

Test(page, shows_the_status_without_a_script)
{
  char *html = page_html(
    "{\"version\": \"1.2.3\", \"now\": \"2026-11-26T03:12:44.123Z\", \"state\": \"running\", \"phase\": \"copying\","
    " \"phases\": [{\"name\": \"checking\", \"beganAt\": \"2026-11-26T03:00:00.000Z\", \"seconds\": 75.2},"
    " {\"name\": \"copying\", \"beganAt\": \"2026-11-26T03:01:15.200Z\"}, {\"name\": \"draining\"}],"
    " \"etaSeconds\": 3700, \"copy\": {\"documents\": 1200, \"bytes\": 1240000000, \"expectedBytes\": 2480000000},"
    " \"collections\": [{\"ns\": \"shop.orders\", \"bytes\": 620000, \"totalBytes\": 1000000, \"complete\": false}],"
    " \"otherCollections\": {\"count\": 7, \"complete\": 3},"
    " \"workers\": [{\"index\": 1, \"state\": \"copying\", \"ns\": \"shop.orders\", \"documents\": 12}],"
    " \"refused\": 2, \"warnings\": [{\"at\": \"2026-11-26T03:02:00.000Z\", \"text\": \"slow\"}]}");
  cr_assert(has(html, "<title>copying · mongoferry</title>"));
  cr_assert(has(html, "at 03:12:44 UTC"));
  cr_assert(has(html, "Follows the source in about 1 h 01 min."));
  cr_assert(has(html, "<progress id=\"copied\" max=\"100\" value=\"50\""));
  cr_assert(has(html, "<span>1.24 GB</span><small>of 2.48 GB, 1200 documents</small>"));
  cr_assert(has(html, "<li data-at=\"done\"><span>checking"));
  cr_assert(has(html, "1 min 15 s"));
  cr_assert(has(html, "<li data-at=\"now\" aria-current=\"step\"><span>copying"));
  cr_assert(has(html, "<li data-at=\"next\"><span>draining"));
  cr_assert(has(html, "62 % · 620 kB of 1.00 MB"));
  cr_assert(has(html, "7 others</span><span class=\"sub\">3 complete"));
  cr_assert(has(html, "1: copying <span class=\"name\" dir=\"ltr\">shop.orders"));
  cr_assert(has(html, "<dt>Refused</dt><dd><span>2</span>"));
  cr_assert(has(html, "<time>03:02:00 UTC</time><span>slow</span>"));
  free(html);
}

Test(page, lacks_what_is_not_known)
{
  static const char *const few[] = {"{}", "", "no document", "{\"phases\": [1, {}], \"workers\": {\"index\": 1}}"};
  for (size_t i = 0; i < sizeof few / sizeof *few; i++) {
    char *html = page_html(few[i]);
    cr_assert(has(html, "</html>"));
    cr_assert_not(has(html, "{{"));
    cr_assert_not(has(html, "nan"));
    cr_assert(has(html, "<ul id=\"workers\" class=\"rows\"><li class=\"none\">None</li></ul>"));
    free(html);
  }
}

/* A collection's name, or a text of a server. */
Test(page, shows_hostile_texts_as_text)
{
  char *html = page_html("{\"phase\": \"<b>{{state}}\", \"state\": \"\\\" onclick='x'\","
                         " \"collections\": [{\"ns\": \"a.</ul><script>alert(1)</script>&\\\"'\"}],"
                         " \"warnings\": [{\"at\": \"T<i>\", \"text\": \"</script><img src=x>\"}]}");
  cr_assert(has(html, "&lt;b&gt;{{state}}"));
  cr_assert(has(html, "&quot; onclick=&#39;x&#39;"));
  cr_assert(has(html, "a.&lt;/ul&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;"));
  cr_assert(has(html, "&lt;/script&gt;&lt;img src=x&gt;"));
  cr_assert_not(has(html, "<img"));
  cr_assert_not(has(html, "<i>"));
  free(html);
}
