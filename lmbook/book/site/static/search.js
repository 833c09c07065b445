/* The search of the book. Its index is a script, so that it also works on pages opened from disk. */
"use strict";
(function () {
  const root = document.documentElement.dataset.content_root || "./";
  const SHOWN = 8;
  const HAN = /\p{Script=Han}/u;
  /* Pages that tell of many lessons, which stand below the lesson that is meant. */
  const ABOUT_MANY = /^(chapters\/[^/]+\/(index|measured)|docs\/results)\.html$/;

  /* Words, and of Chinese each sign and each pair of signs. A query leaves single signs out where it has pairs. */
  function tokens(text, isQuery) {
    const found = [];
    for (const [run] of text.normalize("NFKC").toLowerCase().matchAll(/\p{Script=Han}+|[\p{L}\p{N}_]+/gu)) {
      const parts = HAN.test(run) ? run.match(/\p{Script=Han}+|[^\p{Script=Han}]+/gu) : [run];
      for (const part of parts) {
        if (!HAN.test(part)) {
          found.push(part);
          if (part.includes("_")) found.push(...part.split("_").filter(Boolean));
          continue;
        }
        const signs = Array.from(part);
        if (!isQuery || signs.length === 1) found.push(...signs);
        for (let i = 0; i + 1 < signs.length; i++) found.push(signs[i] + signs[i + 1]);
      }
    }
    return found;
  }

  let index = null;
  let entries = [];
  let loading = null;

  function script(name) {
    return new Promise(function (done, failed) {
      const made = document.createElement("script");
      made.src = root + "_static/" + name;
      made.onload = done;
      made.onerror = failed;
      document.head.append(made);
    });
  }

  function load() {
    loading ||= Promise.all([script("minisearch/minisearch.js"), script("search-index.js")]).then(function () {
      entries = window.lmbookSearch;
      index = new MiniSearch({ fields: ["page", "heading", "text", "code"], tokenize: (text) => tokens(text, false) });
      index.addAll(entries.map((entry, id) => ({ id, ...entry })));
    });
    return loading;
  }

  const plain = (text) => tokens(text || "", false).join(" ");

  /* The best sections, one for each page. */
  function find(query) {
    const asked = plain(query);
    const term = entries.find((entry) => (entry.heading || "").split(" · ").includes(query.trim()));
    const scored = index.search(term ? term.heading : query, { /* a term in all its names, so that 词嵌入 finds lessons */
      tokenize: (text) => tokens(text, true),
      boost: { page: 3, heading: 4, code: 0.3 },
      prefix: (term) => term.length > 2 && !HAN.test(term),
      fuzzy: (term) => (term.length > 4 && !HAN.test(term) ? 0.2 : false),
      weights: { fuzzy: 0.2, prefix: 0.4 },
    });
    const best = new Map();
    for (const { id, score, terms } of scored) {
      const entry = entries[id];
      const names = (entry.heading || entry.page.replace(/^\d+\. /, "")).split(" · ");
      const page = entry.url.split("#")[0];
      const named = names.some((name) => plain(name) === asked) ? 3 : 1;
      const rank = score * named * (ABOUT_MANY.test(page) ? 0.7 : 1);
      if (!best.has(page) || best.get(page).rank < rank) best.set(page, { entry, rank, terms });
    }
    return [...best.values()].sort((a, b) => b.rank - a.rank).slice(0, SHOWN);
  }

  /* What is marked: the words found, and of Chinese every run of the signs that were asked for. */
  function pattern(terms, query) {
    const words = terms.filter((term) => !HAN.test(term)).sort((a, b) => b.length - a.length);
    const runs = (query.match(/\p{Script=Han}+/gu) || []).map((run) => `[${run}]{${Math.min(2, run.length)},}`);
    return new RegExp("(" + [...words, ...runs].join("|") + ")", "giu");
  }

  /* The text as nodes, with every hit marked. */
  function marked(text, hit) {
    return text.split(hit).map(function (piece, i) {
      return i % 2 ? element("mark", {}, piece) : document.createTextNode(piece);
    });
  }

  /* The text around the first hit. */
  function excerpt(text, hit) {
    const at = Math.max(0, text.search(hit));
    const from = at > 60 ? text.indexOf(" ", at - 60) + 1 : 0;
    return (from ? "… " : "") + text.slice(from, from + 180) + (text.length > from + 180 ? " …" : "");
  }

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  function result({ entry, terms }, query) {
    const hit = pattern(terms, query);
    const where = entry.page + (entry.heading ? " › " + entry.heading : "");
    return [
      element("span", { class: "result-title" }, ...marked(where, hit)),
      element("span", { class: "result-text" }, ...marked(excerpt(entry.text || "", hit), hit)),
    ];
  }

  function count(found, query) {
    if (!query.trim()) return "";
    if (!found.length) return "Nothing found. Try another word, or fewer.";
    return found.length === 1 ? "1 page" : found.length + (found.length === SHOWN ? " best pages" : " pages");
  }

  /* A field with a list of results below it. In the dialog the list is chosen from by arrow keys; on the search page it
     is a list of links. */
  function field(holder, isDialog) {
    const options = { type: "search", placeholder: "attention, 注意力, perplexity …", "aria-label": "Search the book" };
    const combobox = { role: "combobox", "aria-expanded": "false", "aria-controls": "search-results", "aria-autocomplete": "list" };
    const input = element("input", { ...options, autocomplete: "off", spellcheck: "false", ...(isDialog ? combobox : {}) });
    const list = element("ul", { id: "search-results", hidden: "", ...(isDialog ? { role: "listbox", "aria-label": "Pages found" } : {}) });
    const status = element("p", { role: "status", class: "search-status" });
    holder.append(input, status, list);
    let chosen = -1;

    function choose(next) {
      const items = [...list.children];
      if (!items.length) return;
      chosen = (next + items.length) % items.length;
      items.forEach((item, i) => item.setAttribute("aria-selected", String(i === chosen)));
      input.setAttribute("aria-activedescendant", items[chosen].id);
      items[chosen].scrollIntoView({ block: "nearest" });
    }

    async function show() {
      await load();
      const found = input.value.trim() ? find(input.value) : [];
      list.replaceChildren(
        ...found.map(function (each, i) {
          const address = root + each.entry.url;
          if (!isDialog) return element("li", {}, element("a", { href: address }, ...result(each, input.value)));
          const item = element("li", { role: "option", id: "search-result-" + i, "data-url": address }, ...result(each, input.value));
          item.addEventListener("click", () => go(item));
          return item;
        }),
      );
      list.hidden = !found.length;
      status.textContent = count(found, input.value);
      list.dataset.query = input.value; /* what the list answers now */
      if (!isDialog) return;
      input.setAttribute("aria-expanded", String(found.length > 0));
      input.removeAttribute("aria-activedescendant");
      choose(0);
    }

    function go(item) {
      if (!item) return;
      holder.close();
      window.location.href = item.dataset.url;
    }

    input.addEventListener("input", show);
    if (isDialog) {
      input.addEventListener("keydown", function (event) {
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (step) choose(chosen + step);
        else if (event.key === "Enter") go(list.children[chosen]);
        else if (event.key === "Escape") holder.close(); /* a search field would only be emptied by the first Escape */
        else return;
        event.preventDefault();
      });
    }
    return { input, show };
  }

  let dialog = null;
  function open() {
    if (!dialog) {
      const box = element("dialog", { class: "site-search", "aria-label": "Search the book" });
      document.body.append(box);
      dialog = { box, ...field(box, true) };
      box.addEventListener("click", (event) => event.target === box && box.close());
    }
    dialog.box.showModal();
    dialog.input.select();
    load();
  }

  document.querySelectorAll("[data-search]").forEach((button) => button.addEventListener("click", open));
  document.addEventListener("keydown", function (event) {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    const shortcut = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
    if (!shortcut && (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey)) return;
    event.preventDefault();
    if (!dialog?.box.open) open();
  });

  const page = document.getElementById("search-page");
  if (page) {
    const { input, show } = field(page, false);
    input.value = new URLSearchParams(window.location.search).get("q") || "";
    input.focus();
    show();
  }
})();
