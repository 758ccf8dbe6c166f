// The pictures of a post, one after another over the whole window: keys, swipes, zoom, and the way back.
//
//   <ul class="pictures"> of <a href="original" data-picture="preview"><img></a>, within a [data-viewer="{...}"]
//
// Both addresses are the portal's: each asking gives a link to the store that has just been made, so that a
// picture which was waiting for longer than such a link lives is simply asked for.

document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("a[data-picture]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const list = link.closest("ul");
  const said = JSON.parse(list.closest("[data-viewer]").dataset.viewer);
  let PhotoSwipe;
  try {
    [{ default: PhotoSwipe }] = await Promise.all([import(said.script), style(said.style)]);
  } catch {
    window.open(link.href, "_blank", "noopener");
    return;
  }
  const links = [...list.querySelectorAll("a[data-picture]")];
  open(PhotoSwipe, links, links.indexOf(link), said);
});

function open(PhotoSwipe, links, index, said) {
  const viewer = new PhotoSwipe({
    dataSource: links.map(item),
    index,
    bgOpacity: 0.92,
    showHideAnimationType: matchMedia("(prefers-reduced-motion: reduce)").matches ? "none" : "fade",
    closeTitle: said.close,
    zoomTitle: said.zoom,
    arrowPrevTitle: said.previous,
    arrowNextTitle: said.next,
    errorMsg: said.failed,
    wheelToZoom: true,
  });
  viewer.on("uiRegister", () => {
    viewer.ui.registerElement({
      name: "download",
      order: 8,
      isButton: true,
      tagName: "a",
      title: said.download,
      ariaLabel: said.download,
      html: said.icon,
      onInit: (button) =>
        viewer.on("change", () => {
          button.href = viewer.currSlide.data.original;
          button.download = viewer.currSlide.data.alt;
        }),
    });
  });
  // What a browser cannot show as it is, such as a TIFF, it sees as the portal has drawn it.
  viewer.on("loadError", ({ content }) => {
    if (content.data.src === content.data.preview) return;
    content.data.src = content.data.preview;
    setTimeout(() => viewer.refreshSlideContent(content.index));
  });
  // The library fetches the focus back once it has left; here it never leaves.
  viewer.on("keydown", ({ originalEvent: event }) => {
    if (event.key !== "Tab") return;
    const stops = [...viewer.element.querySelectorAll("button, a[href]")].filter(
      (one) => !one.disabled && one.offsetParent,
    );
    const at = stops.indexOf(document.activeElement);
    event.preventDefault();
    stops.at(event.shiftKey ? Math.max(at, 0) - 1 : (at + 1) % stops.length)?.focus();
  });
  viewer.on("afterInit", () => viewer.element.setAttribute("aria-label", said.title));
  viewer.on("change", () => viewer.element.setAttribute("aria-label", `${said.title}: ${viewer.currSlide.data.alt}`));
  viewer.init();
}

function item(link) {
  const picture = link.querySelector("img");
  const [width, height] = [Number(picture.getAttribute("width")), Number(picture.getAttribute("height"))];
  return {
    src: link.href,
    original: link.href,
    preview: link.dataset.picture,
    width,
    height,
    alt: picture.alt,
    msrc: picture.currentSrc,
  };
}

function style(href) {
  if (document.querySelector(`link[href="${href}"]`)) return null;
  const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href });
  const arrived = new Promise((done, failed) => {
    sheet.addEventListener("load", done);
    sheet.addEventListener("error", failed);
  });
  document.head.append(sheet);
  return arrived;
}
