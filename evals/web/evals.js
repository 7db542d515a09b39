// The Evals view: what is run and came out, and the card on which a question is judged. The server
// renders every fragment; what is under way belongs to it, so every browser sees the same run.
(() => {
  "use strict";

  const EVERY = 3000; // Milliseconds between two looks, while nothing is known to be under way.
  const TOLD = 700; // The same, while a run is.

  const { Told } = window.askTheServer;
  const post = (verb, given = {}) => window.askTheServer.post(`evals/${verb}`, given);

  let root = null;
  let known = { set: "", result: "" }; // What is shown, as the server calls it.
  let running = false;
  let draft = ""; // Id of the draft on the card.
  let skipped = [];
  let judged = null; // The links of the answer whose card is open.

  const find = (selector) => root?.querySelector(selector);
  const show = (element, shown) => element?.toggleAttribute("hidden", !shown);
  const { say, trying } = window.askTheServer.telling(find);
  const isShown = () => document.getElementById("tab-evals")?.ariaSelected === "true";

  // What is under way and what came out.

  let looking = null;
  function look() {
    looking ??= lookOnce().finally(() => (looking = null));
    return looking;
  }

  async function lookOnce() {
    if (!root) return;
    const trouble = find(".trouble");
    let view;
    try {
      view = await post("look", known);
    } catch (error) {
      if (!(error instanceof Told)) throw error;
      trouble.textContent = error.message;
      return;
    }
    trouble.textContent = view.trouble;
    work(view.running);
    if (view.set !== undefined) {
      const box = find("#which-set");
      const chosen = box.value;
      box.innerHTML = view.choices;
      if ([...box.options].some((each) => each.value === chosen)) box.value = chosen;
      fillOwn(view.own);
    }
    if (view.result !== undefined) {
      const isNew = known.result !== "" || running;
      find(".result").innerHTML = view.result_html;
      if (isNew && view.result) say("The run has ended.");
    }
    known = { set: view.set ?? known.set, result: view.result ?? known.result };
    running = view.running !== null;
  }

  // Another tab may have changed the set: what is being typed here goes on.
  function fillOwn(html) {
    const place = find(".own");
    const field = find("#new-question");
    const held = place.contains(document.activeElement) ? document.activeElement : null;
    const [from, to] = [field?.selectionStart, field?.selectionEnd];
    const typed = field?.value ?? "";
    place.innerHTML = html;
    const again = find("#new-question");
    if (again) again.value = typed;
    if (!held) return;
    if (held === field) {
      again?.focus({ preventScroll: true });
      again?.setSelectionRange(from, to);
    } else if (held.className) {
      place.querySelector(`.${held.classList[0]}`)?.focus({ preventScroll: true });
    }
  }

  function work(told) {
    const was = !find(".work").hidden;
    show(find(".work"), told !== null);
    find(".run").disabled = told !== null;
    if (told === null) {
      if (was && document.activeElement === document.body) find(".run").focus();
      return;
    }
    find(".work-text").textContent = told.text;
    const bar = find(".work progress");
    if (told.percent === null) bar.removeAttribute("value");
    else bar.value = told.percent;
  }

  async function rounds() {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, running ? TOLD : EVERY));
      if (document.visibilityState === "visible" && (running || isShown())) await look();
    }
  }

  async function run() {
    say("");
    if (await trying(() => post("run", { choice: find("#which-set").value }))) {
      running = true;
      await look();
      find(".work .halt").focus();
    }
  }

  async function ask(button) {
    const found = await trying(() => post("case", { id: button.dataset.id }));
    if (found) window.askTheArticle.converse(found.question, found.history, found.documents);
  }

  function filter(verdict) {
    for (const each of root.querySelectorAll(".failure")) {
      show(each, !verdict || each.dataset.verdict === verdict);
    }
  }

  // The card.

  function open(made) {
    draft = made.id;
    find(".card").innerHTML = made.card;
    if (!made.card) return;
    window.askTheArticle.select("evals");
    find(".card").scrollIntoView({ block: "start" });
    find(".card").focus({ preventScroll: true });
  }

  function leave() {
    draft = "";
    judged = null;
    find(".card").replaceChildren();
  }

  const chosen = () =>
    [...root.querySelectorAll(".offers input:checked")].map((each) => each.value);

  function judgement(form) {
    const nothing = form.querySelector(".none-of-them");
    const where = form.querySelector(".of-document")?.value ?? nothing?.dataset.document ?? "";
    return {
      token: form.dataset.token,
      question: form.querySelector("#judged-question").value,
      gold: chosen(),
      document: nothing?.checked ? where : "",
    };
  }

  async function save(form) {
    say("");
    const given = judgement(form);
    if (draft) {
      const done = await trying(() => post("settle", { ...given, id: draft }));
      if (done) await next(done.said);
      return;
    }
    const made = await trying(() => post("add", given));
    if (!made) return;
    if (judged?.isConnected) settle(judged, made);
    leave();
    say(made.said);
    await look();
    find(".own")?.scrollIntoView({ block: "nearest" });
  }

  async function next(said) {
    const made = await trying(() => post("draft", { skipped }));
    await look();
    if (!made) return;
    if (made.card) {
      say(said); // First: its line takes room above the card.
      open(made);
      return;
    }
    leave();
    say(`${said} ${skipped.length ? "The others were skipped." : "No draft is left."}`.trim());
    skipped = [];
  }

  async function every(button) {
    const form = button.closest("form");
    const first = form.querySelector(".offers input")?.value.replace(/-\d+$/, "");
    const id =
      form.querySelector(".of-document")?.value ??
      form.querySelector(".none-of-them")?.dataset.document ??
      first;
    const kept = new Set(chosen());
    const all = await trying(() => post("sentences", { document: id }));
    if (!all) return;
    const list = form.querySelector(".offers");
    list.innerHTML = all.offers;
    for (const box of list.querySelectorAll("input")) box.checked = kept.has(box.value);
    button.closest("p").remove();
    (list.querySelector("input:checked") ?? list.querySelector("input"))?.focus();
  }

  // The links under an answer in the chat.

  function tell(place, text, undo) {
    const words = document.createElement("span");
    words.textContent = text;
    if (!undo) return place.replaceChildren(words);
    const link = document.createElement("a");
    link.href = `#undo-${undo}`;
    link.className = "judge";
    link.setAttribute("role", "button");
    link.textContent = "Undo";
    place.replaceChildren(words, " ", link);
  }

  const links = new WeakMap(); // What stood at an answer's foot before it was judged.

  function settle(place, made) {
    if (!links.has(place)) links.set(place, [...place.childNodes]);
    tell(place, made.said, made.undo);
  }

  async function judge(link) {
    const place = link.closest(".judging");
    const [verb, what] = link.getAttribute("href").slice(1).split(/-(.*)/s);
    try {
      if (verb === "undo") {
        await post("undo", { id: what });
        place.replaceChildren(...(links.get(place) ?? []));
        place.querySelector("a")?.focus();
        await look();
        return;
      }
      const made = await post(verb, { token: what });
      if (made.card) {
        judged = place;
        open(made);
        return;
      }
      settle(place, made);
      place.querySelector("a")?.focus();
      await look();
    } catch (error) {
      if (!(error instanceof Told)) throw error;
      window.askTheArticle.say(error.message);
    }
  }

  document.addEventListener("click", async (event) => {
    const link = event.target.closest?.("a.judge");
    if (link) {
      event.preventDefault();
      return judge(link);
    }
    const button = event.target.closest?.("#evals button");
    if (!button) return;
    if (button.matches(".halt")) trying(() => post("stop")).then(look);
    else if (button.matches(".ask")) ask(button);
    else if (button.matches(".leave")) {
      leave();
      skipped = [];
      find(".drafts, .run")?.focus();
    } else if (button.matches(".drafts")) next("");
    else if (button.matches(".skip")) {
      skipped.push(draft);
      next("Skipped.");
    } else if (button.matches(".drop-draft")) {
      const done = await trying(() => post("settle", { id: draft, drop: true }));
      if (done) next(done.said);
    } else if (button.matches(".all-of-it")) every(button);
    else if (button.matches(".init")) {
      button.disabled = true;
      say("Drafting …");
      const made = await trying(() => post("init"));
      button.disabled = false;
      if (made) {
        say(made.said);
        await look();
        find(".drafts")?.focus();
      }
    }
  });

  document.addEventListener("keydown", (event) => {
    const link = event.target.closest?.("a.judge");
    if (event.key === " " && link) {
      event.preventDefault(); // A button answers to the space bar, too.
      judge(link);
    }
  });

  // Escape leaves the card, and goes no further: the page's own takes the question box.
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || !event.target.closest?.("#evals .card")) return;
      event.stopImmediatePropagation();
      leave();
    },
    true,
  );

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.closest("#evals")) return;
    event.preventDefault();
    if (form.matches(".start")) run();
    else if (form.matches(".judge")) save(form);
    else if (form.matches(".new")) {
      const field = form.querySelector("input");
      const made = await trying(() => post("wrong", { question: field.value }));
      if (made) {
        say("");
        field.value = "";
        open(made);
      }
    }
  });

  document.addEventListener("change", (event) => {
    const box = event.target;
    if (box.matches("#verdict")) filter(box.value);
    if (box.matches("#evals .none-of-them") && box.checked) {
      for (const each of root.querySelectorAll(".offers input")) each.checked = false;
    }
    if (box.matches("#evals .offers input") && box.checked) {
      find(".none-of-them").checked = false;
    }
  });

  document.addEventListener("pane:evals", look);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && isShown()) look();
  });
  let going = false;

  window.askTheEvals = {
    attach(element) {
      root = element.querySelector(".measuring") ?? element;
      known = { set: "", result: "" };
      if (isShown()) look();
      if (!going) rounds();
      going = true;
    },
  };
})();
