// What pages can do beyond links and forms. Without this file everything can be read and done; with it, lists stay
// fresh, details open over their list, and recordings and transcripts go together.
"use strict";

const dialog = document.getElementById("dialog");
const body = dialog?.querySelector(".dialog-body");
const parse = (html) => new DOMParser().parseFromString(html, "text/html");

// --- Details over a list: a link with data-dialog opens what its page has in #detail; the URL is that page's. The list's
// own URL goes along in the history, so that one comes back to it however one came here.
let listUrl = null;
let opener = null;
// Whether something was decided in the dialog that the list behind it may show.
let isStale = false;
// Answers that somebody no longer waits for are thrown away.
let asked = 0;

async function show(url) {
  asked += 1;
  const turn = asked;
  let detail = null;
  try {
    const response = await fetch(url, { headers: { accept: "text/html" } });
    detail = parse(await response.text()).getElementById("detail");
  } catch { /* The browser says what is wrong when it goes there. */ }
  if (turn !== asked) return false;
  if (!detail) { location.href = url; return false; }
  body.replaceChildren(document.adoptNode(detail));
  dialog.setAttribute("aria-label", body.querySelector("h1")?.textContent ?? "Details");
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  return true;
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0 || !dialog.showModal) return;
  event.preventDefault();
  const list = dialog.open ? listUrl : location.href;
  if (await show(link.href)) {
    opener = link;
    listUrl = list;
    history.pushState({ dialog: link.href, list }, "", link.href);
  }
});

dialog?.addEventListener("close", () => {
  asked += 1;
  body.replaceChildren();
  if (listUrl) { history.pushState(null, "", listUrl); listUrl = null; }
  opener?.focus();
  if (isStale && !region()) location.reload();
  else refresh();
});

// A click beside it closes it; one that began inside, on its edge or to select a text, does not.
const isBeside = (event) => {
  const box = dialog.getBoundingClientRect();
  return event.target === dialog &&
    (event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom);
};
let beganBeside = false;
dialog?.addEventListener("pointerdown", (event) => { beganBeside = isBeside(event); });
dialog?.addEventListener("click", (event) => { if (beganBeside && isBeside(event)) dialog.close(); });

// Where a detail was loaded as a page, there is no list behind it to go back to.
const isAlone = Boolean(history.state?.dialog);
addEventListener("popstate", (event) => {
  if (isAlone) location.reload();
  else if (event.state?.dialog) {
    listUrl = event.state.list;
    show(event.state.dialog);
  } else if (dialog?.open) { listUrl = null; dialog.close(); }
});

// A form in the dialog is sent from there, once, and what comes back is shown there.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.dataset.confirm && !confirm(form.dataset.confirm)) { event.preventDefault(); return; }
  if (!dialog?.open || !body.contains(form) || form.method !== "post" || form.hasAttribute("data-leave")) return;
  event.preventDefault();
  if (form.dataset.sent) return;
  form.dataset.sent = "1";
  let response;
  try {
    response = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form, event.submitter)) });
  } catch {
    refuse("It could not be sent. Try again.");
    return;
  } finally { delete form.dataset.sent; }
  const page = parse(await response.text());
  const detail = page.getElementById("detail");
  if (!detail && response.ok) { location.href = response.url; return; }
  if (!detail) { refuse([...page.querySelectorAll("h1, h1 + p")].map((part) => part.textContent).join(": ")); return; }
  body.replaceChildren(document.adoptNode(detail));
  isStale = true;
  body.querySelector("[role=status], [role=alert]")?.focus();
});

// Why a form was not taken, above the form as it was filled in.
function refuse(why) {
  const said = body.querySelector(".refused") ?? document.createElement("p");
  said.className = "said refused";
  said.setAttribute("role", "alert");
  said.tabIndex = -1;
  said.textContent = why;
  body.firstElementChild.prepend(said);
  said.focus();
}

// --- Lists that stay fresh: what is marked data-live is fetched again, and changed only if nobody is busy with it.
const EVERY_MS = 5000;
const region = () => document.querySelector("[data-live]");

function isBusy(live) {
  const active = document.activeElement;
  return document.hidden || dialog?.open || !isStale && (scrollY > 160 || live.contains(active)) ||
    active?.matches("input, select, textarea") || String(getSelection()) !== "" || document.querySelector("details.menu[open]") ||
    live.querySelector("input:checked") !== null;
}

async function refresh() {
  const live = region();
  const state = document.querySelector("[data-live-state]");
  if (!live) return;
  if (isBusy(live)) { if (state) state.textContent = "Paused"; return; }
  try {
    // A list that stays open keeps nobody signed in.
    const response = await fetch(location.href, { headers: { accept: "text/html", "x-by-itself": "1" } });
    if (response.redirected) { location.reload(); return; }
    const fresh = response.ok && parse(await response.text()).querySelector("[data-live]");
    if (!fresh) throw new Error();
    if (!isBusy(live) && fresh.innerHTML !== live.dataset.seen) {
      const known = new Set([...live.querySelectorAll("[data-id]")].map((row) => row.dataset.id));
      const link = live.contains(document.activeElement) && document.activeElement.getAttribute("href");
      live.dataset.seen = fresh.innerHTML;
      live.replaceChildren(...document.adoptNode(fresh).childNodes);
      if (link) live.querySelector(`a[href="${CSS.escape(link)}"]`)?.focus();
      for (const row of live.querySelectorAll("[data-id]")) if (!known.has(row.dataset.id)) row.classList.add("new");
    }
    if (!isBusy(live)) isStale = false;
    if (state) state.textContent = "Live";
  } catch { if (state) state.textContent = "Not reached; trying again"; }
}
if (region()) {
  region().dataset.seen = region().innerHTML;
  const state = document.querySelector("[data-live-state]");
  if (state) state.textContent = "Live";
  setInterval(refresh, EVERY_MS);
}

// --- Selecting rows
document.addEventListener("change", (event) => {
  const all = event.target.closest("[data-select-all]");
  const form = event.target.form;
  if (all) for (const box of form.elements) if (box.name === "id") box.checked = all.checked;
  if (all || event.target.name === "id") {
    const count = form.querySelector("[data-selected]");
    if (count) count.textContent = [...form.elements].filter((box) => box.name === "id" && box.checked).length;
  }
  if (event.target.matches("[data-submit]")) form.requestSubmit();
});

// --- Recordings and transcripts
document.addEventListener("click", (event) => {
  const detail = event.target.closest("#detail");
  const seek = event.target.closest("[data-seek-ms]");
  const audio = detail?.querySelector("audio");
  if (seek && audio) { audio.currentTime = seek.dataset.seekMs / 1000; audio.play().catch(() => {}); }
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    const text = copy.dataset.copyText ?? document.querySelector(copy.dataset.copy)?.innerText ?? "";
    navigator.clipboard?.writeText(text).then(() => { copy.textContent = "Copied"; setTimeout(() => { copy.textContent = "Copy"; }, 1500); });
  }
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-speed]")) for (const audio of document.querySelectorAll("audio")) audio.playbackRate = Number(event.target.value);
});
document.addEventListener("timeupdate", (event) => {
  const turns = [...event.target.closest("#detail")?.querySelectorAll("[data-at-ms]") ?? []];
  const now = event.target.currentTime * 1000;
  const current = turns.filter((turn) => Number(turn.dataset.atMs) <= now).pop();
  for (const turn of turns) turn.classList.toggle("playing", turn === current && !event.target.paused);
}, true);

// Words that are looked for in a transcript are marked as text, never as markup.
document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-find]")) return;
  const words = event.target.value.trim().toLowerCase();
  let found = 0;
  for (const turn of document.querySelectorAll(`${event.target.dataset.find} [data-text]`)) {
    const text = turn.textContent;
    const parts = [];
    let at = 0;
    for (let hit = words ? text.toLowerCase().indexOf(words) : -1; hit >= 0; hit = text.toLowerCase().indexOf(words, at)) {
      const mark = document.createElement("mark");
      mark.textContent = text.slice(hit, hit + words.length);
      parts.push(text.slice(at, hit), mark);
      at = hit + words.length;
      found += 1;
    }
    turn.replaceChildren(...parts, text.slice(at));
  }
  const count = document.querySelector("[data-found]");
  if (count) count.textContent = words ? `${found} found` : "";
  document.querySelector(`${event.target.dataset.find} mark`)?.scrollIntoView({ block: "nearest" });
});

// --- What takes a while: a page that says data-again is loaded anew until it is done.
const again = document.querySelector("[data-again]");
if (again) setTimeout(() => again.requestSubmit ? again.requestSubmit() : location.reload(), Number(again.dataset.again));

// --- A slash goes to the search, as everywhere.
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.matches("input, textarea, select")) {
    const search = document.querySelector("main input[type=search]");
    if (search) { event.preventDefault(); search.focus(); }
  }
});
