// A report as one page without anything from elsewhere, for the screen and for paper.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "common/quality/evaluate.hpp"
#include "common/quality/value_text.hpp"

namespace genesis::quality {
namespace {

constexpr std::string_view kHead = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Synthetic rows beside real ones</title>
<style>
:root { --ink: #1c2330; --faint: #667085; --line: #d9dee7; --real: #8a94a6; --synthetic: #2f6fde; --bad: #b42318; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1100px; padding: 28px 20px 60px; color: var(--ink); font: 15px/1.45 system-ui, sans-serif;
  background: #fff; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 17px; margin: 34px 0 10px; } h3 { font-size: 14px; margin: 0 0 6px;
  overflow-wrap: anywhere; }
.faint { color: var(--faint); } .bad { color: var(--bad); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { text-align: left; padding: 4px 18px 4px 0; vertical-align: top; } th { color: var(--faint); font-weight: 500; }
td.number { text-align: right; }
.columns { display: grid; grid-template-columns: repeat(auto-fill, minmax(320px, 1fr)); gap: 16px; align-items: start; }
.column { border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; break-inside: avoid; }
svg { display: block; width: 100%; height: auto; } svg text { fill: var(--faint); font-size: 11px; }
.real { fill: var(--real); } .synthetic { fill: var(--synthetic); }
.key::before { content: ""; display: inline-block; width: 12px; height: 12px; margin: 0 6px 0 0; vertical-align: -1px; }
.key.r::before { background: var(--real); } .key.s::before { background: var(--synthetic); margin-left: 14px; }
.map { overflow-x: auto; } .map svg { min-width: 420px; max-width: 900px; }
@media print { body { max-width: none; padding: 0; font-size: 12px; } h2 { break-after: avoid; } }
</style>
</head>
<body>
)html";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

// At most `most` characters of UTF-8.
std::string shortened(const std::string& text, std::size_t most) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_first = (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U;
    if (is_first && characters++ == most) {
      return text.substr(0, i) + "…";
    }
  }
  return text;
}

std::string row(const std::vector<std::string>& cells) {
  std::string text = "<tr>";
  for (std::size_t i = 0; i < cells.size(); ++i) {
    text += (i == 1 ? "<td class=\"number\">" : "<td>") + escaped(cells[i]) + "</td>";
  }
  return text + "</tr>\n";
}

// Pairs of bars, one under the other: labels are read without turning the head.
std::string bars(const Histogram& histogram) {
  constexpr double kLabel = 120.0;
  constexpr double kWidth = 190.0;
  constexpr double kStep = 19.0;
  double most = 1e-9;
  for (const auto* shares : {&histogram.real, &histogram.synthetic}) {
    most = std::max(most, shares->empty() ? 0.0 : *std::ranges::max_element(*shares));
  }
  const auto height = fixed(kStep * static_cast<double>(histogram.labels.size()) + 2.0, 0);
  std::string svg = "<svg viewBox=\"0 0 360 " + height + "\" role=\"img\">";
  for (std::size_t i = 0; i < histogram.labels.size(); ++i) {
    const double top = kStep * static_cast<double>(i);
    const auto& label = histogram.labels[i];
    svg += "<g><title>" + escaped(label) + ": real " + fixed(100 * histogram.real[i], 2) +
           "%, synthetic " + fixed(100 * histogram.synthetic[i], 2) + "%</title>";
    svg += "<text x=\"114\" y=\"" + fixed(top + 12, 1) + "\" text-anchor=\"end\">" +
           escaped(shortened(label.empty() ? "\"\"" : label, 18)) + "</text>";
    const auto bar = [&](const char* name, double share, double y) {
      svg += "<rect class=\"" + std::string(name) + "\" x=\"" + fixed(kLabel, 0) + "\" y=\"" +
             fixed(y, 1) + "\" width=\"" + fixed(kWidth * share / most, 1) + "\" height=\"7\"/>";
    };
    bar("real", histogram.real[i], top + 1.5);
    bar("synthetic", histogram.synthetic[i], top + 8.5);
    svg += "<text x=\"" + fixed(kLabel + kWidth + 6, 0) + "\" y=\"" + fixed(top + 12, 1) + "\">" +
           fixed(100 * histogram.synthetic[i], 1) + "%</text></g>";
  }
  return svg + "</svg>";
}

// White at 0, dark at 1.
std::string shade(double value) {
  const auto level = [&](double at_one) {
    return std::to_string(std::lround(255.0 + (at_one - 255.0) * std::clamp(value, 0.0, 1.0)));
  };
  return "rgb(" + level(24) + "," + level(72) + "," + level(168) + ")";
}

// How strongly columns are related in the real table, above the diagonal, and how well the
// synthetic one has it, below.
std::string map(const Report& report) {
  constexpr std::size_t kMost = 40;
  const std::size_t count = std::min(report.columns.size(), kMost);
  if (count < 2) {
    return "";
  }
  const double cell = 24.0;
  const double margin = 130.0;
  const auto size = fixed(margin + cell * static_cast<double>(count) + 4.0, 0);
  std::string svg = "<svg viewBox=\"0 0 " + size + " " + size + "\" role=\"img\">";
  for (std::size_t i = 0; i < count; ++i) {
    const double middle = margin + cell * (static_cast<double>(i) + 0.5);
    const auto name = escaped(shortened(report.columns[i].name, 17));
    svg += "<text x=\"124\" y=\"" + fixed(middle + 4, 1) + "\" text-anchor=\"end\">" + name +
           "</text>";
    svg += "<text transform=\"translate(" + fixed(middle + 4, 1) + " 124) rotate(-90)\">" + name +
           "</text>";
  }
  std::size_t at = 0;
  for (std::size_t i = 0; i < report.columns.size(); ++i) {
    for (std::size_t j = i + 1; j < report.columns.size(); ++j, ++at) {
      if (j >= count) {
        continue;
      }
      const auto& pair = report.pairs[at];
      const auto square =
          [&](std::size_t x, std::size_t y, const std::string& fill, const std::string& told) {
            svg += "<rect x=\"" + fixed(margin + cell * static_cast<double>(x), 0) + "\" y=\"" +
                   fixed(margin + cell * static_cast<double>(y), 0) +
                   "\" width=\"23\" height=\"23\" fill=\"" + fill + "\"><title>" +
                   escaped(pair.columns[0] + " with " + pair.columns[1] + ": " + told) +
                   "</title></rect>";
          };
      square(j,
             i,
             pair.real ? shade(std::abs(*pair.real)) : "#f2f4f7",
             "related in the real table by " + (pair.real ? fixed(*pair.real, 2) : "-"));
      square(i,
             j,
             pair.score ? shade(1.0 - 4.0 * (1.0 - *pair.score)) : "#f2f4f7",
             "kept " + (pair.score ? fixed(*pair.score, 3) : "-: not related enough to count"));
    }
  }
  return svg + "</svg>";
}

std::string columns_of(const Report& report) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < report.columns.size(); ++i) {
    order.push_back(i);
  }
  std::ranges::stable_sort(order, [&](auto a, auto b) {
    return report.columns[a].score.value_or(2.0) < report.columns[b].score.value_or(2.0);
  });
  std::string text;
  for (const auto i : order) {
    const auto& column = report.columns[i];
    text += "<div class=\"column\"><h3>" + escaped(column.name) + " <span class=\"faint\">" +
            std::string(tabular::to_string(column.kind)) + ", shape " +
            (column.score ? fixed(*column.score, 4) : "-") + "</span></h3>" +
            bars(report.histograms[i]) + "</div>\n";
  }
  return text;
}

}  // namespace

std::string to_html(const Report& report) {
  std::string text(kHead);
  text += "<h1>Synthetic rows beside real ones</h1>\n<p class=\"faint\">" +
          std::to_string(report.synthetic_rows) + " synthetic rows, " +
          std::to_string(report.real_rows) + " real ones" +
          (report.holdout_rows ? ", " + std::to_string(*report.holdout_rows) + " held out" : "") +
          ". Computed from real rows without noise: the page is as confidential as they "
          "are.</p>\n<table>\n";
  for (const auto& cells : summary_rows(report)) {
    text += row(cells);
  }
  text += "</table>\n";
  for (const auto& remark : remarks(report)) {
    text += "<p class=\"bad\">" + escaped(remark) + "</p>\n";
  }
  if (!report.no_attacks.empty()) {
    text += "<p class=\"faint\">No attacks were made: " + escaped(report.no_attacks) + "</p>\n";
  }
  if (!report.attacks.empty()) {
    text +=
        "<h2>Attacks on single people</h2>\n<p class=\"faint\">What training on a row adds to the "
        "success of an attack on it; 0 "
        "where nothing is learnt of single rows.</p>\n<table>\n";
    for (const auto& attack : report.attacks) {
      const auto risk = attack.risk();
      text += row({attack.name,
                   fixed(risk.value, 3) + " ± " + fixed(risk.error, 3),
                   attack.is_strong() ? "" : "no better than guesses, so its risk says nothing"});
    }
    text += "</table>\n";
  }
  text +=
      "<h2>Columns, worst first</h2>\n<p><span class=\"key r\">real</span><span class=\"key "
      "s\">synthetic</span></p>\n"
      "<div class=\"columns\">\n" +
      columns_of(report) + "</div>\n";
  text +=
      "<h2>Pairs of columns</h2>\n<p class=\"faint\">Above the diagonal: how strongly two columns "
      "are related in the real table. "
      "Below: how well the synthetic one has it, where they are related enough to count; white is "
      "0.75 and less.</p>\n"
      "<div class=\"map\">" +
      map(report) + "</div>\n";
  return text + "</body>\n</html>\n";
}

}  // namespace genesis::quality
