// Marking, scrolling and focus. The server sends HTML; which sentences are cited is read off the
// last answer, so that the two cannot disagree. Listeners sit on the document, because Gradio
// replaces the elements.
(() => {
  "use strict";

  class Told extends Error {} // Its message is a sentence for a person.

  function understood(status, text) {
    let answer = null;
    try {
      answer = JSON.parse(text);
    } catch {
      throw new Told("The server does not answer. Is the program still running?");
    }
    if (answer.error) throw new Told(answer.error);
    return answer;
  }

  async function post(path, given) {
    let response;
    try {
      response = await fetch(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(given),
      });
    } catch {
      throw new Told("The server does not answer. Is the program still running?");
    }
    return understood(response.status, await response.text());
  }

  // How a view says what came of something, in its line for that; `find` finds it.
  function telling(find) {
    function say(text, { fault = false } = {}) {
      const line = find(".said");
      if (!line) return;
      line.classList.toggle("fault", fault);
      line.textContent = text;
    }
    async function trying(work) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof Told)) throw error;
        say(error.message, { fault: true });
        return null;
      }
    }
    return { say, trying };
  }

  window.askTheServer = { Told, understood, post, telling };
})();

(() => {
  "use strict";

  let pane = null; // The article's element, its properties and its server functions.
  let lit = null; // Id of the sentence that is lit; it outlives the element.
  let arrived = false; // Whether a deep link has been followed.
  let asking = false;
  let tab = "article";
  let fetched = null; // Id of the document that is on its way.

  const byId = (id) => document.getElementById(id);
  const box = () => document.querySelector("#question textarea, #question input");
  const shownDocument = () =>
    document.querySelector("#article article")?.dataset.document ?? null;
  // s-<document id>-<position>
  const documentOf = (id) => id.replace(/^s-/, "").replace(/-\d+$/, "");
  const hashId = () => {
    try {
      return decodeURIComponent(location.hash.slice(1));
    } catch {
      return "";
    }
  };

  function mark() {
    const answers = document.querySelectorAll("#chat .answer, #chat .abstention");
    const latest = answers[answers.length - 1];
    const cited = new Set();
    if (latest?.matches(".answer")) {
      latest.querySelectorAll("a.cite").forEach((chip) => {
        cited.add(chip.getAttribute("href").slice(1));
      });
    }
    document.querySelectorAll("#article .sentence").forEach((sentence) => {
      sentence.classList.toggle("cited", cited.has(sentence.id));
      sentence.classList.toggle("lit", sentence.id === lit);
    });
    document.querySelectorAll("#chat a.cite").forEach((chip) => {
      chip.classList.toggle("current", chip.getAttribute("href").slice(1) === lit);
    });
  }

  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  async function showDocument(id, { again = false } = {}) {
    if (!pane || (id === shownDocument() && !again)) return;
    fetched = id;
    const html = await pane.server.document_html(id ?? "");
    fetched = null;
    if (!html) return say("This document has been removed or changed since.");
    pane.props.value = html;
    if (!id) return;
    await appeared(() => shownDocument() === id);
    refresh();
  }

  // Beside the question box; what the server says next takes its place.
  function say(text) {
    const line = document.querySelector("#status div");
    if (!line) return;
    line.textContent = text;
    setTimeout(() => line.textContent === text && (line.textContent = ""), 8000);
  }

  function select(name, { focus = false } = {}) {
    tab = name;
    refresh();
    if (focus) byId(`tab-${name}`)?.focus();
    if (name === "documents") window.askTheDocuments.look();
    document.dispatchEvent(new Event(`pane:${name}`));
  }

  const tabs = () =>
    [...document.querySelectorAll("[role=tab]")].map((each) => each.id.replace("tab-", ""));

  // A conversation is begun anew with what was said before, and a question asked in it.
  let given = null;

  // The conversation outlives a reload in its tab, and is nowhere else.
  const KEPT = "conversation";
  function keep(messages, turns) {
    const plain = messages.map(({ role, content }) => ({
      role,
      content: Array.isArray(content) ? content.map((each) => each.text ?? "").join("") : content,
    }));
    try {
      sessionStorage.setItem(KEPT, JSON.stringify({ messages: plain, turns }));
    } catch {
      sessionStorage.removeItem(KEPT); // There is no room: an older one would be another.
    }
    return [];
  }

  function converse(question, history = [], documents = {}) {
    given = { question, history, documents: Object.keys(documents).join(" ") };
    window.askTheDocuments.choose(documents);
    lit = null;
    byId("begun")?.click();
    byId("conversation")?.scrollIntoView({ behavior: calm() ? "auto" : "smooth" });
  }

  function appeared(condition) {
    return new Promise((resolve) => {
      const started = performance.now();
      const look = () =>
        condition() || performance.now() - started > 5000
          ? resolve()
          : requestAnimationFrame(look);
      look();
    });
  }

  async function light(id, { smooth = true } = {}) {
    select("article");
    await showDocument(documentOf(id));
    const sentence = byId(id);
    if (!sentence?.matches(".sentence")) {
      if (shownDocument() === documentOf(id)) say("That sentence is no longer in the document.");
      return false;
    }
    lit = id;
    mark();
    sentence.focus({ preventScroll: true });
    sentence.scrollIntoView({ block: "center", behavior: smooth && !calm() ? "smooth" : "auto" });
    history.replaceState(null, "", "#" + encodeURIComponent(id));
    return true;
  }

  function back() {
    const field = box();
    field?.focus({ preventScroll: true });
    field?.scrollIntoView({ block: "end" }); // On a phone, with the answer above it.
  }

  async function copy(link) {
    const text = link.parentElement.querySelector(".copied-text")?.textContent ?? "";
    let done = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // The clipboard is closed to pages that come over plain HTTP from another machine.
      const field = document.createElement("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      done = document.execCommand("copy");
      field.remove();
      link.focus();
    }
    const label = link.textContent;
    link.textContent = done ? "Copied" : "Could not copy";
    setTimeout(() => (link.textContent = label), 1600);
  }

  document.addEventListener("click", (event) => {
    const chosen = event.target.closest?.("[role=tab]");
    if (chosen) select(chosen.id.replace("tab-", ""), { focus: true });
    const link = event.target.closest?.("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (link.matches("a.cite")) {
      event.preventDefault();
      light(link.getAttribute("href").slice(1));
    } else if (link.matches("a.back")) {
      event.preventDefault();
      back();
    } else if (link.matches("a.to-documents")) {
      event.preventDefault();
      select("documents", { focus: true });
      byId("article-pane")?.scrollIntoView({ behavior: calm() ? "auto" : "smooth" });
    } else if (link.matches("a.to-article")) {
      event.preventDefault();
      select("article");
      byId("article-pane")?.scrollIntoView({ behavior: calm() ? "auto" : "smooth" });
      byId("article")?.focus({ preventScroll: true });
    } else if (link.matches("a.copy")) {
      event.preventDefault();
      copy(link);
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") back();
    if (/^Arrow(Left|Right)$/.test(event.key) && event.target.matches?.("[role=tab]")) {
      const names = tabs();
      const step = event.key === "ArrowRight" ? 1 : names.length - 1;
      select(names[(names.indexOf(tab) + step) % names.length], { focus: true });
    }
    if (event.key === " " && event.target.matches?.("a.copy")) {
      event.preventDefault(); // A button answers to the space bar, too.
      copy(event.target);
    }
  });

  document.addEventListener("change", (event) => {
    if (event.target.id !== "chooser") return;
    const chosen = event.target.value; // Showing the article sets it to what is shown.
    select("article");
    showDocument(chosen);
  });

  window.addEventListener("hashchange", () => {
    if (hashId().startsWith("s-")) light(hashId());
  });

  function refresh() {
    const article = byId("article");
    if (article && !article.hasAttribute("tabindex")) {
      article.setAttribute("tabindex", "0"); // A pane that scrolls has to be reachable by key.
    }
    for (const name of tabs()) {
      byId(name)?.setAttribute("role", "tabpanel");
      byId(name)?.setAttribute("aria-labelledby", `tab-${name}`);
      byId(name)?.classList.toggle("away", name !== tab);
      byId(`tab-${name}`)?.setAttribute("aria-selected", String(name === tab));
      byId(`tab-${name}`)?.setAttribute("tabindex", name === tab ? "0" : "-1");
    }
    const chooser = byId("chooser");
    const wanted = fetched || shownDocument();
    if (chooser && wanted) chooser.value = wanted;
    byId("status")?.setAttribute("role", "status"); // It stays, so its changes are spoken.
    // Gradio names a message by its raw HTML, which a screen reader would spell out.
    document.querySelectorAll("#chat [aria-label*='message: ']").forEach((message) => {
      const name = message.dataset.testid === "user" ? "You" : "Assistant";
      message.setAttribute("aria-label", name);
    });
    const field = box();
    if (field && !field.hasAttribute("aria-label")) field.setAttribute("aria-label", "Question");
    if (asking && field && !field.disabled) {
      asking = false;
      if (document.activeElement === document.body) field.focus({ preventScroll: true });
    } else if (field?.disabled) {
      asking = true;
    }
    mark();
    if (!arrived && pane && article?.querySelector(".sentence")) {
      arrived = true;
      if (hashId().startsWith("s-")) light(hashId(), { smooth: false });
    }
  }

  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      refresh();
    });
  }).observe(document.documentElement, {
    childList: true,
    subtree: true,
    attributes: true,
    attributeFilter: ["disabled"],
  });

  window.askTheArticle = {
    attach(element, props, server) {
      pane = { element, props, server };
      refresh();
    },
    select,
    converse,
    given: () => JSON.stringify(given),
    keep,
    kept: () => sessionStorage.getItem(KEPT) ?? "",
    say,
    show: showDocument,
    shown: shownDocument,
    restart() {
      lit = null;
      sessionStorage.removeItem(KEPT);
      history.replaceState(null, "", location.pathname + location.search);
      mark();
      setTimeout(back, 0);
    },
  };
})();
