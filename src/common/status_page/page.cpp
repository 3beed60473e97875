#include "common/status_page/page.hpp"

#include <string_view>

namespace genesis::status_page {
namespace {

// NONCE stands for the nonce. Names and reasons come from other sites: they are only ever set as
// text.
constexpr std::string_view kPage = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Genesis Federated</title>
<link rel="icon" href="data:,">
<style nonce="NONCE">
:root { --ink: #1c2330; --faint: #667085; --line: #d9dee7; --back: #f6f7f9; --card: #fff; --good: #16794c; --bad: #b42318;
        --warn: #9a6700; --a: #2f6fde; --b: #d9730d; --c: #16794c; --d: #8250df; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ef; --faint: #98a2b3; --line: #313a49; --back: #12161d; --card: #1a202a; --good: #4cc38a; --bad: #ff8b7e;
          --warn: #e3b341; --a: #76a6ff; --b: #ffa657; --c: #4cc38a; --d: #c297ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 22px; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 15px; margin: 28px 0 8px; }
header { display: flex; gap: 12px; align-items: baseline; flex-wrap: wrap; }
.phase { font-weight: 600; color: var(--a); } .phase.Complete { color: var(--good); } .phase.Failed { color: var(--bad); }
.bar { height: 10px; border-radius: 5px; background: var(--line); margin: 16px 0 6px; overflow: hidden; }
.bar > div { height: 100%; background: var(--a); width: 0; transition: width .4s; }
.faint { color: var(--faint); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 10px; margin-top: 16px; }
.card, .panel { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; }
.card b { display: block; font-size: 20px; font-variant-numeric: tabular-nums; }
.notes { padding: 0; list-style: none; margin: 12px 0 0; } .notes li { color: var(--warn); overflow-wrap: anywhere; }
.notes li.bad { color: var(--bad); }
.scroll { overflow-x: auto; padding: 0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 7px 14px; border-bottom: 1px solid var(--line); white-space: nowrap; }
td.wrap { white-space: normal; overflow-wrap: anywhere; min-width: 16em; }
td.number, th.number { text-align: right; } tr:last-child td { border-bottom: 0; } th { color: var(--faint); font-weight: 500; }
svg { display: block; width: 100%; height: auto; } svg text { fill: var(--faint); font-size: 12px; }
.axis { stroke: var(--line); } .curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
.legend { display: flex; gap: 18px; flex-wrap: wrap; margin-bottom: 4px; } .legend i { display: inline-block; width: 14px; height: 3px;
  vertical-align: middle; margin-right: 6px; }
.c0 { stroke: var(--a); background: var(--a); } .c1 { stroke: var(--b); background: var(--b); }
.c2 { stroke: var(--c); background: var(--c); } .c3 { stroke: var(--d); background: var(--d); }
</style>
</head>
<body>
<main>
<header><h1 id="name">Waiting for the training</h1><span id="phase" class="phase"></span></header>
<div class="bar" role="progressbar" aria-label="rounds" aria-valuemin="0" aria-valuemax="100" id="bar"><div id="done"></div></div>
<div id="rounds" class="faint">No status yet.</div>
<ul id="notes" class="notes"></ul>
<div id="cards" class="cards"></div>
<section id="losses" hidden><h2>Losses, mean of the clients by rows</h2><div class="panel"><div id="legend" class="legend"></div>
<svg id="plot" viewBox="0 0 1000 280" role="img" aria-label="losses by round"></svg></div></section>
<section id="sites" hidden><h2>Clients</h2><div class="panel scroll"><table><thead><tr><th>client</th><th>state</th>
<th class="number">rows</th><th class="number">last round</th><th>losses</th><th>reason</th></tr></thead>
<tbody id="clients"></tbody></table></div></section>
<p id="contact" class="faint" role="status"></p>
</main>
<script nonce="NONCE">
"use strict";
const at = id => document.getElementById(id);
const make = (tag, text, type) => { const e = document.createElement(tag); e.textContent = text ?? ""; if (type) e.className = type; return e; };
const shape = (tag, fields, text) => {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(fields)) e.setAttribute(key, value);
  e.textContent = text ?? "";
  return e;
};
const short = x => x == null ? "-" : Math.abs(x) >= 1e4 || (x && Math.abs(x) < 1e-3) ? x.toExponential(2) : String(+x.toPrecision(4));
const time = s => { s = Math.round(s); const m = Math.floor(s / 60) % 60, h = Math.floor(s / 3600);
  return (h ? h + ":" + String(m).padStart(2, "0") : m) + ":" + String(s % 60).padStart(2, "0"); };
const bytes = n => { let i = 0; while (n >= 1000 && i < 4) { n /= 1000; ++i; } return (i ? n.toFixed(1) : n) + " " + ["B", "kB", "MB", "GB", "TB"][i]; };
const isLoss = name => name.endsWith("_loss");

function showCards(s) {
  const reported = s.clients.filter(c => c.state === "reported").length;
  const cards = [["clients", `${s.joined} take part`, `${reported} have reported`], ["running for", time(s.elapsed_seconds), ""],
    ["left, about", s.estimated_remaining_seconds == null ? "-" : time(s.estimated_remaining_seconds), ""],
    ["received", bytes(s.bytes_received), "by the server"], ["sent", bytes(s.bytes_sent), ""]];
  if (s.privacy) cards.push(["epsilon of a site", short(s.privacy.epsilon), `delta ${short(s.privacy.delta)}`]);
  at("cards").replaceChildren(...cards.map(([what, value, more]) => {
    const card = make("div", "", "card");
    card.append(make("span", what, "faint"), make("b", value), make("span", more, "faint"));
    return card;
  }));
}

function showClients(s) {
  at("sites").hidden = !s.clients.length;
  at("clients").replaceChildren(...s.clients.map(c => {
    const row = make("tr");
    const losses = Object.entries(c.telemetry ?? {}).filter(([name]) => isLoss(name)).map(([name, v]) => `${name.slice(0, -5)} ${short(v)}`);
    row.append(make("td", c.id), make("td", c.state), make("td", c.rows ?? "-", "number"), make("td", c.last_round, "number"),
      make("td", losses.join(", ")), make("td", c.reason, "wrap"));
    return row;
  }));
}

function showLosses(rounds) {
  const names = [...new Set(rounds.flatMap(r => Object.keys(r.losses)))].sort().slice(0, 4);
  at("losses").hidden = !names.length || rounds.length < 2;
  if (at("losses").hidden) return;
  at("legend").replaceChildren(...names.map((name, i) => {
    const entry = make("span");
    entry.append(make("i", "", "c" + i), name + " " + short(rounds[rounds.length - 1].losses[name]));
    return entry;
  }));
  const values = rounds.flatMap(r => Object.values(r.losses)).filter(Number.isFinite);
  let low = Math.min(...values), high = Math.max(...values);
  if (high - low < 1e-9) { low -= 0.5; high += 0.5; }
  const first = rounds[0].round, last = rounds[rounds.length - 1].round;
  const x = r => 60 + 925 * (r - first) / Math.max(1, last - first), y = v => 250 - 235 * (v - low) / (high - low);
  const parts = [];
  for (let i = 0; i <= 4; ++i) {
    const v = low + (high - low) * i / 4;
    parts.push(shape("line", {x1: 60, x2: 985, y1: y(v), y2: y(v), class: "axis"}), shape("text", {x: 52, y: y(v) + 4, "text-anchor": "end"}, short(v)));
  }
  parts.push(shape("text", {x: 60, y: 272}, `round ${first}`), shape("text", {x: 985, y: 272, "text-anchor": "end"}, `round ${last}`));
  names.forEach((name, i) => {
    const points = rounds.filter(r => Number.isFinite(r.losses[name])).map(r => `${x(r.round).toFixed(1)},${y(r.losses[name]).toFixed(1)}`);
    parts.push(shape("polyline", {points: points.join(" "), class: "curve c" + i}));
  });
  at("plot").replaceChildren(...parts);
}

function show({status: s, rounds}) {
  if (!s) return;
  const share = s.round.total ? 100 * s.round.current / s.round.total : 0;
  document.title = `${s.name}: ${s.phase}`;
  at("name").textContent = s.name;
  at("phase").textContent = s.phase;
  at("phase").className = "phase " + s.phase;
  at("done").style.width = share + "%";
  at("bar").setAttribute("aria-valuenow", Math.round(share));
  at("rounds").textContent = `round ${s.round.current} of ${s.round.total}` + (s.model_sha256 ? `, model ${s.model_sha256.slice(0, 16)}…` : "");
  at("notes").replaceChildren(...(s.reason ? [make("li", s.reason, "bad")] : []), ...s.warnings.map(w => make("li", w)));
  showCards(s);
  showClients(s);
  showLosses(rounds);
}

async function follow() {
  try {
    const answer = await fetch("rounds", {cache: "no-store"});
    show(await answer.json());
    at("contact").textContent = "";
  } catch {
    at("contact").textContent = "What serves this page has ended or does not answer; these are its last numbers.";
  }
  setTimeout(follow, 1000);
}
follow();
</script>
</body>
</html>
)html";

std::string html(const std::string& nonce) {
  constexpr std::string_view kPlace = "NONCE";
  std::string page;
  std::string_view rest = kPage;
  for (auto at = rest.find(kPlace); at != std::string_view::npos; at = rest.find(kPlace)) {
    page += std::string(rest.substr(0, at)) + nonce;
    rest.remove_prefix(at + kPlace.size());
  }
  return page + std::string(rest);
}

}  // namespace

http::Response page(const std::string& nonce) {
  auto page = http::make_response(200, "text/html; charset=utf-8", html(nonce));
  page.headers.push_back({"Content-Security-Policy",
                          "default-src 'none'; connect-src 'self'; script-src 'nonce-" + nonce +
                              "'; style-src 'nonce-" + nonce +
                              "'; img-src data:; base-uri 'none'; form-action 'none'; "
                              "frame-ancestors 'none'"});
  page.headers.push_back({"Referrer-Policy", "no-referrer"});
  page.headers.push_back({"Cache-Control", "no-store"});
  return page;
}

http::Response numbers(const std::string& status, const RoundHistory& history) {
  auto json = http::json_response(200,
                                  R"({"status":)" + (status.empty() ? "null" : status) +
                                      R"(,"rounds":)" + history.json() + "}");
  json.headers.push_back({"Cache-Control", "no-store"});
  return json;
}

}  // namespace genesis::status_page
