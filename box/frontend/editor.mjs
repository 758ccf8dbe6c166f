// What the rich-text editor is made of, as one module: box/static/js/editor.js puts it together.

export { Editor, Extension, textblockTypeInputRule } from "@tiptap/core";
export { Link } from "@tiptap/extension-link";
export { Mention } from "@tiptap/extension-mention";
export { Table, TableCell, TableHeader, TableRow } from "@tiptap/extension-table";
export { Placeholder } from "@tiptap/extensions";
export { default as StarterKit } from "@tiptap/starter-kit";
