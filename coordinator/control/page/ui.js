"use strict";
// Shows /progress, and sends what the buttons ask for. All that comes from the server is set as text, never as HTML.
const POLL_MS = 2000, WAIT_MS = 10000, FEW = 12, SVG = "http://www.w3.org/2000/svg";
const $ = (id) => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const count = (number) => Math.round(number).toLocaleString("en-US");

function scaled(number, units) {
  let at = 0;
  while (number >= 999.5 && at < units.length - 1) {
    number /= 1000;
    at++;
  }
  return `${at === 0 || number >= 99.95 ? Math.round(number) : number >= 9.995 ? number.toFixed(1) : number.toFixed(2)} ${units[at]}`;
}
const bytes = (number) => scaled(number, ["B", "kB", "MB", "GB", "TB", "PB"]);

function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds)), two = (number) => String(number).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor(whole / 60) % 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor(whole / 3600) % 24} h`;
}

const roughly = (seconds) => (seconds >= 90 && seconds < 3570 ? `${Math.round(seconds / 60)} min` : duration(seconds));

function clock(iso) {
  const [day, time = ""] = String(iso).split("T");
  const today = last && String(last.now).startsWith(day);
  return `${today ? "" : `${day} `}${time.slice(0, 8)} UTC`;
}

const share = (done, total) => (total > 0 ? Math.min(100, Math.floor((100 * done) / total)) : undefined);

// The rows of a list stay the same elements, so that neither focus nor a selection is lost.
function rows(list, items, build, fill, none) {
  const empty = list.querySelector(":scope > .none");
  if (items.length === 0) {
    if (!empty || list.children.length !== 1) list.replaceChildren(make("li", {class: "none"}, none));
    return;
  }
  if (!list.ready || empty) {
    list.replaceChildren();
    list.ready = true;
  }
  while (list.children.length > items.length) list.lastElementChild.remove();
  items.forEach((item, at) => {
    let row = list.children[at];
    if (!row) {
      row = build();
      list.append(row);
    }
    fill(row, item);
  });
}

const nameRow = () => make("li", {}, make("span", {class: "name", dir: "ltr"}), make("progress", {max: 100}), make("span", {class: "sub"}));

function setBar(bar, percent, label, done) {
  bar.hidden = percent === undefined;
  if (percent !== undefined && bar.value !== percent) bar.value = percent;
  if (bar.getAttribute("aria-label") !== label) bar.setAttribute("aria-label", label);
  bar.classList.toggle("done", Boolean(done));
}

function fillName(row, name, percent, done, text) {
  const [label, bar, sub] = row.children;
  setText(label, name);
  setBar(bar, percent, name, done);
  setText(sub, text);
}

// The summary

function figures(p) {
  const copy = p.copy || {}, replay = p.replay || {}, oplog = p.oplogWindow || {}, indexes = p.indexes || {}, found = [];
  const add = (name, main, small, alarm) => found.push({name, main, small, alarm});
  if (isNumber(copy.bytes)) {
    add("Copied", bytes(copy.bytes), `of ${bytes(Math.max(copy.expectedBytes || 0, copy.bytes))}, ${count(copy.documents || 0)} documents`);
  }
  if (isNumber(copy.bytesPerSecond) && !replay.appliedTimestamp) {
    add("Throughput", `${bytes(copy.bytesPerSecond)}/s`, `${count(copy.documentsPerSecond || 0)} documents/s`);
  }
  if (isNumber(indexes.total) && indexes.total > 0) add("Indexes", `${count(indexes.done || 0)} of ${count(indexes.total)}`, "");
  if (isNumber(replay.lagSeconds)) {
    add("Lag", duration(replay.lagSeconds), replay.caughtUp ? "caught up" : isNumber(replay.lagEntries) ? `${count(replay.lagEntries)} entries` : "");
  }
  if (isNumber(replay.entries) && replay.entries > 0) {
    add("Replayed", count(replay.entries), `entries, ${count(replay.entriesPerSecond || 0)}/s`);
  }
  if (isNumber(oplog.secondsLeft)) {
    const short = isNumber(oplog.copySecondsLeft) && oplog.copySecondsLeft > oplog.secondsLeft;
    add("Oplog lasts", duration(oplog.secondsLeft), short ? `the copy needs ${duration(oplog.copySecondsLeft)}` : `it holds ${duration(oplog.lengthSeconds || 0)}`, short);
  } else if (isNumber(oplog.lengthSeconds)) {
    add("Oplog holds", duration(oplog.lengthSeconds), "nothing needed is leaving it");
  }
  if (p.pause) add("Paused for", duration(p.pause.seconds || 0), isNumber(p.pause.windowSecondsLeft) ? `the oplog lasts ${duration(p.pause.windowSecondsLeft)} more` : "");
  if (isNumber(p.refused)) add("Refused", count(p.refused), p.refused > 0 ? "by the target; see the log" : "", p.refused > 0);
  return found;
}

function showFigures(p) {
  const list = $("figures"), found = figures(p);
  if (list.dataset.names !== found.map((figure) => figure.name).join()) {
    list.dataset.names = found.map((figure) => figure.name).join();
    list.replaceChildren(...found.map((figure) => make("div", {}, make("dt", {}, figure.name), make("dd", {}, make("span"), make("small")))));
  }
  found.forEach((figure, at) => {
    const box = list.children[at];
    box.classList.toggle("alarm", Boolean(figure.alarm));
    setText(box.querySelector("span"), figure.main);
    setText(box.querySelector("small"), figure.small);
  });
}

let announced = "";

function showSummary(p) {
  const copy = p.copy || {}, percent = share(copy.bytes || 0, copy.expectedBytes || 0), state = p.state || "running";
  const cutover = p.cutover || {};
  setText($("state"), state);
  $("state").dataset.state = state;
  setText($("step"), cutover.step ? `Cut-over: ${stepText(cutover)}` : p.errorMessage || "");
  setText($("phase"), p.phase || "");
  setText($("eta"), [percent < 100 ? `${percent} % copied.` : "", p.waitsFor ? `Waits for ${p.waitsFor}.` : "", isNumber(p.etaSeconds) && state === "running" ? `Follows the source in about ${duration(p.etaSeconds)}.` : ""].filter(Boolean).join(" "));
  setBar($("copied"), percent, "Copied", percent === 100);
  showFigures(p);
  setText($("version"), p.version || "");
  setText($("now"), p.now ? `at ${String(p.now).slice(11, 19)} UTC` : "");
  document.title = `${state === "running" ? (percent < 100 ? `${percent} % ` : "") + (p.phase || "") : state} · mongoferry`;
  const heard = `${state}: ${p.phase || ""}${cutover.step ? `, ${cutover.step}` : ""}`;
  if (announced !== heard) setText($("announce"), heard);
  announced = heard;
}

// The lists

function showPhases(p) {
  const phases = p.phases || [], present = phases.findIndex((phase) => phase.name === p.phase);
  const build = () => make("li", {}, make("span", {}, make("span"), make("span", {class: "hidden-text"})), make("span", {class: "sub"}));
  rows($("phases"), phases, build, (row, phase) => {
    const at = phases.indexOf(phase), now = at === present, done = Boolean(phase.beganAt) && !now;
    row.dataset.at = now ? "now" : done ? "done" : phases.indexOf(phase) < present ? "skipped" : "next";
    if (now) row.setAttribute("aria-current", "step");
    else row.removeAttribute("aria-current");
    setText(row.firstChild.firstChild, phase.name);
    setText(row.firstChild.lastChild, now ? ", at this now" : done ? ", done" : "");
    const took = isNumber(phase.seconds) ? duration(phase.seconds) : "";
    const left = isNumber(phase.etaSeconds) ? (now ? `${duration(phase.etaSeconds)} left` : `about ${duration(phase.etaSeconds)}`) : "";
    setText(row.lastChild, now || done ? [took, now ? left : ""].filter(Boolean).join(", ") : left);
  }, "Not known yet");
}

function showCollections(p) {
  const building = new Map(((p.indexes || {}).building || []).map((build) => [build.ns, build]));
  const known = p.collections || [], others = p.otherCollections, all = $("all").getAttribute("aria-expanded") === "true";
  const list = all ? [...known] : known.slice(0, FEW);
  $("all").hidden = known.length <= FEW;
  setText($("all"), all ? `Show the ${FEW} largest` : `Show the ${count(known.length)} largest`);
  if (others && others.count > 0) {
    list.push({...others, ns: `${count(others.count)} others, ${count(others.complete || 0)} complete`, complete: others.complete === others.count});
  }
  rows($("collections"), list, nameRow, (row, one) => {
    const build = building.get(one.ns), total = Math.max(one.totalBytes || 0, one.bytes || 0);
    const percent = one.complete ? 100 : total > 0 ? share(one.bytes || 0, total) : 0;
    const doing = one.complete ? "complete" : build ? `builds ${count(build.indexes || 0)} indexes${isNumber(build.total) ? `, ${share(build.done || 0, build.total) || 0} %` : ""}` : `${percent} %`;
    fillName(row, one.ns, percent, one.complete, `${doing} · ${one.complete ? "" : `${bytes(one.bytes || 0)} of `}${bytes(total)}`);
  }, "None to copy");
}

function showWorkers(p) {
  const build = () => make("li", {}, make("span", {}, make("span"), make("span", {class: "name", dir: "ltr"})), make("span", {class: "sub"}));
  rows($("workers"), p.workers || [], build, (row, worker) => {
    const parts = [isNumber(worker.documents) ? `${count(worker.documents)} documents` : "", isNumber(worker.bytesPerSecond) ? `${bytes(worker.bytesPerSecond)}/s` : "", isNumber(worker.seconds) ? duration(worker.seconds) : ""];
    setText(row.firstChild.firstChild, `${worker.index}: ${worker.state} `);
    setText(row.firstChild.lastChild, worker.ns || "");
    setText(row.lastChild, parts.filter(Boolean).join(" · "));
  }, "None at work");
}

function showWarnings(p) {
  const build = () => make("li", {}, make("time"), make("span"));
  rows($("warnings"), [...(p.warnings || [])].reverse(), build, (row, warning) => {
    row.firstChild.setAttribute("datetime", warning.at);
    setText(row.firstChild, clock(warning.at));
    setText(row.lastChild, warning.text);
  }, "None");
}

const ACTIVITIES = [["reading", "Reading"], ["writing", "Writing"], ["waitingForSource", "Waiting for the source"], ["waitingForTarget", "Waiting for the target"],
  ["waitingForMajority", "Waiting for a majority"], ["waitingForPace", "Held back by the pace"]];

function showTime(p) {
  const time = p.time || {}, known = ACTIVITIES.filter(([key]) => isNumber(time[key]));
  const sum = known.reduce((all, [key]) => all + time[key], 0);
  rows($("time"), known, nameRow, (row, [key, name]) => {
    fillName(row, name, share(time[key], sum) || 0, false, `${duration(time[key])}, ${share(time[key], sum) || 0} %`);
  }, "Not measured yet");
}

// The charts: points of the history, oldest first; one that is not known is left out.

const CHARTS = [
  {key: "bytesPerSecond", name: "Copy", text: (value) => `${bytes(value)}/s`},
  {key: "documentsPerSecond", name: "Documents", text: (value) => `${count(value)}/s`},
  {key: "entriesPerSecond", name: "Replay", text: (value) => `${count(value)} entries/s`},
  {key: "lagSeconds", name: "Lag", text: duration},
  {key: "oplogWindowSecondsLeft", name: "Oplog lasts", text: duration}];

function makeChart(chart) {
  const svg = document.createElementNS(SVG, "svg");
  chart.area = document.createElementNS(SVG, "path");
  chart.line = document.createElementNS(SVG, "path");
  chart.at = document.createElementNS(SVG, "path");
  chart.area.setAttribute("class", "area");
  chart.line.setAttribute("class", "line");
  chart.at.setAttribute("class", "at");
  svg.append(chart.area, chart.line, chart.at);
  svg.setAttribute("viewBox", "0 0 360 100");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.addEventListener("pointermove", (event) => pointAt(chart, event.offsetX / svg.clientWidth));
  svg.addEventListener("pointerleave", () => pointAt(chart, undefined));
  Object.assign(chart, {svg, now: make("span"), most: make("span"), from: make("span")});
  chart.figure = make("figure", {}, make("figcaption", {}, make("b", {}, chart.name), chart.now), svg,
    make("div", {class: "axis"}, chart.from, chart.most));
  $("charts").append(chart.figure);
}

const ago = (chart, at) => (chart.points.length - 1 - at) * chart.every;

function pointAt(chart, across) {
  const known = chart.points.map((value, at) => ({value, at})).filter((point) => isNumber(point.value));
  chart.pointer = across;
  if (known.length === 0) return;
  const wanted = across === undefined ? Infinity : across * Math.max(1, chart.points.length - 1);
  const point = known.reduce((best, one) => (Math.abs(one.at - wanted) <= Math.abs(best.at - wanted) ? one : best), known[0]);
  const x = chart.points.length > 1 ? (360 * point.at) / (chart.points.length - 1) : 360;
  const shown = across === undefined ? known[known.length - 1] : point;
  setText(chart.now, chart.text(shown.value) + (across === undefined ? "" : `, ${roughly(ago(chart, point.at))} ago`));
  chart.at.setAttribute("d", across === undefined ? "" : `M${x} 0V100`);
}

// Each stretch of known points is a line of its own.
function drawChart(chart) {
  const points = chart.points, most = Math.max(...points.filter(isNumber)), last = points.length - 1;
  const x = (at) => ((360 * at) / Math.max(1, last)).toFixed(1), y = (value) => (100 - (92 * value) / (most || 1)).toFixed(1);
  let line = "", area = "", begun = -1;
  for (let at = 0; at <= points.length; at++) {
    const known = isNumber(points[at]);
    if (known) line += `${begun < 0 ? "M" : "L"}${x(at)} ${y(points[at])}`;
    if (known && begun < 0) area += `M${x(at)} 100`;
    if (known) area += `L${x(at)} ${y(points[at])}`;
    if (!known && begun >= 0) area += `L${x(at - 1)} 100Z`;
    begun = !known ? -1 : begun < 0 ? at : begun;
  }
  chart.line.setAttribute("d", line);
  chart.area.setAttribute("d", area);
  setText(chart.from, `${roughly(ago(chart, 0))} ago`);
  setText(chart.most, `most ${chart.text(most)}`);
  pointAt(chart, chart.pointer);
  const spoken = `${chart.name} in the last ${roughly(ago(chart, 0))}: now ${chart.text(points.filter(isNumber).pop())}, at most ${chart.text(most)}`;
  if (chart.svg.getAttribute("aria-label") !== spoken) chart.svg.setAttribute("aria-label", spoken);
}

function showCharts(p) {
  const history = p.history || {};
  for (const chart of CHARTS) {
    const points = history[chart.key] || [], used = points.filter(isNumber);
    if (!chart.svg) makeChart(chart);
    chart.points = points;
    chart.every = history.everySeconds || 10;
    chart.figure.hidden = used.length < 2 || (chart.key.endsWith("PerSecond") && !used.some((value) => value > 0));
    if (!chart.figure.hidden) drawChart(chart);
  }
  $("charts").parentElement.hidden = CHARTS.every((chart) => chart.figure.hidden);
}

// What the buttons do

class Refused extends Error {}

// The page's own address may hold the token (http://name:token@host), which fetch does not take.
const address = (path) => location.origin + path;

async function ask(path, body) {
  const answer = await fetch(address(path), {
    method: "POST", headers: {"Content-Type": "application/json", "X-Mongoferry": "1"}, body: JSON.stringify(body), cache: "no-store"});
  const document = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const refused = new Refused(document.errorMessage || `the server answered ${answer.status}`);
    refused.obstacles = document.obstacles;
    throw refused;
  }
  return document;
}

function say(element, text, isError) {
  element.classList.toggle("error", Boolean(isError));
  element.textContent = text;
}

// The button stays as it is, so that it keeps the focus; a second click meanwhile does nothing.
async function act(button, path, body, said) {
  if (button.getAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  try {
    await ask(path, body);
    say($("said"), said);
    await poll();
  } catch (error) {
    say($("said"), error instanceof Refused ? error.message : "No answer; try again.", true);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

// The answer of a form is in its fields already, so they show the server's only while nobody changes them.
function follow(input, property, value) {
  const form = input.form;
  if (form.dataset.changed || form.contains(document.activeElement) || value === undefined) return;
  if (input[property] !== value) input[property] = value;
}

function paceText(pace) {
  return [pace.maxBytesPerSecond ? `${+(pace.maxBytesPerSecond / 1e6).toFixed(3)}MB/s` : "", pace.maxDocumentsPerSecond ? `${Math.round(pace.maxDocumentsPerSecond)}docs/s` : ""].filter(Boolean).join(",");
}

function showControls(p) {
  const pace = p.pace, ends = p.state === "stopping" || p.state === "failed", busy = p.state === "cutting over";
  setText($("pause"), p.pause || p.state === "paused" ? "Resume" : "Pause");
  for (const id of ["pause", "stop", "cutover"]) $(id).disabled = ends || (busy && id === "pause") || (p.state === "preparing" && id !== "stop");
  for (const button of [$("pace"), $("crew")].map((form) => form.querySelector("button"))) button.disabled = ends;
  $("pace").hidden = !pace || Boolean(p.replay); // both are the copy's
  $("crew").hidden = !isNumber(p.workersWanted) || Boolean(p.replay);
  if (pace) {
    follow($("rate"), "value", paceText(pace));
    follow($("brake"), "checked", pace.brake ? Boolean(pace.brake.on) : undefined);
  }
  follow($("count"), "value", p.workersAuto ? "auto" : isNumber(p.workersWanted) ? String(p.workersWanted) : undefined);
  setText($("count-help"), `A number from 1 to 64, or auto.${p.workersAuto ? ` Now ${p.workersWanted}: ${p.workersWhy}.` : ""}`);
  if ($("dialog").open) showDialog();
}

function bindControls() {
  $("pause").addEventListener("click", () => {
    const paused = $("pause").textContent === "Resume";
    act($("pause"), paused ? "/resume" : "/pause", {}, paused ? "Resumed." : "Paused. Nothing is read from the source but its oplog window.");
  });
  for (const form of [$("pace"), $("crew")]) {
    form.addEventListener("input", () => { form.dataset.changed = "1"; });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button"), rate = $("rate").value.trim(), workers = $("count").value.trim();
      if (form.id === "pace") await act(button, "/pace", {maxRate: rate || "0", brake: $("brake").checked}, rate ? `The copy does ${rate} at most.` : "No limit for the copy.");
      else await act(button, "/workers", {workers: workers === "auto" ? workers : Number(workers)}, workers === "auto" ? "The number of workers is automatic from now on." : `${workers} workers from now on.`);
      if (!$("said").classList.contains("error")) delete form.dataset.changed;
    });
  }
  $("stop").addEventListener("click", () => openDialog("stop"));
  $("cutover").addEventListener("click", () => openDialog("cutover"));
  $("back").addEventListener("click", () => (dialog.sure && dialog.kind === "cutover" ? setSure(false) : $("dialog").close()));
  $("rehearse").addEventListener("click", () => send("/cutover", {...cutoverBody(), rehearse: true}));
  $("accept").addEventListener("change", showDialog);
  $("ask").addEventListener("submit", (event) => event.preventDefault());
  $("next").addEventListener("click", () => {
    if (dialog.kind === "stop") send("/stop", {});
    else if (!dialog.sure) $("downtime").reportValidity() && setSure(true);
    else send("/cutover", {...cutoverBody(), rehearse: false});
  });
  $("dialog").addEventListener("close", () => $(dialog.kind).focus());
}

// The dialog asks before a stop, and twice before a cut-over.

const dialog = {kind: "cutover", sure: false, sent: "", obstacles: undefined};

const cutoverBody = () => ({
  maxDowntimeSeconds: Number($("downtime").value), blockWrites: $("block").checked, ...($("accept").checked ? {acceptRefused: true} : {})});
const stepText = (cutover) => `${cutover.step}${cutover.writers ? `: ${cutover.writers}` : ""}`;

function openDialog(kind) {
  Object.assign(dialog, {kind, sent: "", obstacles: undefined});
  say($("dialog-said"), "");
  setSure(kind === "stop");
  $("dialog").showModal();
  $("back").focus();
}

function setSure(sure) {
  dialog.sure = sure;
  showDialog();
  $("back").focus();
}

const STOP_TEXT = "The migration brings the target up to the source's newest entry if it follows the source, and ends. A start with the same options goes on.";

function cutoverText() {
  const {maxDowntimeSeconds, blockWrites} = cutoverBody();
  return `${blockWrites ? "It blocks all writes on the source" : "It waits until nobody writes to the source for two seconds"}, brings the target up to the last write, compares both sides, and the migration ends. ` +
    `After ${maxDowntimeSeconds} seconds it gives up and goes on following the source. Are your applications ready to move to the target?`;
}

function showObstacles(obstacles, now) {
  const text = JSON.stringify([obstacles, now]);
  if ($("obstacles").dataset.shown === text) return;
  $("obstacles").dataset.shown = text;
  $("obstacles").replaceChildren(obstacles.length === 0
    ? make("p", {}, now ? "Nothing stands in the way of a cut-over." : "What may stand in its way is not known yet.")
    : make("p", {}, make("b", {}, "This stands in its way:")), ...(obstacles.length ? [make("ul", {}, ...obstacles.map((text) => make("li", {}, String(text))))] : []));
}

function showDialog() {
  const cutover = (last && last.cutover) || {}, stop = dialog.kind === "stop", runs = Boolean(cutover.step) || Boolean(last && last.state === "cutting over");
  const obstacles = dialog.obstacles || cutover.obstacles || [];
  setText($("dialog-title"), stop ? "Stop the migration?" : dialog.sure ? "Cut over now?" : "Cut over");
  $("first").hidden = dialog.sure;
  $("second").hidden = !dialog.sure;
  if (dialog.sure) setText($("consequence"), stop ? STOP_TEXT : cutoverText());
  showObstacles(obstacles, cutover.obstacles);
  setText($("next"), stop ? "Stop" : dialog.sure ? "Yes, cut over now" : "Cut over…");
  $("next").classList.toggle("danger", dialog.sure);
  $("next").disabled = runs || (!stop && obstacles.length > 0 && !$("accept").checked) || dialog.sent === "done";
  $("accept-row").hidden = !(last && last.refused > 0);
  $("rehearse").hidden = stop || dialog.sure;
  $("rehearse").disabled = runs;
  setText($("back"), dialog.sent || runs ? "Close" : dialog.sure && !stop ? "Back" : "Cancel");
  if (runs) say($("dialog-said"), `Under way: ${cutover.step ? stepText(cutover) : "begins"}`);
  else if (dialog.sent && cutover.result !== undefined) say($("dialog-said"), cutover.result || "Done.", cutover.exitStatus > 0);
}

async function send(path, body) {
  if ($("next").getAttribute("aria-busy")) return;
  $("next").setAttribute("aria-busy", "true");
  try {
    await ask(path, body);
    dialog.sent = body.rehearse ? "rehearsed" : "done";
    dialog.sure = false;
    say($("dialog-said"), path === "/stop" ? "It stops." : body.rehearse ? "The rehearsal begins." : "The cut-over begins.");
    await poll();
  } catch (error) {
    dialog.obstacles = error.obstacles;
    dialog.sure = dialog.kind === "stop";
    say($("dialog-said"), error instanceof Refused ? error.message : "No answer; try again.", true);
  } finally {
    $("next").removeAttribute("aria-busy");
  }
  showDialog();
}

// Polling: one question at a time, and none while nobody looks.

const ENDED = "The migration may have ended: its log and its exit status say how.";

let last, answeredAt, polling;

function show(p) {
  last = p;
  for (const part of [showSummary, showPhases, showCollections, showWorkers, showWarnings, showTime, showCharts, showControls]) part(p);
}

function showSilence(text) {
  $("silent").hidden = !text;
  setText($("silent"), text);
}

async function fetchProgress() {
  try {
    const answer = await fetch(address("/progress"), {cache: "no-store", signal: AbortSignal.timeout(WAIT_MS)});
    return answer.ok ? await answer.json() : undefined;
  } catch {
    return undefined;
  }
}

async function pollOnce() {
  const progress = await fetchProgress(), since = answeredAt ? ` since ${answeredAt.toISOString().slice(11, 19)} UTC` : "";
  polling = undefined;
  if (progress) {
    answeredAt = new Date();
    show(progress);
  }
  showSilence(progress ? "" : `No answer${since}. ${ENDED} What you see is from before.`);
  if (!progress && $("dialog").open && dialog.sent) {
    const finished = last && last.cutover && last.cutover.step === "finished";
    say($("dialog-said"), finished ? "The cut-over is finished, and the migration has ended. Its report says what was compared." : `No answer${since}. ${ENDED}`);
  }
}

function poll() {
  polling = polling || pollOnce();
  return polling;
}

async function go() {
  if (!document.hidden) await poll();
  setTimeout(go, POLL_MS);
}

for (const part of document.querySelectorAll(".script")) part.hidden = false;
bindControls();
$("all").addEventListener("click", () => {
  $("all").setAttribute("aria-expanded", String($("all").getAttribute("aria-expanded") !== "true"));
  showCollections(last);
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
go();
