/*
 * The page of the status port: one HTML document that asks for nothing else but /progress, and shows a plain status
 * where the browser runs no script. Its sources are in coordinator/control/page/. cmake/page.cmake makes one text of
 * them, with a place {{name}} for each part of the status.
 */
#ifndef FERRY_COORDINATOR_CONTROL_PAGE_H
#define FERRY_COORDINATOR_CONTROL_PAGE_H

#define PAGE_CONTENT_TYPE "text/html; charset=utf-8"

extern const char page_template[];
/* The Content-Security-Policy to send with the page: it allows the page's own script and style, by their hashes. */
extern const char page_policy[];

/*
 * The page with the status in it. `progress` is the text of GET /progress; what it lacks stays empty. All of its texts
 * are escaped. The caller's, for free().
 */
char *page_html(const char *progress);

#endif
