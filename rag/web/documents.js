// The Documents view: adding, the list, and which documents are asked. The server renders every
// fragment; nothing here makes HTML. What is chosen and what is being added outlive a reload.
(() => {
  "use strict";

  const EVERY = 3000; // Milliseconds between two looks at what others have changed.
  const TOLD = 400; // Milliseconds between two looks at an addition under way.
  const kept = sessionStorage;

  let root = null;
  let version = "";
  let page = 0;
  let job = null;
  let upload = null; // The request that sends a file, to be broken off.
  let known = new Map(Object.entries(read("chosen", {}))); // Title by id, of those chosen.

  const find = (selector) => root?.querySelector(selector);
  const show = (element, shown) => element?.toggleAttribute("hidden", !shown);

  function read(name, otherwise) {
    try {
      return JSON.parse(kept.getItem(name)) ?? otherwise;
    } catch {
      return otherwise;
    }
  }

  const { Told, understood } = window.askTheServer;
  const post = (verb, given) => window.askTheServer.post(`documents/${verb}`, given);
  const { say, trying } = window.askTheServer.telling(find);

  // What is there.

  let looking = null;
  let askedAgain = false;

  // One look at a time: an older answer must not arrive after a newer one.
  function look({ again = false } = {}) {
    if (looking) {
      askedAgain ||= again;
      return looking;
    }
    looking = lookOnce(again).finally(() => {
      looking = null;
      if (askedAgain) {
        askedAgain = false;
        look({ again: true });
      }
    });
    return looking;
  }

  async function lookOnce(again) {
    if (!root) return;
    const editing = !!find(".renaming");
    const sent = [...known.keys()];
    let view;
    try {
      view = await post("look", {
        version,
        again,
        page,
        wanted: find("#find").value,
        shown: window.askTheArticle.shown() ?? "",
        chosen: sent,
      });
    } catch (error) {
      if (!(error instanceof Told)) throw error;
      fill(".trouble", "", error.message);
      return;
    }
    if (view.list === undefined) {
      if (find(".trouble").dataset.local) fill(".trouble", "");
      return;
    }
    if (editing || find(".renaming")) return; // What is being typed is not taken away.
    const isFirst = version === "";
    const moved = !isFirst && version !== view.version;
    version = view.version;
    fillList(view.list);
    fill(".trouble", view.trouble);
    show(find(".tools"), view.count > 8 || !!find("#find").value);
    for (const id of sent) {
      // Not those ticked meanwhile: the answer does not know them.
      if (!known.has(id)) continue;
      if (id in view.chosen) known.set(id, view.chosen[id]);
      else known.delete(id);
    }
    keepChosen();
    if (moved) document.getElementById("moved")?.click();
    if (isFirst && view.count === 0) window.askTheArticle.select("documents");
    if (!view.shown_is_there) await window.askTheArticle.show(view.first);
  }

  function fill(selector, html, text) {
    const place = find(selector);
    place.innerHTML = html;
    place.dataset.local = text ? "yes" : "";
    if (text) place.textContent = text;
  }

  function fillList(html) {
    const list = find(".list");
    const held = list.contains(document.activeElement) ? document.activeElement : null;
    const row = held?.closest("[data-document]")?.dataset.document;
    const open = [...list.querySelectorAll("details[open] summary")].map((each) => each.textContent);
    list.innerHTML = html;
    for (const summary of list.querySelectorAll("details summary")) {
      const name = summary.textContent.replace(/\d+/g, "");
      summary.parentElement.open = open.some((each) => each.replace(/\d+/g, "") === name);
    }
    if (!held) return;
    const place = row ? `[data-document="${CSS.escape(row)}"] ` : "";
    list.querySelector(`${place}.${held.classList[0]}`)?.focus({ preventScroll: true });
  }

  // Which documents are asked.

  function keepChosen() {
    kept.setItem("chosen", JSON.stringify(Object.fromEntries(known)));
    for (const box of root.querySelectorAll(".chosen")) {
      box.checked = known.has(box.closest("[data-document]").dataset.document);
    }
    tellScope();
  }

  function tellScope() {
    const scope = document.querySelector("#scope .scope");
    if (!scope) return;
    show(scope, known.size > 0);
    const [first] = known.values();
    const more = known.size > 1 ? ` and ${known.size - 1} more` : "";
    const text = `Asking only “${first}”${more}`;
    if (!known.size || scope.dataset.text === text) return;
    scope.dataset.text = text;
    const words = document.createElement("span");
    words.textContent = text;
    const all = document.createElement("button");
    all.type = "button";
    all.className = "ask-all";
    all.textContent = "Ask all documents";
    scope.replaceChildren(words, all);
  }

  async function choose() {
    const told = await trying(() => post("found", { wanted: find("#find").value }));
    if (!told) return;
    known = new Map(Object.entries(told.chosen));
    keepChosen();
  }

  // Adding.

  async function addFiles(files) {
    if (!files.length) return;
    if (job || upload) return say("Wait until the addition under way has ended.", { fault: true });
    window.askTheArticle.select("documents");
    clear();
    const tokens = [];
    const refused = [];
    for (const [i, file] of files.entries()) {
      const told = (share) =>
        work(`Sending ${file.name} (${i + 1} of ${files.length})`, share * 100);
      told(0);
      try {
        tokens.push((await send(file, told)).upload);
      } catch (error) {
        if (!(error instanceof Told)) throw error;
        if (!upload) {
          work(null);
          return say("Stopped: nothing was added.");
        }
        refused.push(`${file.name}: ${error.message}`);
      }
    }
    upload = null;
    if (refused.length) say(refused.join(" "), { fault: true });
    if (tokens.length) await add({ uploads: tokens });
    else work(null);
  }

  // Not fetch: only this tells how much has been sent.
  function send(file, told) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const began = performance.now();
      upload = request;
      request.open("POST", "documents/upload");
      request.setRequestHeader("x-name", encodeURIComponent(wellFormed(file.name)));
      request.upload.onprogress = (event) => {
        if (event.lengthComputable) told(event.loaded / event.total, performance.now() - began);
      };
      request.onload = () => {
        try {
          resolve(understood(request.status, request.responseText));
        } catch (error) {
          reject(error);
        }
      };
      request.onerror = () => reject(new Told("The file could not be sent or read. Try again."));
      request.onabort = () => {
        upload = null;
        reject(new Told("Stopped."));
      };
      request.send(file);
    });
  }

  // A name may hold half of a surrogate pair, which cannot be encoded.
  const wellFormed = (name) => name.toWellFormed?.() ?? name.replace(/[\ud800-\udfff]/g, "�");

  async function add(given) {
    clear({ said: false });
    const begun = await trying(() => post("add", given));
    if (!begun) {
      work(null);
      return false;
    }
    kept.setItem("job", JSON.stringify(begun.job));
    await watch(begun.job);
    return true;
  }

  async function watch(id) {
    job = id;
    try {
      for (;;) {
        const told = await trying(() => post("job", { job: id }));
        if (!told || told.gone) {
          kept.removeItem("job");
          break;
        }
        if (told.done) {
          await look({ again: true });
          work(null);
          fill(".report", told.report);
          find(".report").focus({ preventScroll: true });
          find(".report").scrollIntoView({ block: "nearest" });
          break;
        }
        work(told.text, told.percent);
        await new Promise((resolve) => setTimeout(resolve, TOLD));
      }
    } finally {
      job = null;
      work(null);
    }
  }

  function work(text, percent) {
    show(find(".work"), text !== null);
    if (text === null) return;
    find(".work-text").textContent = text;
    const bar = find(".work progress");
    if (percent === null || percent === undefined) bar.removeAttribute("value");
    else bar.value = percent;
  }

  function clear({ said = true } = {}) {
    fill(".report", "");
    if (said) say("");
    kept.removeItem("job");
  }

  function stop() {
    if (upload) upload.abort();
    else if (job) trying(() => post("stop", { job }));
  }

  // One document.

  function edit(entry) {
    const open = entry.querySelector(".open");
    const form = document.createElement("form");
    form.className = "renaming";
    const field = document.createElement("input");
    field.type = "text";
    field.value = open.textContent;
    field.setAttribute("aria-label", "Title");
    const save = document.createElement("button");
    save.className = "primary";
    save.textContent = "Save";
    const cancel = document.createElement("button");
    cancel.type = "button";
    cancel.className = "cancel";
    cancel.textContent = "Cancel";
    form.append(field, save, cancel);
    open.hidden = true;
    open.after(form);
    field.focus();
    field.select();
  }

  function endEdit(form) {
    const entry = form.closest("[data-document]");
    form.remove();
    entry.querySelector(".open").hidden = false;
    entry.querySelector(".rename").focus();
  }

  async function rename(form) {
    const id = form.closest("[data-document]").dataset.document;
    const title = form.querySelector("input").value;
    const done = await trying(() => post("rename", { id, title }));
    if (!done) return;
    endEdit(form);
    await look({ again: true });
    say(`Renamed to “${done.title}”.`);
    if (window.askTheArticle.shown() === id) window.askTheArticle.show(id, { again: true });
  }

  async function remove(entry) {
    const id = entry.dataset.document;
    const title = entry.querySelector(".open").textContent;
    const button = entry.querySelector(".remove");
    button.disabled = true; // Among a thousand documents it takes a second or two.
    say(`Removing “${title}” …`);
    const done = await trying(() => post("remove", { id }));
    button.disabled = false;
    if (!done) return;
    say("");
    const line = document.createElement("p");
    line.dataset.document = id;
    const words = document.createElement("span");
    words.textContent = `Removed “${title}”.`;
    const undo = document.createElement("button");
    undo.type = "button";
    undo.className = "restore";
    undo.setAttribute("aria-label", `Undo: restore “${title}”`);
    undo.textContent = "Undo";
    line.append(words, undo);
    find(".undo").replaceChildren(line);
    undo.focus();
    await look({ again: true });
  }

  async function restore(button) {
    const id = button.closest("[data-document]").dataset.document;
    const done = await trying(() => post("restore", { id }));
    if (!done) return;
    find(".undo").replaceChildren();
    await look({ again: true });
    say("It is back.");
    find(`.entry[data-document="${CSS.escape(id)}"] .open`)?.focus();
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest?.(".ask-all")) {
      known.clear();
      keepChosen();
      document.querySelector("#question textarea")?.focus();
      return;
    }
    const button = event.target.closest?.("#documents button");
    if (!button) return;
    const entry = button.closest("[data-document]");
    if (button.matches(".choose")) find(".files").click();
    else if (button.matches(".stop")) stop();
    else if (button.matches(".close")) {
      clear();
      find(".choose").focus();
    } else if (button.matches(".open")) {
      window.askTheArticle.select("article");
      window.askTheArticle.show(entry.dataset.document).then(() => {
        const article = document.getElementById("article");
        article.scrollTop = 0;
        article.focus({ preventScroll: true });
      });
    } else if (button.matches(".rename")) edit(entry);
    else if (button.matches(".cancel")) endEdit(button.closest("form"));
    else if (button.matches(".remove")) remove(entry);
    else if (button.matches(".restore")) restore(button);
    else if (button.matches(".ask-found")) choose();
    else if (button.matches(".turn")) {
      page = Number(button.dataset.page);
      look({ again: true }).then(() => find(".list").scrollIntoView({ block: "start" }));
    }
  });

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.closest("#documents")) return;
    event.preventDefault();
    if (form.matches(".renaming")) return rename(form);
    if (job || upload) return say("Wait until the addition under way has ended.", { fault: true });
    const [address, title, text] = ["#add-address", "#add-title", "#add-text"].map(find);
    const isAddress = form.matches(".add-address");
    const given = isAddress
      ? { address: address.value }
      : { title: title.value, text: text.value };
    if (await add(given)) {
      for (const field of isAddress ? [address] : [title, text]) field.value = "";
      form.closest("details").open = false; // Else the list stays below the fold.
    }
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches(".files")) {
      const files = [...event.target.files];
      event.target.value = ""; // The same file again is another addition.
      addFiles(files);
    }
    if (event.target.matches("#documents .chosen")) {
      const entry = event.target.closest("[data-document]");
      const id = entry.dataset.document;
      if (event.target.checked) known.set(id, entry.querySelector(".open").textContent);
      else known.delete(id);
      keepChosen();
    }
  });

  let typing = 0;
  document.addEventListener("input", (event) => {
    if (event.target.id !== "find") return;
    clearTimeout(typing);
    page = 0;
    typing = setTimeout(() => look({ again: true }), 150);
  });

  // Escape leaves what is being typed, and goes no further: the page's own takes the question box.
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || !event.target.closest?.("#documents form")) return;
      event.stopImmediatePropagation();
      if (event.target.closest(".renaming")) endEdit(event.target.closest("form"));
    },
    true,
  );

  // A file may be dropped anywhere: the browser would leave the page for it.
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const isOver = (over) => find(".drop")?.classList.toggle("over", over);
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    isOver(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) isOver(false);
  });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    isOver(false);
    addFiles([...event.dataTransfer.files]);
  });

  setInterval(() => document.visibilityState === "visible" && look(), EVERY);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") look();
  });

  window.askTheDocuments = {
    attach(element) {
      root = element.querySelector(".shelf") ?? element;
      tellScope();
      look({ again: true });
      const begun = read("job", null);
      if (begun && !job) watch(begun);
    },
    look,
    chosen: () => [...known.keys()].join(" "),
    choose(titles) {
      known = new Map(Object.entries(titles));
      keepChosen();
    },
  };
})();
