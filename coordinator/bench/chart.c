#include "coordinator/bench/chart.h"

#include <math.h>

#define WIDTH 720
#define HEIGHT 420
#define LEFT 70
#define RIGHT 650
#define TOP 60
#define BOTTOM 350
#define LINES 5 /* of the grid */

static const char style[] =
  "<style>text{font:13px sans-serif;fill:#222}.grid{stroke:#ddd}.copy{stroke:#0b5cad;fill:none;stroke-width:2.5}"
  ".floor{stroke:#555;fill:none;stroke-width:2;stroke-dasharray:6 4}.cpu{stroke:#b34700;fill:none;stroke-width:2;"
  "stroke-dasharray:2 3}.copydot{fill:#0b5cad}.back{fill:#fff}"
  "@media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#444}.copy{stroke:#6cb2ff}.floor{stroke:#bbb}"
  ".cpu{stroke:#ff9d5c}.copydot{fill:#6cb2ff}.back{fill:#1b1b1b}}</style>\n";

/* The points of the first stage, which differ in their workers only. */
struct chart {
  const struct sweep_point *points[SWEEP_POINTS];
  int count;
  double most_mb;
  double most_processors;
};

/* The next of 1, 2, 5, 10, 20, ... that is not less. */
static double
round_up(double value)
{
  double step = pow(10, floor(log10(value > 0 ? value : 1)));
  double part = value / step;
  return step * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

static void
collect(struct chart *chart, const struct sweep *sweep)
{
  *chart = (struct chart){0};
  for (size_t i = 0; i < sweep->count; i++) {
    const struct sweep_point *point = &sweep->points[i];
    if (point->stage == SWEEP_WORKERS && point->count > 0) {
      chart->points[chart->count++] = point;
      chart->most_mb = fmax(chart->most_mb, fmax(sweep_copy(point).most, sweep_floor(point).most) / 1e6);
      chart->most_processors = fmax(chart->most_processors, sweep_processors(point).most);
    }
  }
  chart->most_mb = round_up(chart->most_mb);
  chart->most_processors = round_up(chart->most_processors);
}

static double
x_of(const struct chart *chart, int i)
{
  return chart->count < 2 ? (LEFT + RIGHT) / 2.0 : LEFT + (RIGHT - LEFT) * (double)i / (chart->count - 1);
}

static double
y_of(double value, double most)
{
  return BOTTOM - (BOTTOM - TOP) * (most > 0 ? value / most : 0);
}

static void
put_axes(const struct chart *chart, FILE *out)
{
  for (int i = 0; i <= LINES; i++) {
    double y = y_of(i, LINES);
    fprintf(out, "<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n", LEFT, y, RIGHT, y);
    fprintf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n", LEFT - 8, y + 4,
            chart->most_mb * i / LINES);
    fprintf(out, "<text x=\"%d\" y=\"%.1f\">%g</text>\n", RIGHT + 8, y + 4, chart->most_processors * i / LINES);
  }
  for (int i = 0; i < chart->count; i++) {
    fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>\n", x_of(chart, i), BOTTOM + 20,
            chart->points[i]->setting.workers);
  }
  fprintf(out,
          "<text x=\"%d\" y=\"%d\">MB/s</text>\n<text x=\"%d\" y=\"%d\" text-anchor=\"end\">processors busy</text>\n"
          "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">workers</text>\n",
          LEFT - 40, TOP - 15, RIGHT + 40, TOP - 15, (LEFT + RIGHT) / 2, BOTTOM + 40);
}

static void
put_line(const struct chart *chart, const char *class, struct sweep_range (*what)(const struct sweep_point *),
         double most, FILE *out)
{
  fprintf(out, "<polyline class=\"%s\" points=\"", class);
  for (int i = 0; i < chart->count; i++) {
    fprintf(out, "%s%.1f,%.1f", i > 0 ? " " : "", x_of(chart, i), y_of(what(chart->points[i]).middle, most));
  }
  fputs("\"/>\n", out);
}

static void
put_legend(FILE *out)
{
  static const struct {
    const char *class;
    const char *text;
  } rows[] = {{"copy", "mongoferry"}, {"floor", "the floor: no tool between"}, {"cpu", "CPU of mongoferry"}};
  for (int i = 0; i < 3; i++) {
    int x = LEFT + 10 + 190 * i;
    fprintf(out, "<line class=\"%s\" x1=\"%d\" y1=\"405\" x2=\"%d\" y2=\"405\"/><text x=\"%d\" y=\"409\">%s</text>\n",
            rows[i].class, x, x + 30, x + 36, rows[i].text);
  }
}

void
chart_write(const struct sweep *sweep, FILE *out)
{
  struct chart chart;
  collect(&chart, sweep);
  fprintf(out,
          "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"t d\">\n"
          "<title id=\"t\">Throughput and CPU against the number of workers</title>\n<desc id=\"d\">",
          WIDTH, HEIGHT);
  for (int i = 0; i < chart.count; i++) {
    const struct sweep_point *point = chart.points[i];
    fprintf(out, "%s%d workers: %.1f MB/s, floor %.1f MB/s, %.2f processors busy", i > 0 ? "; " : "",
            point->setting.workers, sweep_copy(point).middle / 1e6, sweep_floor(point).middle / 1e6,
            sweep_processors(point).middle);
  }
  fprintf(out, ".</desc>\n%s<rect class=\"back\" width=\"%d\" height=\"%d\"/>\n", style, WIDTH, HEIGHT);
  put_axes(&chart, out);
  put_line(&chart, "floor", sweep_floor, chart.most_mb * 1e6, out);
  put_line(&chart, "cpu", sweep_processors, chart.most_processors, out);
  put_line(&chart, "copy", sweep_copy, chart.most_mb * 1e6, out);
  for (int i = 0; i < chart.count; i++) {
    fprintf(out, "<circle class=\"copydot\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>\n", x_of(&chart, i),
            y_of(sweep_copy(chart.points[i]).middle, chart.most_mb * 1e6));
  }
  put_legend(out);
  fputs("</svg>\n", out);
}
