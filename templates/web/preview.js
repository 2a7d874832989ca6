// Asks for the preview whenever a topic changes, and puts the answer in the place of the last one.
(() => {
  const button = document.querySelector("button[data-preview]");
  const section = document.getElementById("preview");
  if (!button || !section) return;
  const said = document.getElementById("preview-said");
  const papers = document.getElementById("preview-papers");
  const pause = 600; // milliseconds: several boxes are often ticked in a row
  let timer, last;

  const refresh = async () => {
    clearTimeout(timer);
    last?.abort();
    const mine = (last = new AbortController());
    const typed = new URLSearchParams(new FormData(button.form));
    typed.delete("address"); // no business of the preview's
    section.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(button.formAction, { method: "POST", body: typed, signal: mine.signal });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = [said, papers].map((one) => page.getElementById(one.id).childNodes);
      said.replaceChildren(...found[0]);
      papers.replaceChildren(...found[1]);
    } catch {
      if (mine.signal.aborted) return; // a later one is on its way
      said.textContent = section.dataset.sorry;
      papers.replaceChildren();
    }
    section.removeAttribute("aria-busy");
  };

  button.form.addEventListener("change", ({ target }) => {
    if (target.name !== "topics" && !target.name.startsWith("own_")) return;
    clearTimeout(timer);
    timer = setTimeout(refresh, pause);
  });
  button.addEventListener("click", async (event) => {
    event.preventDefault();
    await refresh();
    section.scrollIntoView();
  });
})();
