// Who will see what one writes: chosen principals as chips, and a search for more.

const EVERYONE = "UA";

export function audience() {
  return {
    chosen: [],
    isOpen: false,

    init() {
      // On the component, or on the form around it where that is rendered for each person and this is not.
      const given = this.$root.closest("[data-chosen]").dataset;
      this.chosen = JSON.parse(given.chosen);
      const form = this.$root.closest("form");
      // A form may ask for several: each keeps its own.
      const name = given.name ?? "audience";
      form.addEventListener("draft:save", ({ detail }) => (detail[name] = [...this.chosen]));
      form.addEventListener(
        "draft:restore",
        ({ detail }) => detail[name]?.length && (this.chosen = this.translated(detail[name])),
      );
      form.addEventListener("draft:dropped", () => (this.chosen = JSON.parse(given.usual)));
    },

    // A draft may have been begun in another language. What all are called is ours to say; other names are their own.
    translated(chosen) {
      const { everyone } = this.$root.dataset;
      return chosen.map((one) => (one.code === EVERYONE && everyone ? { ...one, name: everyone } : one));
    },

    open() {
      this.isOpen = true;
      this.$nextTick(() => this.$refs.search.focus());
      this.$refs.search.dispatchEvent(new Event("input", { bubbles: true }));
    },

    close() {
      this.isOpen = false;
    },

    // "All employees" contains everybody: beside it nothing else needs to be said.
    choose(event) {
      const button = event.target.closest("[data-code]");
      if (!button) return;
      const one = { code: button.dataset.code, name: button.dataset.name };
      const others = this.chosen.filter(({ code }) => code !== one.code && code !== EVERYONE);
      this.chosen = one.code === EVERYONE || "one" in this.$root.dataset ? [one] : [...others, one];
      this.close();
      this.$refs.search.value = "";
      this.$refs.more.focus();
      this.changed();
    },

    // What a screen reader says of a chip's button.
    label(name) {
      return `${this.$root.dataset.remove} ${name}`;
    },

    remove(code) {
      this.chosen = this.chosen.filter((one) => one.code !== code);
      this.$refs.more.focus();
      this.changed();
    },

    changed() {
      this.$root.dispatchEvent(new CustomEvent("draft:changed", { bubbles: true }));
    },
  };
}
