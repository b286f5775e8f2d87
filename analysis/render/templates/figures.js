"use strict";
// The marks of a figure say what they are; what belongs to one of them stands out while the rest steps back.
(() => {
  const tip = document.getElementById("tip");
  const keys = document.getElementById("figure-keys");
  const texts = new Map();
  const releases = [];
  let shown = null, pointer = null;

  const announce = (text) => { document.getElementById("announce").textContent = text; };
  const names = (element) => (element.dataset.of ?? "").split(" ").filter(Boolean);
  const between = (low, value, high) => Math.max(low, Math.min(value, high));
  const frame = (mark) => {
    const box = mark.getBoundingClientRect();
    return { box, x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
  };

  const place = () => {
    if (!shown) return;
    const { box, x, y } = frame(shown);
    const isBox = shown.matches(".box");
    const left = between(box.left, pointer?.x ?? x, box.right) - tip.offsetWidth / 2;
    const top = isBox ? box.top : between(box.top, pointer?.y ?? y, box.bottom);
    const above = top - tip.offsetHeight - 12;
    tip.style.left = `${between(8, left, document.documentElement.clientWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${above > 8 ? above : (isBox ? box.bottom : top) + 12}px`;
  };

  // `at` is where the pointer is; without it the mark was reached by keyboard.
  const show = (mark, at) => {
    if (shown !== mark || !at !== !pointer) {
      shown?.classList.remove("now");
      mark?.classList.add("now");
      tip.replaceChildren(...(texts.get(mark) ?? []).map((line, index) => {
        const element = document.createElement(index ? "span" : "strong");
        element.textContent = line;
        return element;
      }));
      if (mark && !at) tip.append(Object.assign(document.createElement("small"), { textContent: keys.textContent }));
    }
    [shown, pointer] = [mark, at];
    tip.hidden = !mark;
    place();
  };

  // Of the marks under a point the smallest, and of equals the one whose middle is nearest.
  const under = (svg, at) => document.elementsFromPoint(at.x, at.y)
    .filter((element) => element.matches(".mark") && svg.contains(element))
    .map((mark) => ({ mark, ...frame(mark) }))
    .map(({ mark, box, x, y }) => ({ mark, size: Math.round(box.width + box.height), far: Math.hypot(x - at.x, y - at.y) }))
    .sort((one, other) => one.size - other.size || one.far - other.far)[0]?.mark ?? null;

  for (const svg of document.querySelectorAll(".drawing svg")) {
    const marks = [...svg.querySelectorAll(".mark")];
    if (!marks.length) continue;
    const parts = [...svg.querySelectorAll("g[data-of]")].map((part) => [part, new Set(names(part))]);
    // Cells of a heat map are one drawing: the cells that belong together get a frame instead.
    const cells = parts.length ? [] : marks.map((mark) => [mark, new Set(names(mark))]);
    let kept = null, bright = null;

    const name = (mark) => (mark ? names(mark)[0] ?? null : null);
    const emphasise = (chosen) => {
      if (chosen === bright) return;
      bright = chosen;
      // What stands out keeps its labels: the verdict of a row, the parts of a bar.
      const near = new Set(parts.filter(([, own]) => own.has(chosen)).flatMap(([, own]) => [...own]));
      const stays = (own) => own.has(chosen) || (own.size === 1 && near.has([...own][0]));
      for (const [part, own] of parts) {
        part.classList.toggle("dim", chosen !== null && !stays(own));
        part.classList.toggle("lit", own.has(chosen));
      }
      for (const [cell, own] of cells) cell.classList.toggle("lit", own.has(chosen));
    };
    const point = (mark, at) => {
      show(mark, at);
      emphasise(kept ?? name(mark));
    };
    const keep = (chosen, text) => {
      if (chosen === kept) return;
      kept = chosen;
      for (const mark of marks) if (name(mark) !== null) mark.setAttribute("aria-pressed", String(name(mark) === kept));
      emphasise(kept);
      announce(kept === null ? "Released" : `Kept: ${text}`);
    };
    const toggle = (mark) => keep(name(mark) === kept ? null : name(mark), texts.get(mark)?.[0]);
    const move = (mark) => {
      for (const other of marks) other.tabIndex = other === mark ? 0 : -1;
      mark.focus();
    };
    // The nearest mark above or below, rather in the same column than in the same row.
    const vertically = (from, sign) => {
      const start = frame(from);
      const far = ({ x, y }) => sign * (y - start.y) + 3 * Math.abs(x - start.x);
      return marks.map((mark) => ({ mark, ...frame(mark) })).filter(({ y }) => sign * (y - start.y) > 3)
        .sort((one, other) => far(one) - far(other))[0]?.mark ?? from;
    };
    releases.push(() => {
      keep(null);
      emphasise(null);
    });

    // An image hides what is in it from assistive technology; a group of buttons does not. Its frame, which could be
    // reached in order to be scrolled, has nothing more to say: whoever reaches a mark scrolls with it.
    const holder = svg.parentElement;
    for (const attribute of ["tabindex", "role", "aria-label"]) holder.removeAttribute(attribute);
    const title = svg.querySelector("title");
    svg.setAttribute("role", "group");
    svg.setAttribute("aria-label", title.textContent);
    svg.setAttribute("aria-describedby", `${svg.querySelector("desc").id} ${keys.id}`);
    svg.removeAttribute("aria-labelledby");
    title.remove();
    for (const part of svg.querySelectorAll(":scope > g:not(.marks)")) part.setAttribute("aria-hidden", "true");
    marks.forEach((mark, index) => {
      const [first, ...rest] = mark.textContent.split("\n");
      texts.set(mark, [first, ...rest]);
      mark.replaceChildren();
      mark.setAttribute("aria-label", rest.length ? `${first}: ${rest.join("; ")}` : first);
      mark.setAttribute("role", name(mark) === null ? "img" : "button");
      if (name(mark) !== null) mark.setAttribute("aria-pressed", "false");
      mark.tabIndex = index ? -1 : 0;
    });

    svg.addEventListener("pointermove", (event) => point(under(svg, event), event));
    svg.addEventListener("pointerleave", () => point(null));
    svg.addEventListener("click", (event) => {
      // Assistive technology clicks without a place.
      const mark = under(svg, event) ?? event.target.closest(".mark");
      if (mark) move(mark);
      toggle(mark);
      point(mark, event);
    });
    // Not on the drawing itself, which Chromium would make a stop of its own for listening to the focus.
    holder.addEventListener("focusin", (event) => { if (event.target.matches(".mark:focus-visible")) point(event.target); });
    holder.addEventListener("focusout", () => point(null));
    svg.addEventListener("keydown", (event) => {
      const now = marks.indexOf(event.target);
      if (now < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
      switch (event.key) {
        case "ArrowRight": move(marks[now + 1] ?? marks[now]); break;
        case "ArrowLeft": move(marks[now - 1] ?? marks[now]); break;
        case "ArrowDown": move(vertically(marks[now], 1)); break;
        case "ArrowUp": move(vertically(marks[now], -1)); break;
        case "Home": move(marks[0]); break;
        case "End": move(marks.at(-1)); break;
        case "Enter": case " ": toggle(marks[now]); break;
        default: return;
      }
      event.preventDefault();
    });
  }

  addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    show(null);
    for (const release of releases) release();
  });
  addEventListener("scroll", place, { capture: true, passive: true });
  addEventListener("resize", place);
})();
